"""Instances that EC2 does not show. Design 5.3: before the only record of a previous profile is dropped, ids that a
filtered answer lacks are asked for by id. `InvalidInstanceID.NotFound` confirms; any other failure keeps the record."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.simulator.driver import Resource, World
from tests.simulator.ec2 import ASSOCIATE, DESCRIBE_ASSOCIATIONS, DESCRIBE_INSTANCES, DISASSOCIATE
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


def test_an_instance_that_ec2_no_longer_knows_is_dropped(world: World, resource: Resource) -> None:
    gone, left = world.instances(2, world.old)
    assert resource.create(world.properties([gone, left], replaces=[world.old])).ok
    del world.fleet.instances[gone]
    assert resource.delete().ok
    assert world.carried(left) == ["Old"]
    assert world.ledger_items == {}


@pytest.mark.parametrize("times", [1, FOR_EVER])
def test_an_instance_that_is_missing_in_one_answer_does_not_lose_its_role_by_tags(
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


def hide(world: World, *targets: str, times: int = 1) -> None:
    """EC2 does not show these instances for some looks, and does not answer for them by id."""
    for target in targets:
        world.ec2.leave_out(target, times=times)
    error = AwsError("InternalError", "An internal error has occurred", 500)
    world.traffic.fail(DESCRIBE_INSTANCES, error, times=3 * times, when=lambda call: "InstanceId" in call)


@pytest.mark.parametrize("number", [1, 2])
def test_a_create_goes_on_when_ec2_does_not_show_any_of_its_targets_for_a_moment(
    world: World, resource: Resource, number: int
) -> None:
    targets = world.instances(number, world.old)
    event = resource.begin(resource.event("Create", world.properties(targets, replaces=[world.old])))
    hide(world, *targets)
    result = resource.finish(event)

    assert result.ok, result.reason
    assert world.carried(*targets) == ["Web"] * number


@pytest.mark.parametrize("is_begun", [False, True])
def test_an_update_goes_on_when_ec2_does_not_show_any_instance_with_the_tags_for_a_moment(
    world: World, resource: Resource, is_begun: bool
) -> None:
    targets, tags = world.instances(3, world.old, tags={"app": "web"}), {"app": ["web"]}
    assert resource.create(world.properties(tags=tags, replaces=[world.old])).ok
    new = world.properties(tags=tags, replaces=[world.old], profile=world.own_profile("Web2"))
    event = resource.event("Update", new, resource.properties)
    event = resource.begin(event) if is_begun else event
    hide(world, *targets, times=2)
    result = resource.finish(event if is_begun else resource.begin(event))

    assert result.ok, result.reason
    assert world.carried(*targets) == ["Web2"] * 3


def test_nothing_is_restored_while_no_instance_is_seen_with_the_tags_and_ec2_does_not_show_all(
    world: World, resource: Resource
) -> None:
    untagged, hidden = world.instances(2, world.old, tags={"app": "web"})
    properties = world.properties(tags={"app": ["web"]}, replaces=[world.old])
    assert resource.create(properties).ok
    event = resource.begin(resource.event("Update", {**properties, "TimeoutSeconds": "300"}, properties))
    world.fleet.set_tags(untagged, app=None)
    hide(world, hidden, times=FOR_EVER)
    result = resource.finish(event)

    assert not result.ok
    assert hidden in result.reason
    assert "EC2 does not show the instance" in result.reason
    assert world.carried(untagged, hidden) == ["Web", "Web"]


def test_a_state_that_is_new_to_ec2_is_waited_for(world: World, resource: Resource) -> None:
    target = world.instance(state="rebooting-into-space", later=[(40, "running")])
    result = resource.create(world.properties([target]))

    assert result.ok, result.reason
    assert result.seconds >= 40
    assert world.carried(target) == ["Web"]


def leave_out_rows(world: World, instance_id: str, *, answers: int) -> None:
    """Remove the associations of an instance from answers."""
    original, left = world.ec2.actions[DESCRIBE_ASSOCIATIONS], [answers]

    def incomplete(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = dict(original(parameters))
        if left[0] > 0:
            left[0] -= 1
            rows = answer["iamInstanceProfileAssociationSet"]
            answer["iamInstanceProfileAssociationSet"] = [one for one in rows if one["instanceId"] != instance_id]
        return answer

    world.ec2.actions = {**world.ec2.actions, DESCRIBE_ASSOCIATIONS: incomplete}


def delay_rows(world: World, seconds: float) -> None:
    """Let EC2 show new associations only after some time."""
    original = world.ec2.actions[DESCRIBE_ASSOCIATIONS]

    def late(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = dict(original(parameters))
        rows, now = answer["iamInstanceProfileAssociationSet"], world.clock()
        visible = [one for one in rows if now - world.fleet.rows_by_id[one["associationId"]].since >= seconds]
        return {**answer, "iamInstanceProfileAssociationSet": visible}

    world.ec2.actions = {**world.ec2.actions, DESCRIBE_ASSOCIATIONS: late}


@pytest.mark.parametrize("answers", [1, 3])
@pytest.mark.parametrize("before", [None, "Old"])
def test_an_answer_without_the_association_of_an_instance_does_not_drop_its_record(
    world: World, resource: Resource, before: str | None, answers: int
) -> None:
    targets = world.instances(2, world.old if before else None)
    assert resource.create(world.properties(targets, replaces=[world.old])).ok
    world.clock.sleep(1000)
    leave_out_rows(world, targets[0], answers=answers)
    result = resource.delete()

    assert result.ok, result.reason
    assert world.carried(*targets) == [before, before]
    assert world.ledger_items == {}


def test_an_instance_that_leaves_gets_its_previous_profile_although_an_answer_lacks_its_association(
    world: World, resource: Resource
) -> None:
    leaves, stays = world.instances(2, world.old)
    assert resource.create(world.properties([leaves, stays], replaces=[world.old])).ok
    world.clock.sleep(1000)
    leave_out_rows(world, leaves, answers=2)
    assert resource.update(world.properties([stays], replaces=[world.old])).ok
    assert world.carried(leaves, stays) == ["Old", "Web"]


@pytest.mark.parametrize("seconds", [1.0, 5.0, 30.0])
def test_a_create_that_fails_removes_a_profile_that_ec2_does_not_show_yet(
    world: World, resource: Resource, seconds: float
) -> None:
    targets = world.instances(3)
    delay_rows(world, seconds)
    world.refuse(ASSOCIATE, targets[2])
    result = resource.create(world.properties(targets))

    assert not result.ok
    assert world.carried(*targets) == [None, None, None]
    assert world.ledger_items == {}
