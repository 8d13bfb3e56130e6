"""What a look is made for: how long instances have waited for a change, and which messages come again."""

from dataclasses import replace

import pytest

from cdk_instance_role.runtime.association.drift.breaker import EnforcementState
from cdk_instance_role.runtime.association.enforce.cause import Cause
from cdk_instance_role.runtime.association.enforce.queue_messages import Hint

NOW = 1000.0


def message(seconds: float, *, about: str | None, receives: int = 1) -> Hint:
    """One that was sent so many seconds ago, about an instance or, with None, of a sweep."""
    return Hint(id=f"m-{seconds}", receipt_handle="r", sent_at=NOW - seconds, receives=receives, instance_id=about)


@pytest.mark.parametrize(
    ("messages", "known", "waited"),
    [
        ([message(2, about="i-1")], (), 2),
        ([message(60, about="i-1", receives=4)], (), 60),
        ([message(2, about="i-2"), message(3, about="i-1")], (), 3),
        ([message(2, about="i-2")], (), 2),
        ([message(2, about="i-2"), message(60, about="i-3", receives=4)], (), 2),
        ([message(60, about="i-2", receives=4)], (), 0),
        ([message(60, about="i-2", receives=4)], ("i-1",), 60),
        ([message(90, about=None)], (), 90),
        ([message(90, about=None), message(2, about="i-1")], (), 2),
        ([message(90, about=None, receives=2)], (), 90),
    ],
    ids=[
        "named",
        "named by one that comes again",
        "named beside another",
        "found beside another that was launched at the same time",
        "found beside others, of which one is new",
        "found before the message about it came",
        "left by the look before",
        "found by a sweep",
        "named beside a sweep",
        "found by a sweep that AWS did not answer at first",
    ],
)
def test_an_instance_has_waited_since_the_message_that_is_about_it(
    messages: list[Hint], known: tuple[str, ...], waited: float
) -> None:
    assert Cause.of(messages).longest_wait(["i-1"], known, NOW) == waited


def test_the_instance_counts_that_has_waited_longest() -> None:
    cause = Cause.of([message(2, about="i-1"), message(7, about="i-2")])
    assert cause.longest_wait(["i-1", "i-2"], (), NOW) == 7


def test_an_instance_that_only_the_second_look_finds_has_waited_no_longer_than_since_the_first_look() -> None:
    cause = Cause.of([message(15, about="i-2")]).again(NOW - 10)
    assert cause.longest_wait(["i-1"], (), NOW) == 10
    assert cause.longest_wait(["i-2"], (), NOW) == 15


def test_an_instance_has_not_waited_less_than_no_time_when_the_clock_of_the_sender_is_ahead() -> None:
    assert Cause.of([message(-3, about="i-1")]).longest_wait(["i-1"], (), NOW) == 0


def test_a_look_that_changes_nothing_has_no_lag() -> None:
    assert Cause.of([message(2, about="i-1")]).longest_wait([], (), NOW) == 0


EVENT, SWEEP = message(1, about="i-1"), message(2, about=None)
NAMED = replace(message(20, about=None), association="A")
RESUME, OLD_RESUME = (replace(message(at, about=None), resumes=True) for at in (30, 40))


@pytest.mark.parametrize(
    ("state", "again"),
    [
        (EnforcementState(), [EVENT, NAMED, RESUME, OLD_RESUME]),
        (EnforcementState(resumed_at=NOW - 35), [EVENT, NAMED, RESUME]),
        (EnforcementState(resumed_at=NOW - 30), [EVENT, NAMED]),
        (EnforcementState(resumed_at=NOW - 30, swept_at=NOW - 10), [EVENT]),
    ],
    ids=["nothing was done", "an older one was resumed", "it was resumed", "it was swept, too"],
)
def test_the_youngest_message_comes_again_and_all_that_people_wait_for(
    state: EnforcementState, again: list[Hint]
) -> None:
    cause = Cause.of([OLD_RESUME, RESUME, NAMED, SWEEP, EVENT])
    assert {hint.id for hint in cause.for_next_look(state)} == {hint.id for hint in again}
    assert {hint.id for hint in cause.unfulfilled(state)} == {hint.id for hint in again} - {EVENT.id}
