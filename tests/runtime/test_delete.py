"""A Delete: every instance gets back what it had."""

import pytest

from tests.simulator.driver import Resource, World
from tests.simulator.ec2 import DISASSOCIATE, REPLACE


def test_removes_the_profile_of_an_instance_that_had_none(world: World, resource: Resource) -> None:
    target = world.instance()
    resource.create(world.properties([target]))
    assert resource.delete().ok
    assert world.carried(target) == [None]
    assert world.ledger_items == {}


def test_replaces_the_profile_by_the_previous_one(world: World, resource: Resource) -> None:
    target = world.instance(world.old)
    resource.create(world.properties([target], replaces=[world.old]))
    assert resource.delete().ok
    assert world.carried(target) == ["Old"]
    assert (world.traffic.counts[REPLACE], world.traffic.counts[DISASSOCIATE]) == (2, 0)
    assert world.ledger_items == {}


def test_removes_the_profile_if_the_previous_one_is_deleted(
    world: World, resource: Resource, caplog: pytest.LogCaptureFixture
) -> None:
    target = world.instance(world.old)
    resource.create(world.properties([target], replaces=[world.old]))
    del world.fleet.profiles[world.old]
    assert resource.delete().ok
    assert world.carried(target) == [None]
    said = [record.getMessage() for record in caplog.records]
    assert any("Old, which it carried before, does not exist any more" in text for text in said)
    assert not any("someone has given it" in text for text in said)


def test_does_not_restore_another_profile_of_the_same_name(world: World, resource: Resource) -> None:
    target = world.instance(world.old)
    resource.create(world.properties([target], replaces=[world.old]))
    del world.fleet.profiles[world.old]
    world.fleet.add_profile("Old", path="/elsewhere/")
    assert resource.delete().ok
    assert world.carried(target) == [None]


@pytest.mark.parametrize("now", ["Foreign", None])
def test_leaves_alone_what_someone_has_changed_since(
    world: World, resource: Resource, caplog: pytest.LogCaptureFixture, now: str | None
) -> None:
    target = world.instance(world.old)
    resource.create(world.properties([target], replaces=[world.old]))
    before = world.mutations
    world.fleet.set_carried(target, world.foreign if now else None)
    assert resource.delete().ok
    assert (world.carried(target), world.mutations) == ([now], before)
    assert any(target in record.getMessage() and record.levelname == "WARNING" for record in caplog.records)
    assert world.ledger_items == {}


@pytest.mark.parametrize("state", ["shutting-down", "terminated"])
def test_forgets_a_terminated_instance(world: World, resource: Resource, state: str) -> None:
    gone, target = world.instance(), world.instance()
    resource.create(world.properties([gone, target]))
    world.fleet.change_state(gone, state)
    assert resource.delete().ok
    assert world.carried(target) == [None]
    assert world.ledger_items == {}


def test_does_not_change_an_instance_that_was_right_before(world: World, resource: Resource) -> None:
    target = world.instance(world.web)
    resource.create(world.properties([target]))
    assert resource.delete().ok
    assert (world.carried(target), world.mutations) == (["Web"], 0)


def test_restores_the_profiles_of_stopped_instances(world: World, resource: Resource) -> None:
    bare, carrying = world.instance(), world.instance(world.old)
    resource.create(world.properties([bare, carrying], replaces=[world.old]))
    before = world.mutations
    world.clock.sleep(10)  # until EC2 has done with the old association
    for id_ in (bare, carrying):
        world.fleet.change_state(id_, "stopped")
    assert resource.delete().ok
    assert world.carried(bare, carrying) == [None, "Old"]
    assert world.mutations - before == 3


def test_waits_for_an_instance_that_is_stopping(world: World, resource: Resource) -> None:
    target = world.instance(world.old)
    resource.create(world.properties([target], replaces=[world.old]))
    world.fleet.instances[target].later = [(world.clock(), "stopping"), (world.clock() + 60, "stopped")]
    assert resource.delete().ok
    assert world.carried(target) == ["Old"]


def test_needs_neither_tags_nor_ids(world: World, resource: Resource) -> None:
    target = world.instance(world.old, tags={"app": "web"})
    resource.create(world.properties(tags={"app": ["web"]}, replaces=[world.old]))
    world.fleet.instances[target].tags = {}
    resource.properties = {"ServiceToken": "a property of another release"}
    assert resource.delete().ok
    assert world.carried(target) == ["Old"]


def test_finds_its_records_by_an_invented_physical_id(world: World, resource: Resource) -> None:
    target = world.instance()
    resource.create(world.properties([target]))
    assert resource.delete(physical_id="InstanceRole-web-Association-1ABC").ok
    assert world.carried(target) == [None]
    assert world.ledger_items == {}


def test_without_records_it_is_done_at_once(world: World, resource: Resource) -> None:
    resource.properties = world.properties([world.instance()])
    result = resource.delete(physical_id="never-created")
    assert result.ok, result.reason
    assert (result.polls, world.mutations, world.ledger_items) == (1, 0, {})


def test_leaves_the_other_associations_of_the_same_ledger_alone(world: World, resource: Resource) -> None:
    target, other_target = world.instance(), world.instance()
    other = Resource(world, "Other")
    resource.create(world.properties([target]))
    other.create(world.properties([other_target]))
    assert resource.delete().ok
    assert world.carried(target, other_target) == [None, "Web"]
    assert other.records().keys() == {other_target}


def test_can_be_delivered_twice(world: World, resource: Resource) -> None:
    target = world.instance()
    resource.create(world.properties([target]))
    event = resource.event("Delete", resource.properties)
    assert resource.deliver(event).ok
    assert resource.deliver(event).ok
    assert world.ledger_items == {}


def test_names_the_instances_that_it_could_not_restore_and_can_be_tried_again(world: World, resource: Resource) -> None:

    bare, stuck = world.instance(), world.instance()
    resource.create(world.properties([bare, stuck]))
    world.refuse(DISASSOCIATE, stuck)
    result = resource.delete()
    assert not result.ok
    assert stuck in result.reason
    assert "not today" in result.reason
    assert world.carried(bare, stuck) == [None, "Web"]
    assert resource.records().keys() == {stuck}
    world.traffic.faults.clear()
    assert resource.delete().ok
    assert world.carried(stuck) == [None]
    assert world.ledger_items == {}


def test_has_the_timeout_of_the_association(world: World, resource: Resource) -> None:
    target = world.instance()
    assert resource.create(world.properties([target], timeout=3600)).ok
    world.fleet.instances[target].later = [(world.clock(), "stopping"), (world.clock() + 2400, "stopped")]

    result = resource.delete()

    assert result.ok, result.reason
    assert world.carried(target) == [None]
