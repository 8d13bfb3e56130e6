"""Enforcement between deployments: late arrivals get the profile, drift is repaired, and conflicts are left alone."""

import pytest

from tests.simulator.driver import Resource, World
from tests.simulator.ec2 import MUTATING
from tests.simulator.enforcement import REPAIR, REPORT, Enforcement

WEB = {"app": "web"}
TAGS = {"app": ["web"]}


@pytest.fixture
def enforcement(world: World) -> Enforcement:
    return Enforcement(world)


def deployed(world: World, resource: Resource, *, count: int = 3, **more: object) -> list[str]:
    """Deploy an association that repairs, with so many targets."""
    targets = world.instances(count, tags=WEB)
    properties = world.properties(tags=TAGS, **{"enforcement": REPAIR, "replaces": [world.old], **more})  # type: ignore[arg-type]
    result = resource.create(properties)
    assert result.ok, result.reason
    return targets


def test_an_instance_that_is_launched_later_gets_the_profile_within_seconds(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    deployed(world, resource)
    late = world.fleet.launch(tags=WEB)
    enforcement.run(10)
    assert world.carried(late) == ["Web"]
    assert late in resource.records()
    assert not enforcement.queue.messages


def test_an_instance_that_is_tagged_later_gets_the_profile(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    deployed(world, resource)
    late = world.instance()
    world.fleet.set_tags(late, app="web")
    enforcement.run(10)
    assert world.carried(late) == ["Web"]


def test_a_delete_restores_late_arrivals_too(world: World, resource: Resource, enforcement: Enforcement) -> None:
    targets = deployed(world, resource)
    bare, carrying = world.instance(), world.instance(world.old)
    world.fleet.set_tags(bare, app="web")
    world.fleet.set_tags(carrying, app="web")
    enforcement.run(10)
    assert world.carried(bare, carrying) == ["Web", "Web"]
    assert resource.delete().ok
    assert world.carried(*targets, bare, carrying) == [None, None, None, None, "Old"]
    assert world.ledger_items == {}


def test_the_next_sweep_associates_a_removed_profile_again(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    first, *_ = deployed(world, resource)
    world.fleet.set_carried(first, None)
    enforcement.run(901 + 10)
    assert world.carried(first) == ["Web"]
    assert [one["instance"] for one in world.aws.event_bus.details("Instance Profile Repaired")] == [first]


def test_a_profile_that_may_be_replaced_is_replaced(world: World, resource: Resource, enforcement: Enforcement) -> None:
    first, *_ = deployed(world, resource)
    world.fleet.set_carried(first, world.old)
    enforcement.run(901 + 10)
    assert world.carried(first) == ["Web"]
    assert resource.delete().ok
    assert world.carried(first) == ["Old"]


def test_a_conflict_is_reported_once_and_never_overwritten(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    first, *_ = deployed(world, resource)
    world.fleet.set_carried(first, world.foreign)
    enforcement.run(4 * 900)
    assert world.carried(first) == ["Foreign"]
    (opened,) = world.aws.event_bus.details("Instance Profile Drift")
    assert (opened["state"], opened["drift"], opened["instance"]) == ("OPEN", "other-profile", first)

    world.fleet.set_carried(first, world.web)
    enforcement.run(900)
    _, closed = world.aws.event_bus.details("Instance Profile Drift")
    assert (closed["state"], closed["id"]) == ("CLOSED", opened["id"])


def test_drift_keeps_its_id_when_its_kind_changes(world: World, resource: Resource, enforcement: Enforcement) -> None:
    first, *_ = deployed(world, resource, enforcement=REPORT)
    world.fleet.set_carried(first, world.foreign)
    enforcement.run(1000)
    world.fleet.set_carried(first, None)
    enforcement.run(1000)
    world.fleet.set_carried(first, world.web)
    enforcement.run(1000)
    events = world.aws.event_bus.details("Instance Profile Drift")
    assert [(one["state"], one["drift"]) for one in events] == [
        ("OPEN", "other-profile"),
        ("CHANGED", "no-profile"),
        ("CLOSED", "no-profile"),
    ]
    assert len({one["id"] for one in events}) == 1


def test_the_mode_report_changes_nothing(world: World, resource: Resource, enforcement: Enforcement) -> None:
    first, *_ = deployed(world, resource, enforcement=REPORT)
    world.fleet.set_carried(first, None)
    late = world.fleet.launch(tags=WEB)
    before = world.mutations
    enforcement.run(2000)
    assert world.mutations == before
    drift = {one["instance"]: one["drift"] for one in world.aws.event_bus.details("Instance Profile Drift")}
    assert drift == {first: "no-profile", late: "no-profile"}


def test_an_instance_that_loses_the_tags_gets_its_previous_profile_after_two_looks(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    deployed(world, resource)
    leaving = world.instance(world.old)
    world.fleet.set_tags(leaving, app="web")
    enforcement.run(30)
    world.fleet.set_tags(leaving, app=None)
    enforcement.run(55)
    assert world.carried(leaving) == ["Web"], "one look is not enough"
    enforcement.run(30)
    assert world.carried(leaving) == ["Old"]
    enforcement.run(900)
    assert leaving not in resource.records()


def test_tags_that_return_within_a_minute_change_nothing(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    first, *_ = deployed(world, resource)
    world.fleet.set_tags(first, app=None)
    enforcement.run(30)
    world.fleet.set_tags(first, app="web")
    before = world.mutations
    enforcement.run(3000)
    assert world.mutations == before
    assert world.carried(first) == ["Web"]


def test_a_look_with_the_tags_counts_while_the_target_is_not_right_otherwise(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    """Its profile was created again, so each look leaves it as it is until it is deployed again."""
    deployed(world, resource)
    late = world.instance(world.old, tags=WEB)
    enforcement.run(901 + 10)
    world.fleet.recreate_profile(world.web)
    world.fleet.set_tags(late, app=None)
    enforcement.run(30)
    world.fleet.set_tags(late, app="web")
    enforcement.run(6 * 3600)
    world.fleet.set_tags(late, app=None)
    enforcement.run(30)
    assert world.carried(late) == ["Web"], "one look is not enough"


def test_events_about_other_instances_cause_no_look(world: World, resource: Resource, enforcement: Enforcement) -> None:
    deployed(world, resource)
    other = world.fleet.launch(tags={"app": "other"})
    world.traffic.calls.clear()
    enforcement.run(10)
    actions = [call.action for call in world.traffic.calls]
    assert "DescribeIamInstanceProfileAssociations" not in actions
    assert world.carried(other) == [None]


def test_without_drift_a_sweep_changes_nothing_and_reports_nothing(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    deployed(world, resource)
    before = world.mutations
    enforcement.run(86400)
    assert (world.mutations, world.aws.event_bus.entries) == (before, [])


@pytest.mark.parametrize("lag", [1.0, 10.0])
def test_events_that_come_before_describe_shows_the_change_are_not_lost(
    world: World, resource: Resource, enforcement: Enforcement, lag: float
) -> None:
    deployed(world, resource)
    world.fleet.describe_lag = lag
    late, tagged = world.fleet.launch(tags=WEB), world.instance()
    world.fleet.set_tags(tagged, app="web")
    enforcement.run(60)
    assert world.carried(late, tagged) == ["Web", "Web"]


def test_with_all_events_lost_everything_is_right_within_one_sweep(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    first, *_ = deployed(world, resource)
    enforcement.events.lost = 1.0
    late = world.fleet.launch(tags=WEB)
    world.fleet.set_carried(first, None)
    enforcement.run(900 + 20)
    assert world.carried(first, late) == ["Web", "Web"]
    assert world.traffic.count(*MUTATING) == 3 + 2
