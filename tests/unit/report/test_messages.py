"""Messages and log lines for people."""

import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_instance_role.runtime.association.decide.outcome import ErrorKind, Outcome
from cdk_instance_role.runtime.association.decide.step import Action, Plan, Step
from cdk_instance_role.runtime.association.report.log import (
    write_enforcement,
    write_operation,
    write_outcomes,
    write_steps,
)
from cdk_instance_role.runtime.association.report.messages import (
    MESSAGE_BYTES,
    counts,
    failure,
    overdue,
    problem,
    refusal,
    refused,
    restore_failed,
    restore_unfinished,
    restored,
)
from tests.unit.builders import (
    ACCOUNT,
    FOREIGN,
    ID,
    LISTED,
    REGION,
    WANTED,
    desired,
    instance_id,
    record,
    request,
    snapshot,
)

REPLACE = Step(ID, Action.REPLACE, "replace Listed with Wanted", before=LISTED, after=WANTED)


def keep(number: int, after: str = WANTED, *, warning: bool = False) -> Step:
    return Step(instance_id(number), Action.KEEP, "carries it", before=after, after=after, warning=warning)


# Sentences


def test_a_problem_says_what_is_wrong_and_what_to_do() -> None:
    step = Step(ID, Action.REJECT, "is terminated", advice="take it out of the selection")

    assert problem(step) == f"instance {ID} is terminated: take it out of the selection"


@pytest.mark.parametrize(
    ("step", "words"),
    [
        pytest.param(REPLACE, "associate Wanted", id="a profile put there"),
        pytest.param(Step(ID, Action.REPLACE, "", after=LISTED, undo=True), "restore Listed", id="a restore"),
        pytest.param(
            Step(ID, Action.DISASSOCIATE, "", before=WANTED, undo=True), "disassociate Wanted", id="a disassociation"
        ),
    ],
)
def test_a_refused_change_says_what_was_tried_and_why_not(step: Step, words: str) -> None:
    sentence = refused(Outcome(step, ErrorKind.REFUSED, "IncorrectState: no"))

    assert sentence == f"instance {ID}: to {words} was refused, IncorrectState: no"


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        pytest.param({}, "disassociate Listed", id="the first half"),
        pytest.param({"disassociated": True}, "associate Wanted", id="the second half"),
        pytest.param({"reverted": True}, "associate Wanted", id="the second half, in an earlier invocation"),
    ],
)
def test_a_refused_swap_names_the_half_that_was_refused(outcome: dict[str, bool], words: str) -> None:
    swap = Step(ID, Action.SWAP, "", before=LISTED, after=WANTED)

    assert f"to {words} was refused" in refused(Outcome(swap, ErrorKind.REFUSED, "no", **outcome))


def test_a_denied_change_of_a_profile_says_what_may_be_missing() -> None:
    assert "Listed is not of this stack, it has to be listed" in refused(Outcome(REPLACE, ErrorKind.DENIED, "no"))


def test_a_denied_change_of_a_bare_instance_has_no_profile_to_list() -> None:
    step = Step(ID, Action.ASSOCIATE, "associate Wanted", after=WANTED)

    assert "`replaces`" not in refused(Outcome(step, ErrorKind.DENIED, "no"))


def test_a_denied_change_is_reported_without_the_encoded_message() -> None:
    detail = "You are not authorized. User: x is not authorized. Encoded authorization failure message: 4dKx8"

    assert "4dKx8" not in refused(Outcome(REPLACE, ErrorKind.DENIED, detail))


def test_a_change_that_is_not_done_in_time_says_what_it_waits_for() -> None:
    said = overdue(Step(ID, Action.WAIT, "the instance is pending"), 120.0)

    assert said == f"instance {ID}: the instance is pending, and 120 seconds were not enough for it"


# Messages


@pytest.mark.parametrize(("left", "words"), [(1, "1 instance is"), (2, "2 instances are")])
def test_a_create_that_has_no_time_to_restore_says_how_many_instances_are_left_and_why(left: int, words: str) -> None:
    said = restore_unfinished(left, "instance i-1: restore Old was denied", "the association failed", retain=False)
    why = "instance i-1: restore Old was denied"
    assert said == f"the association failed; {words} not restored yet ({why}), the Delete that follows does the rest"


def test_a_create_that_has_no_time_to_restore_says_so_however_long_its_reasons_are() -> None:
    said = restore_unfinished(3, "é" * 4000, "f" * 4000, retain=True)
    assert len(said.encode()) <= MESSAGE_BYTES
    assert "; 3 instances are not restored yet (é" in said
    assert said.startswith("f" * 300)


@pytest.mark.parametrize("message", [refusal, failure])
def test_a_message_names_the_account_and_region(message: Any) -> None:
    text = message(request(), ["first", "second"])

    assert f"{REGION} (account {ACCOUNT})" in text
    assert text.endswith(": first; second")


def test_a_refusal_says_that_nothing_was_changed() -> None:
    assert refusal(request(), ["first"]).startswith("nothing has been changed")


def test_failed_restores_follow_the_first_reason() -> None:
    text = restore_failed(request("Delete"), ["second"], "first")

    assert text.startswith("first; and then not every instance")
    assert text.endswith(": second")


def test_failed_restores_are_reported_without_another_reason() -> None:
    assert restore_failed(request("Delete"), ["second"], None).startswith("not every instance")


def test_a_long_message_names_the_first_ones_the_number_of_the_others_and_their_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/associations")
    sentences = [f"instance {instance_id(number)} carries another profile" for number in range(1000)]
    text = refusal(request(), sentences)
    shown = text.count("carries another profile")

    assert instance_id(0) in text
    assert shown > 10
    assert text.endswith(f"; and {1000 - shown} more, see /aws/lambda/associations")
    assert len(text.encode()) <= MESSAGE_BYTES


def test_names_the_log_group_that_the_function_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/associations")
    monkeypatch.setenv("LOG_GROUP", "Stack-ProviderLog-1A2B")

    assert refusal(request(), ["x" * 400] * 10).endswith("more, see Stack-ProviderLog-1A2B")


def test_without_the_name_of_the_log_group_there_is_still_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_LAMBDA_LOG_GROUP_NAME", raising=False)

    assert refusal(request(), ["x" * 400] * 10).endswith("more, see the function's log")


def test_a_message_that_fits_is_not_cut() -> None:
    assert " more, see " not in refusal(request(), ["x" * 100] * 10)


@given(
    sentences=st.lists(st.integers(1, 2 * MESSAGE_BYTES).map(lambda size: "ä" * size), max_size=4),
    first=st.none() | st.integers(1, MESSAGE_BYTES).map(lambda size: "x" * size),
)
def test_no_message_is_longer_than_cloudformation_accepts(sentences: list[str], first: str | None) -> None:
    for text in (
        refusal(request(), sentences),
        failure(request(), sentences),
        restore_failed(request(), sentences, first),
    ):
        assert len(text.encode()) <= MESSAGE_BYTES


def test_a_long_message_still_names_the_log_group_when_everything_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_LOG_GROUP_NAME", "the-log")
    text = restored(failure(request(), [f"instance {number}: {'x' * 300}" for number in range(20)]))

    assert "more, see the-log; every instance carries again what it carried before" in text


def test_a_create_that_failed_says_that_everything_is_restored() -> None:
    assert restored("first") == "first; every instance carries again what it carried before"


# Counts


def test_counts_what_was_associated_replaced_and_kept() -> None:
    plan = Plan((keep(1), keep(2), keep(3), keep(4), keep(5, FOREIGN, warning=True), keep(6)))
    known = snapshot(
        records=[
            record(id=instance_id(1)),
            record(id=instance_id(2)),
            record(LISTED, id=instance_id(3)),
            record(WANTED, id=instance_id(4)),
        ]
    )

    assert counts(plan, known, desired()) == {"AssociatedCount": "2", "ReplacedCount": "1", "KeptCount": "3"}


def test_a_conflict_that_is_kept_counts_as_kept_even_if_it_carried_our_profile_once() -> None:
    plan = Plan((keep(1, FOREIGN, warning=True),))

    assert counts(plan, snapshot(records=[record(id=instance_id(1))]), desired())["KeptCount"] == "1"


def test_instances_that_leave_are_not_counted() -> None:
    plan = Plan((Step(ID, Action.FORGET, "the instance is gone", undo=True),))

    assert set(counts(plan, snapshot(records=[record()]), desired()).values()) == {"0"}


# The log


def test_logs_one_line_for_every_step(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        write_steps(request(), [keep(1), keep(2, FOREIGN, warning=True)])

    first, second = caplog.records
    assert (first.levelno, first.getMessage()) == (logging.INFO, f"{instance_id(1)}: carries it")
    assert second.levelno == logging.WARNING
    assert (first.association, first.instance, first.action, first.before, first.after, first.error) == (  # type: ignore[attr-defined]
        "Association",
        instance_id(1),
        "keep",
        WANTED,
        WANTED,
        None,
    )


def test_logs_which_changes_ec2_has_accepted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        write_outcomes(request(), [Outcome(REPLACE), Outcome(REPLACE, ErrorKind.DENIED, "no")])

    accepted, denied = caplog.records
    assert (accepted.levelno, accepted.error) == (logging.INFO, None)  # type: ignore[attr-defined]
    assert (denied.levelno, denied.error) == (logging.WARNING, "no")  # type: ignore[attr-defined]


def test_logs_the_operation(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        write_operation(request("Update"), "every target is as wanted", throttled=3)

    (line,) = caplog.records
    assert line.getMessage() == "every target is as wanted"
    assert (line.association, line.request, line.throttled) == ("Association", "Update", 3)  # type: ignore[attr-defined]


def test_logs_what_enforcement_puts_off_without_the_kind_of_the_event_that_it_goes_back_to(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked = request("Update")
    with caplog.at_level(logging.INFO):
        write_enforcement(asked, "to be tried again", error="no answer")

    (line,) = caplog.records
    assert (line.association, line.request_id, line.error) == ("Association", asked.id, "no answer")  # type: ignore[attr-defined]
    assert not hasattr(line, "request")
