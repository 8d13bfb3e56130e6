"""A copy of a story begins where the original is, and neither has to do with the other from then on."""

import pytest

from tests.simulator.clients import Clients
from tests.simulator.copies import copied
from tests.simulator.driver import Resource, World
from tests.simulator.ec2 import ASSOCIATE
from tests.simulator.errors import throttled


@pytest.fixture
def created() -> Resource:
    world = World()
    resource = Resource(world)
    assert resource.create(world.properties(world.instances(2, world.old), replaces=[world.old])).ok
    return resource


def state(resource: Resource) -> object:
    world = resource.world
    return world.clock(), world.carried(*world.fleet.instances), world.ledger_items, world.traffic.counts


def test_a_copy_is_as_the_original(created: Resource) -> None:
    copy = copied(created)
    assert copy.world is not created.world
    assert state(copy) == state(created)
    assert copy.world.traffic.kill_switch.points == created.world.traffic.kill_switch.points


def test_what_happens_to_a_copy_does_not_happen_to_the_original(created: Resource) -> None:
    before, copy = copied(created), copied(created)
    assert copy.delete().ok
    assert copy.world.carried(*copy.world.fleet.instances) == ["Old", "Old"]
    assert state(created) == state(before) != state(copy)


def test_a_copy_ends_as_the_original_does(created: Resource) -> None:
    copy = copied(created)
    assert copy.delete().ok
    assert created.delete().ok
    assert state(copy) == state(created)


def test_the_owner_of_a_copy_stops_instances_of_the_copy(created: Resource) -> None:
    copy = copied(created)
    first, _ = copy.world.fleet.instances
    clients: Clients = copy.world.clients
    clients.ec2.stop_instances(InstanceIds=[first])
    assert (copy.world.fleet.state(first), created.world.fleet.state(first)) == ("stopped", "running")


def test_a_world_with_a_planned_fault_cannot_be_copied(created: Resource) -> None:
    created.world.traffic.fail(ASSOCIATE, throttled())
    with pytest.raises(AssertionError):
        copied(created)


def test_a_world_in_which_something_is_to_happen_cannot_be_copied(created: Resource) -> None:
    created.world.traffic.meanwhile(ASSOCIATE, lambda: None)
    with pytest.raises(AssertionError):
        copied(created)


def test_an_instance_of_a_copy_has_the_id_that_the_original_would_have_given(created: Resource) -> None:
    copy = copied(created)
    assert copy.world.instance() == created.world.instance()
