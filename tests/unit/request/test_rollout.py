"""In which waves targets are changed."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_instance_role.runtime.association.decide.model import Instance, InstanceState
from cdk_instance_role.runtime.association.decide.plan import OperationContext, plan_desired
from cdk_instance_role.runtime.association.decide.record import Record
from cdk_instance_role.runtime.association.decide.step import Action, Step
from cdk_instance_role.runtime.association.decide.waves import eligible, rollout_order
from cdk_instance_role.runtime.association.exceptions import RequestError
from cdk_instance_role.runtime.association.request.rollout import Rollout, Tolerance, time_problem
from tests.unit.builders import EARLIER, FORMER, LISTED, WANTED, desired, instance, instance_id, record, snapshot

BY_PERCENTAGES = {"First": "1", "Percentages": ["1", "10", "50", "100"], "BakeSeconds": "300", "Alarms": ["Errors"]}


def parsed(**given: object) -> Rollout:
    return Rollout.from_properties({"Rollout": given})


@pytest.mark.parametrize(
    ("rollout", "total", "waves"),
    [
        (Rollout(), 100, ()),
        (Rollout(first=1, percentages=(1, 10, 50, 100)), 1000, (1, 10, 100, 500, 1000)),
        (Rollout(first=1, percentages=(1, 10, 50, 100)), 50, (1, 5, 25, 50)),
        (Rollout(first=1, percentages=(1, 10, 50, 100)), 1, (1,)),
        (Rollout(first=1, percentages=(1, 10, 50, 100)), 0, ()),
        (Rollout(first=20, percentages=(1, 10, 50, 100)), 100, (20, 50, 100)),
        (Rollout(first=2, growth=1e308), 1000, (2, 1000)),
        (Rollout(first=1, growth=2), 10, (1, 3, 7, 10)),
        (Rollout(first=1, growth=1.5), 10, (1, 3, 6, 10)),
        (Rollout(first=5, growth=1), 12, (5, 10, 12)),
        (Rollout(first=5, growth=3), 5, (5,)),
        (Rollout(first=5, growth=3), 3, (3,)),
    ],
)
def test_a_wave_has_a_cumulative_number_of_targets(rollout: Rollout, total: int, waves: tuple[int, ...]) -> None:
    assert rollout.cumulative_targets(total) == waves


@given(
    first=st.integers(1, 50),
    growth=st.none() | st.floats(1, 20),
    percentages=st.lists(st.floats(0.1, 99.9), unique=True, max_size=6),
    total=st.integers(0, 300),
)
def test_waves_grow_and_the_last_one_has_all_targets(
    first: int, growth: float | None, percentages: list[float], total: int
) -> None:
    shares = () if growth else (*sorted(percentages), 100.0)
    waves = Rollout(first=first, growth=growth, percentages=shares).cumulative_targets(total)
    assert list(waves) == sorted(set(waves))
    assert waves[-1:] == ((total,) if total else ())
    assert all(reached > 0 for reached in waves)


def test_without_the_property_all_targets_are_changed_at_once() -> None:
    assert Rollout.from_properties({}) == Rollout()


def test_reads_the_property_as_cloudformation_sends_it() -> None:
    rollout = parsed(**BY_PERCENTAGES, MaxFailures="2%")
    assert rollout == Rollout(
        first=1, percentages=(1, 10, 50, 100), bake=300, alarms=("Errors",), tolerance=Tolerance(2, is_percentage=True)
    )
    assert parsed(First="2", Growth="3") == Rollout(first=2, growth=3)


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("First", "0", "First of Rollout is '0': expected a whole number from 1"),
        ("First", "many", "First of Rollout is 'many': expected a whole number from 1"),
        ("First", "nan", "First of Rollout is 'nan': expected a whole number from 1"),
        ("First", "1.5", "First of Rollout is '1.5': expected a whole number from 1"),
        ("First", ["1"], "First of Rollout is ['1']: expected a whole number from 1"),
        ("BakeSeconds", "-1", "BakeSeconds of Rollout is '-1': expected a number from 0"),
        ("BakeSeconds", "inf", "BakeSeconds of Rollout is 'inf': expected a number from 0"),
        ("Percentages", ["50", "10", "100"], "expected rising numbers, the last of which is 100"),
        ("Percentages", ["10", "50"], "expected rising numbers, the last of which is 100"),
        ("Percentages", ["0", "100"], "expected rising numbers, the last of which is 100"),
        ("Percentages", "100", "expected rising numbers, the last of which is 100"),
        ("Percentages", 7, "expected rising numbers, the last of which is 100"),
        ("Percentages", [], "needs either a growth or percentages"),
        ("Growth", "2", "needs either a growth or percentages"),
        ("Alarms", "Errors", "expected at most 100 names of alarms"),
        ("Alarms", [""], "expected at most 100 names of alarms"),
        ("Alarms", ["Errors"] * 101, "expected at most 100 names of alarms"),
        ("MaxFailures", "101%", "expected a number of targets, or a percentage like 2%"),
        ("MaxFailures", "1.5", "expected a number of targets, or a percentage like 2%"),
        ("MaxFailures", "-1", "expected a number of targets, or a percentage like 2%"),
        ("MaxFailures", "few", "expected a number of targets, or a percentage like 2%"),
        ("MaxFailures", None, "expected a number of targets, or a percentage like 2%"),
    ],
)
def test_fails_when_a_part_of_the_property_is_invalid(key: str, value: object, sentence: str) -> None:
    with pytest.raises(RequestError) as failure:
        parsed(**{**BY_PERCENTAGES, key: value})
    assert sentence in str(failure.value)


def test_fails_when_the_property_is_not_a_map() -> None:
    with pytest.raises(RequestError, match="expected a map"):
        Rollout.from_properties({"Rollout": "quick"})


@pytest.mark.parametrize(
    ("text", "total", "number"), [("0", 10, 0), ("3", 10, 3), ("2%", 1000, 20), ("2%", 49, 0), ("100%", 7, 7)]
)
def test_max_failures_is_a_number_or_a_percentage(text: str, total: int, number: int) -> None:
    assert Tolerance.parse(text).of(total) == number


def test_says_in_numbers_why_a_rollout_cannot_end_in_time() -> None:
    rollout = Rollout(first=1, growth=2, bake=300)
    assert time_problem(rollout, 3, 0, 1800) == ""
    assert time_problem(rollout, 3, 0, 600), "there has to be time for the changes, too"
    assert time_problem(rollout, 10_000, 1980, 1800) == (
        "14 waves bake for 300 seconds each and may take 70 seconds each to be confirmed, 5180 in all, and EC2 lets "
        "10000 changes through in 1980 seconds at the earliest: that is more than the timeout of 1800 seconds, "
        "bake for a shorter time or make fewer waves, or raise it"
    )


def test_speaks_of_one_wave_and_one_change_in_the_singular() -> None:
    assert time_problem(Rollout(first=1, growth=2, bake=300), 1, 1.6, 60) == (
        "1 wave bakes for 300 seconds and may take 70 seconds to be confirmed, 370 in all, and EC2 lets 1 change "
        "through in 2 seconds at the earliest: that is more than the timeout of 60 seconds, "
        "bake for a shorter time or make fewer waves, or raise it"
    )


@pytest.mark.parametrize("timeout", [3300, 3500])
def test_does_not_advise_to_raise_a_timeout_that_is_the_longest(timeout: float) -> None:
    assert time_problem(Rollout(), 18_000, 3580, timeout) == (
        f"EC2 lets 18000 changes through in 3580 seconds at the earliest: that is more than the {timeout} seconds that "
        "the handler may use of the hour for which CloudFormation waits, select fewer targets"
    )


def test_says_so_if_ec2_alone_takes_longer_than_the_timeout() -> None:
    assert time_problem(Rollout(), 10_000, 1980, 1800) == (
        "EC2 lets 10000 changes through in 1980 seconds at the earliest: "
        "that is more than the timeout of 1800 seconds, select fewer targets, or raise it"
    )


def targets(
    *found: Instance,
    records: tuple[Record, ...] = (),
    hidden: Sequence[str] = (),
    reached: int,
    started_at: float = 100.0,
) -> list[str]:
    """The targets of the current wave: ids of the steps that change something or wait for a confirmation."""
    ids = [*hidden, *(one.id for one in found)]
    world = snapshot(*found, selected=ids, records=records, now=started_at, started_at=started_at, unconfirmed=hidden)
    plan = plan_desired(desired(ids), world, OperationContext())
    mine = eligible(plan, world, reached)
    return [step.instance_id for step in mine.steps if step.action is not Action.KEEP]


def fleet(count: int, carries: str | None = None, state: InstanceState = InstanceState.RUNNING) -> list[Instance]:
    return [instance(carries, state, id=instance_id(number)) for number in range(1, count + 1)]


def test_only_the_targets_of_the_current_wave_are_eligible() -> None:
    assert targets(*fleet(5), reached=2) == [instance_id(1), instance_id(2)]
    assert len(targets(*fleet(5), reached=5)) == 5


def test_a_target_that_was_tried_counts_and_is_tried_again() -> None:
    tried = record(id=instance_id(3), changed_at=101.0)
    assert targets(*fleet(5), records=(tried,), reached=2) == [instance_id(1), instance_id(3)]


def test_changes_of_an_earlier_operation_do_not_count() -> None:
    former = record(id=instance_id(3), changed_at=99.0, request=EARLIER)
    assert targets(*fleet(5), records=(former,), reached=2) == [instance_id(1), instance_id(2)]


def test_a_repair_that_ends_after_the_operation_has_begun_does_not_count() -> None:
    """What enforcement claims is on behalf of the latest operation that has succeeded."""
    repaired = record(id=instance_id(3), changed_at=101.0, request=EARLIER)
    assert targets(*fleet(5), records=(repaired,), reached=2) == [instance_id(1), instance_id(2)]


def test_a_target_that_is_right_already_does_not_count_in_the_wave() -> None:
    right = instance(WANTED, id=instance_id(9))
    assert targets(right, *fleet(3), reached=1) == [instance_id(1)]


def test_running_targets_come_first_then_stopped_ones_then_those_that_cannot_be_changed_yet() -> None:
    starting = instance(LISTED, InstanceState.PENDING, id=instance_id(1))
    stopped = instance(LISTED, InstanceState.STOPPED, id=instance_id(2))
    running = instance(LISTED, id=instance_id(3))
    found = (starting, stopped, running)
    assert targets(*found, reached=1) == [running.id]
    assert targets(*found, reached=2) == [stopped.id, running.id]
    assert targets(*found, reached=3) == [starting.id, stopped.id, running.id]


def test_the_wave_waits_for_a_target_that_ec2_has_not_confirmed() -> None:
    unconfirmed = instance(WANTED, id=instance_id(9), established=False)
    begun = record(id=unconfirmed.id, changed_at=101.0)
    assert targets(unconfirmed, *fleet(3), records=(begun,), reached=1) == [unconfirmed.id]


def test_an_instance_that_leaves_the_selection_waits_until_all_waves_are_done() -> None:
    leaving = instance(WANTED, id=instance_id(9))
    ids = [instance_id(1), instance_id(2)]
    world = snapshot(leaving, *fleet(2), selected=ids, records=[record(id=leaving.id)])
    plan = plan_desired(desired(ids), world, OperationContext())
    assert leaving.id in {step.instance_id for step in plan.changes}
    assert [step.instance_id for step in eligible(plan, world, 2).steps] == ids


def test_targets_with_a_former_profile_are_changed_in_waves_too() -> None:
    found = fleet(3, FORMER)
    records = tuple(record(None, {FORMER}, id=one.id, changed_at=50.0, request=EARLIER) for one in found)
    assert targets(*found, records=records, reached=1) == [instance_id(1)]


def test_a_target_that_ec2_does_not_show_comes_last_and_is_waited_for() -> None:
    hidden, starting = instance_id(1), instance(LISTED, InstanceState.PENDING, id=instance_id(2))
    found = (starting, instance(LISTED, id=instance_id(3)))
    assert targets(*found, hidden=[hidden], reached=1) == [instance_id(3)]
    assert targets(*found, hidden=[hidden], reached=2) == [instance_id(2), instance_id(3)]
    assert targets(*found, hidden=[hidden], reached=3) == [hidden, instance_id(2), instance_id(3)]


def test_a_canary_that_ec2_does_not_show_for_a_moment_has_no_successor() -> None:
    hidden = record(id=instance_id(9), changed_at=101.0)
    assert targets(*fleet(3), hidden=[hidden.instance_id], records=(hidden,), reached=1) == [hidden.instance_id]


def test_a_canary_that_is_not_shown_by_its_tags_has_no_successor_and_is_waited_for() -> None:
    """Whether it still has the tags is not known."""
    hidden, others = record(id=instance_id(9), changed_at=101.0), fleet(3)
    world = snapshot(*others, selected=[one.id for one in others], records=[hidden], unconfirmed=[hidden.instance_id])
    plan = plan_desired(desired(tags={"app": ["web"]}), world, OperationContext())
    assert [step.instance_id for step in eligible(plan, world, 1).steps] == [hidden.instance_id]
    assert eligible(plan, world, None).waiting


def zoned(zones: str) -> tuple[list[Step], list[Instance]]:
    found = [instance(id=instance_id(number), zone=zone) for number, zone in enumerate(zones, 1)]
    return [Step(one.id, Action.ASSOCIATE, "") for one in found], found


def zones_of(steps: list[Step], found: list[Instance]) -> str:
    by_id = {one.id: one.zone for one in found}
    return "".join(by_id[step.instance_id] for step in steps)


def test_targets_of_a_wave_are_spread_over_availability_zones() -> None:
    steps, found = zoned("aaaaaabbbccc")
    assert zones_of(rollout_order(steps, snapshot(*found)), found) == "abcaabcaabca"


@given(st.text("abc", min_size=1, max_size=60), st.integers(1, 60))
def test_every_wave_has_its_share_of_each_zone(zones: str, reached: int) -> None:
    steps, found = zoned(zones)
    ordered = rollout_order(steps, snapshot(*found))
    assert sorted(step.instance_id for step in ordered) == sorted(one.id for one in found)
    beginning = zones_of(ordered, found)[:reached]
    for zone in set(zones):
        share = zones.count(zone) * len(beginning) / len(zones)
        assert abs(beginning.count(zone) - share) < len(set(zones)), "no zone is far behind or ahead"
