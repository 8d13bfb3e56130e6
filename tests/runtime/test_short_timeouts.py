"""Restoring after a function was killed, where the association has a short timeout. The lease of the killed function
has to run out first, which takes more than a minute. Design 5.3: a crash at any point loses nothing."""

import pytest

from cdk_instance_role.runtime.association.ledger.operations import Operation
from cdk_instance_role.runtime.association.request.event import RequestType
from tests.simulator.driver import Resource, Result, World
from tests.simulator.ec2 import ASSOCIATE, DISASSOCIATE
from tests.simulator.errors import AwsError
from tests.simulator.faults import FOR_EVER

TIMEOUTS = [5, 30, 60, 65, 120]


def kill_after_the_second_change(world: World) -> None:
    switch = world.traffic.kill_switch

    def kill() -> None:
        switch.kill_at = len(switch.points)

    world.traffic.meanwhile(ASSOCIATE, kill, nth=2)


def restored(result: Result) -> None:
    assert result.reason == "the function was killed"
    assert result.rollback is not None
    assert result.rollback.ok, result.rollback.reason


@pytest.mark.parametrize("timeout", TIMEOUTS)
def test_a_delete_after_a_killed_create_restores_everything(world: World, resource: Resource, timeout: int) -> None:
    targets = world.instances(3)
    resource.goes_on_when_killed = False
    kill_after_the_second_change(world)
    restored(resource.create(world.properties(targets, timeout=timeout)))

    assert world.carried(*targets) == [None] * 3
    assert world.ledger_items == {}


@pytest.mark.parametrize("timeout", TIMEOUTS)
def test_a_rollback_after_a_killed_update_restores_everything(world: World, resource: Resource, timeout: int) -> None:
    kept, *added = world.instances(3)
    assert resource.create(world.properties([kept], timeout=timeout)).ok
    resource.goes_on_when_killed = False
    kill_after_the_second_change(world)
    restored(resource.update(world.properties([kept, *added], timeout=timeout)))

    assert world.carried(kept, *added) == ["Web", None, None]


def test_what_has_not_been_restored_says_how_long_that_was_tried(world: World, resource: Resource) -> None:
    target = world.instance()
    assert resource.create(world.properties([target], timeout=60)).ok
    resource.properties = world.properties([target], timeout=60)
    world.traffic.fail(DISASSOCIATE, AwsError("UnauthorizedOperation", "no", 403), times=FOR_EVER)
    result = resource.delete()

    assert not result.ok
    assert "180 seconds were not enough for it" in result.reason
    assert 180 <= result.seconds < 200


@pytest.mark.parametrize(
    ("operation", "timeout", "seconds"),
    [
        (Operation(0.0, type=RequestType.CREATE), 60, 60),
        (Operation(0.0, type=RequestType.UPDATE), 60, 60),
        (Operation(0.0, type=RequestType.UPDATE, rolling_back=True), 60, 180),
        (Operation(0.0, type=RequestType.DELETE), 60, 180),
        (Operation(0.0, type=RequestType.DELETE), 600, 600),
        (Operation(0.0, type=RequestType.DELETE), 3600, 3500),
        (Operation(0.0, type=RequestType.CREATE, failure="because"), 60, 240),
        (Operation(0.0, type=RequestType.CREATE, failure="because"), 600, 1200),
        (Operation(0.0, type=RequestType.CREATE, failure="because"), 3600, 3300),
    ],
)
def test_restoring_has_three_minutes_at_least_and_all_is_over_within_the_hour(
    operation: Operation, timeout: float, seconds: float
) -> None:
    assert operation.seconds(timeout) == seconds
