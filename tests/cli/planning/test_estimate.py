"""How many calls a deployment makes, in which waves, how long it takes at least, and whether there is time for it."""

from typing import Any

import pytest

from cdk_instance_role.cli.model import Estimate, Event, RolloutView
from cdk_instance_role.cli.planning.planned_change import Intent
from cdk_instance_role.cli.planning.rollout_estimate import RolloutEstimate, estimate, shared_budget_warning
from cdk_instance_role.runtime.association.aws.rate_limiter import LIMITS
from cdk_instance_role.runtime.association.decide.step import Action, Plan, Step
from cdk_instance_role.runtime.association.ledger.shared_budget import Entry
from cdk_instance_role.runtime.association.request.rollout import Rollout, Tolerance

ASSOCIATE, REPLACE, DISASSOCIATE = (
    LIMITS[call]
    for call in (
        "AssociateIamInstanceProfile",
        "ReplaceIamInstanceProfileAssociation",
        "DisassociateIamInstanceProfile",
    )
)


WAVES = Rollout(first=1, percentages=(10, 50, 100), bake=300, alarms=("Errors",), tolerance=Tolerance(2))


def steps(count: int, action: Action, after: str | None = "the profile", *, undo: bool = False) -> list[Step]:
    return [Step(f"i-{number:017x}", action, "", after=after, undo=undo) for number in range(count)]


def rollout_estimate(
    *planned: Step, event: Event = Event.UPDATE, rollout: Rollout = WAVES, timeout: float = 1800
) -> RolloutEstimate:
    return RolloutEstimate(Intent(event, rollout=rollout, timeout=timeout), Plan(planned))


@pytest.mark.parametrize(
    ("count", "action", "calls", "seconds"),
    [
        (0, Action.ASSOCIATE, 0, 0),
        (1, Action.ASSOCIATE, 1, 0),
        (100, Action.ASSOCIATE, 100, 0),
        (101, Action.ASSOCIATE, 101, 1 / ASSOCIATE.refill),
        (1000, Action.ASSOCIATE, 1000, (1000 - ASSOCIATE.capacity) / ASSOCIATE.refill),
        (1000, Action.REPLACE, 1000, (1000 - REPLACE.capacity) / REPLACE.refill),
        (1000, Action.DISASSOCIATE, 1000, (1000 - DISASSOCIATE.capacity) / DISASSOCIATE.refill),
        (1, Action.SWAP, 2, 0),
        (1000, Action.SWAP, 2000, (1000 - DISASSOCIATE.capacity) / DISASSOCIATE.refill),
    ],
)
def test_counts_calls_and_the_least_time_for_them(count: int, action: Action, calls: int, seconds: float) -> None:
    assert estimate(steps(count, action)) == Estimate(calls, seconds)


def test_estimates_three_minutes_for_a_thousand_instances_without_a_profile() -> None:
    assert estimate(steps(1000, Action.ASSOCIATE)).seconds == 180


def test_counts_the_second_half_of_a_swap_among_the_associations() -> None:
    found = estimate([*steps(100, Action.ASSOCIATE), *steps(50, Action.SWAP)])

    assert found == Estimate(200, 50 / ASSOCIATE.refill)


def test_counts_different_calls_as_simultaneous() -> None:
    found = estimate([*steps(200, Action.ASSOCIATE), *steps(200, Action.REPLACE)])

    assert found == Estimate(400, (200 - REPLACE.capacity) / REPLACE.refill)


# Waves


def test_has_the_sizes_of_the_waves_and_what_ends_them() -> None:
    found = rollout_estimate(*steps(10, Action.ASSOCIATE))

    assert found.rollout == RolloutView((1, 4, 5), 300, ("Errors",), 2)
    assert found.estimate == Estimate(10, 0, baking=900)


def test_counts_waiting_targets_in_the_waves() -> None:
    found = rollout_estimate(*steps(3, Action.WAIT), *steps(7, Action.ASSOCIATE))

    assert found.rollout == RolloutView((1, 4, 5), 300, ("Errors",), 2)
    assert found.estimate == Estimate(10, 0, baking=900)


@pytest.mark.parametrize(
    ("before", "after", "stopped", "calls"),
    [
        (None, "the profile", False, 1),
        (None, "the profile", True, 1),
        ("another", "the profile", False, 1),
        ("another", "the profile", True, 2),
        ("another", None, True, 1),
        ("the profile", "the profile", True, 0),
        (None, None, False, 0),
    ],
)
def test_counts_the_change_that_a_waiting_instance_gets_once_it_has_settled(
    before: str | None, after: str | None, stopped: bool, calls: int
) -> None:
    waiting = Step("i-1", Action.WAIT, "the instance is on its way", before=before, after=after)

    found = RolloutEstimate(Intent(Event.UPDATE), Plan((waiting,)), ["i-1"] if stopped else [])

    assert found.estimate == Estimate(calls)


def test_counts_the_renewal_of_a_profile_that_waits_for_another_one() -> None:
    waiting = Step("i-1", Action.WAIT, "", before="the profile", after="the profile", renews=True)

    assert rollout_estimate(waiting, rollout=Rollout()).estimate.calls == 1


def test_is_late_if_there_is_no_time_for_what_has_to_wait() -> None:
    (problem,) = rollout_estimate(*steps(1000, Action.WAIT), rollout=Rollout(), timeout=100).problems

    assert problem.startswith("EC2 lets 1000 changes through in 180 seconds at the earliest")


def test_counts_neither_unchanged_nor_restored_instances_in_the_waves() -> None:
    found = rollout_estimate(
        *steps(4, Action.ASSOCIATE), *steps(50, Action.KEEP), *steps(50, Action.DISASSOCIATE, None, undo=True)
    )

    assert found.rollout == RolloutView((1, 1, 2), 300, ("Errors",), 2)
    assert found.estimate.calls == 54


@pytest.mark.parametrize(("total", "tolerated"), [(1, 0), (2, 1), (3, 2), (200, 2)])
def test_max_failures_is_always_less_than_all_targets(total: int, tolerated: int) -> None:
    rollout = rollout_estimate(*steps(total, Action.ASSOCIATE)).rollout

    assert rollout
    assert rollout.max_failures == tolerated


def test_a_percentage_of_failures_is_of_the_changed_targets() -> None:
    tolerant = Rollout(first=1, growth=2, tolerance=Tolerance(2, is_percentage=True))
    rollout = rollout_estimate(*steps(150, Action.REPLACE), rollout=tolerant).rollout

    assert rollout
    assert rollout.max_failures == 3


def test_has_no_waves_if_nothing_has_to_be_changed() -> None:
    found = rollout_estimate(*steps(10, Action.KEEP), *steps(10, Action.DISASSOCIATE, None, undo=True))

    assert found.rollout is None
    assert found.estimate == Estimate(10, 0)


def test_has_no_waves_if_everything_is_changed_at_once() -> None:
    found = rollout_estimate(*steps(10, Action.ASSOCIATE), rollout=Rollout())

    assert found.rollout is None
    assert found.estimate == Estimate(10, 0)


def test_has_no_rollout_if_the_handler_is_not_called() -> None:
    found = rollout_estimate(*steps(10, Action.ASSOCIATE), event=Event.NONE, timeout=1)

    assert (found.rollout, found.estimate, found.problems) == (None, Estimate(), [])


# Time


@pytest.mark.parametrize(("timeout", "refused"), [(1110, True), (1111, False)])
def test_reports_waves_that_bake_longer_than_the_timeout(timeout: float, refused: bool) -> None:
    problem = (
        "3 waves bake for 300 seconds each and may take 70 seconds each to be confirmed, 1110 in all: "
        "that is more than the timeout of 1110 seconds, bake for a shorter time or make fewer waves, or raise it"
    )

    found = rollout_estimate(*steps(10, Action.ASSOCIATE), timeout=timeout)

    assert found.problems == [problem] * refused


def test_reports_more_changes_than_ec2_allows_within_the_timeout() -> None:
    (problem,) = rollout_estimate(*steps(1000, Action.ASSOCIATE), rollout=Rollout(), timeout=180).problems

    assert problem.startswith("EC2 lets 1000 changes through in 180 seconds at the earliest")


def test_reports_waves_that_with_the_changes_exceed_the_timeout() -> None:
    (problem,) = rollout_estimate(*steps(1000, Action.ASSOCIATE), timeout=1600).problems

    assert problem.startswith(
        "4 waves bake for 300 seconds each and may take 70 seconds each to be confirmed, 1480 in all, "
        "and EC2 lets 1000 changes through in 180 seconds at the"
    )


def test_never_refuses_to_restore_everything() -> None:
    found = rollout_estimate(*steps(1000, Action.DISASSOCIATE, None, undo=True), event=Event.DELETE, timeout=1)

    assert not found.problems
    assert found.estimate.calls == 1000


# EC2's limits, shared with others


def entry(name: str, calls: int, timeout: float, **more: Any) -> Entry:
    given = {"rolls_back": False, **more}
    return rollout_estimate(*steps(calls, Action.ASSOCIATE), rollout=Rollout(), timeout=timeout).entry(name, **given)


def test_says_what_all_need_together_and_with_whom() -> None:
    # 3 x 500 calls: (1,500 - 100) / 5 = 280 s.
    mine, others = entry("Web", 500, 279), [entry("Api", 500, 280), entry("Zoo", 500, 280)]

    assert shared_budget_warning(mine, others) == (
        "EC2 needs 280 seconds for the changes of this association together with those of Api, Zoo, and CloudFormation "
        "has no order for them: the one that begins last may be refused, because that is too long for the timeout of "
        "one of them. Let one depend on the other, or raise the timeout"
    )
    assert shared_budget_warning(entry("Web", 500, 280), others) == ""


def test_does_not_name_an_association_without_changes() -> None:
    found = shared_budget_warning(entry("Web", 1000, 300), [entry("Api", 0, 300), entry("Zoo", 1000, 300)])

    assert "together with those of Zoo, and" in found


def test_says_that_it_makes_another_one_late() -> None:
    assert shared_budget_warning(entry("Web", 500, 1800), [entry("Api", 500, 179)])


@pytest.mark.parametrize("rolls_back", [True, False])
def test_a_rollback_is_never_refused(rolls_back: bool) -> None:
    mine = entry("Web", 500, 100, rolls_back=rolls_back)

    assert bool(shared_budget_warning(mine, [entry("Api", 500, 1800)])) is not rolls_back


def test_an_association_without_changes_is_not_refused() -> None:
    assert shared_budget_warning(entry("Web", 0, 300), [entry("Api", 5000, 300)]) == ""


def test_associations_with_the_same_path_are_two() -> None:
    """Together they need (150 + 700 - 100) / 5 = 150 s, the smaller one (2 x 150 - 100) / 5 = 40 s of that."""
    small, big = entry("Web/Fleet", 150, 120), entry("Web/Fleet", 700, 1800)

    assert shared_budget_warning(small, [big]) == shared_budget_warning(big, [small]) == ""
    assert shared_budget_warning(entry("Web/Fleet", 150, 39), [big]).startswith(
        "EC2 needs 150 seconds for the changes of this association together with those of Web/Fleet, "
    )
