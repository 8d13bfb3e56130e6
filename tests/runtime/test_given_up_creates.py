"""Creates that AWS stops half-way. Design 5.3: they undo their own work first, then report FAILED. With a
removal policy that retains, no Delete follows."""

import pytest

from tests.runtime.rollouts import WATCHED, poll_until
from tests.simulator.cloudwatch import DESCRIBE_ALARMS
from tests.simulator.driver import Resource, World
from tests.simulator.ec2 import ASSOCIATE, DESCRIBE_ASSOCIATIONS, DESCRIBE_INSTANCES
from tests.simulator.errors import AwsError, throttled
from tests.simulator.faults import FOR_EVER

DENIED = AwsError("AccessDenied", "an explicit deny in a service control policy", 403)
RETAIN = {"RemovalPolicy": "Retain"}


@pytest.mark.parametrize("removal", [{}, RETAIN])
def test_restores_its_instances_when_it_may_not_read_the_alarms_any_more(
    world: World, resource: Resource, removal: dict[str, str]
) -> None:
    world.cloudwatch.alarms = {"Errors": "OK", "Latency": "OK"}
    targets = [world.instance(), world.instance(world.old), *world.instances(8)]
    properties = {**world.properties(targets, replaces=[world.old], rollout=WATCHED), **removal}
    event = resource.begin(resource.event("Create", properties))
    poll_until(resource, event, lambda: world.mutations > 0)
    world.traffic.fail(DESCRIBE_ALARMS, DENIED, times=FOR_EVER)
    result = resource.finish(event)

    assert not result.ok
    assert "AccessDenied: an explicit deny" in result.reason
    assert result.reason.endswith("every instance carries again what it carried before")
    assert world.carried(*targets) == [None, "Old"] + [None] * 8
    assert world.ledger_items == {}


@pytest.mark.parametrize("action", [DESCRIBE_INSTANCES, DESCRIBE_ASSOCIATIONS])
def test_restores_its_instances_when_the_time_is_over_while_ec2_does_not_answer(
    world: World, resource: Resource, action: str
) -> None:
    targets, began = world.instances(5), world.clock()
    event = resource.begin(resource.event("Create", {**world.properties(targets, timeout=120), **RETAIN}))
    world.traffic.meanwhile(ASSOCIATE, lambda: world.fleet.change_state(targets[4], "stopping"))
    world.traffic.fail(action, throttled(), times=FOR_EVER, when=lambda _: 30 < world.clock() - began < 150)
    poll_until(resource, event, lambda: world.clock() - began > 30)
    result = resource.finish(event)

    assert not result.ok
    assert "RequestLimitExceeded" in result.reason
    assert world.carried(*targets) == [None] * 5


def test_restores_its_instances_although_the_ledger_does_not_answer_when_that_is_to_be_written(
    world: World, resource: Resource
) -> None:
    world.cloudwatch.alarms = {"Errors": "OK", "Latency": "OK"}
    targets = world.instances(4)
    event = resource.begin(resource.event("Create", {**world.properties(targets, rollout=WATCHED), **RETAIN}))
    poll_until(resource, event, lambda: world.mutations > 0)
    world.traffic.fail(DESCRIBE_ALARMS, DENIED, times=FOR_EVER)
    outage = AwsError("InternalServerError", "An internal error has occurred", 500)
    world.traffic.fail("UpdateItem", outage, times=3, when=lambda call: "Failure" in call["UpdateExpression"])
    result = resource.finish(event)

    assert not result.ok
    assert world.carried(*targets) == [None] * 4


def test_says_what_denies_it_when_it_may_not_restore_either(world: World, resource: Resource) -> None:
    targets = world.instances(3)
    event = resource.begin(resource.event("Create", world.properties(targets)))
    world.traffic.fail(DESCRIBE_INSTANCES, DENIED, times=FOR_EVER, skip=1)
    result = resource.finish(event)

    assert not result.ok
    assert "AccessDenied" in result.reason
    assert result.seconds < 300
