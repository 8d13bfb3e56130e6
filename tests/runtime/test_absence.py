"""Instances that EC2 does not show. Design 5.3: before the only record of a previous profile is dropped, ids that a
filtered answer lacks are asked for by id. `InvalidInstanceID.NotFound` confirms; any other failure keeps the record."""

import pytest

from tests.simulator.driver import Resource, World
from tests.simulator.ec2 import DESCRIBE_INSTANCES, DISASSOCIATE
from tests.simulator.errors import AwsError
from tests.simulator.faults import FOR_EVER


@pytest.mark.parametrize("times", [1, 3, FOR_EVER])
def test_an_incomplete_answer_does_not_drop_the_record_of_an_instance(
    world: World, resource: Resource, times: int
) -> None:
    targets = world.instances(2, world.old)
    assert resource.create(world.properties(targets, replaces=[world.old])).ok
    world.ec2.leave_out(targets[0], times=times)
    result = resource.delete()

    assert result.ok, result.reason
    assert world.carried(*targets) == ["Old", "Old"]
    assert world.ledger_items == {}


def test_nothing_is_dropped_while_calls_by_id_fail(world: World, resource: Resource) -> None:
    targets = world.instances(2, world.old)
    assert resource.create(world.properties(targets, replaces=[world.old], timeout=300)).ok
    world.ec2.leave_out(targets[0])
    error = AwsError("InternalError", "An internal error has occurred", 500)
    world.traffic.fail(DESCRIBE_INSTANCES, error, times=FOR_EVER, when=lambda call: "InstanceId" in call)
    result = resource.delete()

    assert not result.ok
    assert targets[0] in result.reason
    assert world.carried(*targets) == ["Web", "Old"]
    assert resource.records().keys() == {targets[0]}
    world.ec2.gaps.clear()
    world.traffic.faults.clear()
    assert resource.delete().ok
    assert world.carried(*targets) == ["Old", "Old"]


def test_an_instance_that_ec2_does_not_know_any_more_is_dropped(world: World, resource: Resource) -> None:
    gone, left = world.instances(2, world.old)
    assert resource.create(world.properties([gone, left], replaces=[world.old])).ok
    del world.fleet.instances[gone]
    assert resource.delete().ok
    assert world.carried(left) == ["Old"]
    assert world.ledger_items == {}


@pytest.mark.parametrize("times", [1, FOR_EVER])
def test_an_instance_that_one_answer_lacks_does_not_lose_its_role_by_tags(
    world: World, resource: Resource, times: int
) -> None:
    targets = world.instances(3, tags={"app": "web"})
    properties = world.properties(tags={"app": ["web"]})
    assert resource.create(properties).ok
    before = world.traffic.count(DISASSOCIATE)
    world.ec2.leave_out(targets[1], times=times)
    result = resource.update({**properties, "TimeoutSeconds": 900})

    assert result.ok, result.reason
    assert world.carried(*targets) == ["Web"] * 3
    assert world.traffic.count(DISASSOCIATE) == before


def test_a_state_that_is_new_to_ec2_is_waited_for(world: World, resource: Resource) -> None:
    target = world.instance(state="rebooting-into-space", later=[(40, "running")])
    result = resource.create(world.properties([target]))

    assert result.ok, result.reason
    assert result.seconds >= 40
    assert world.carried(target) == ["Web"]
