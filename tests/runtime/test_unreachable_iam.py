"""A function in a VPC from which IAM can't be reached: IAM's endpoint is in one Region of a partition only."""

import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError

from tests.simulator.driver import Resource, World
from tests.simulator.faults import FOR_EVER, Failure

IAM = "https://iam.amazonaws.com/"
LOOK = "GetInstanceProfile"
NO_ANSWER_SECONDS = 3
"""For how long the client waits for a connection."""
UNREACHABLE = (
    f"no connection to {IAM}: if the function runs in a VPC, give its subnets a way there, by an interface endpoint or "
    "a NAT gateway"
)
UNCONNECTED = [
    pytest.param(ConnectTimeoutError(endpoint_url=IAM), id="no answer"),
    pytest.param(EndpointConnectionError(endpoint_url=IAM), id="no connection"),
]


def looks(world: World) -> int:
    return sum(call.action == LOOK for call in world.traffic.calls)


@pytest.mark.parametrize("error", UNCONNECTED)
def test_a_create_fails_within_ten_seconds_and_says_what_is_missing(
    world: World, resource: Resource, error: Failure
) -> None:
    world.traffic.fail(LOOK, error, times=FOR_EVER)
    began = world.clock()
    result = resource.create(world.properties(world.instances(2)))

    assert not result.ok
    assert UNREACHABLE in result.reason
    assert looks(world) * NO_ANSWER_SECONDS + world.clock() - began < 10
    assert (world.mutations, world.ledger_items) == (0, {})


def test_an_update_fails_within_ten_seconds_too(world: World, resource: Resource) -> None:
    (staying, added) = world.instances(2)
    assert resource.create(world.properties([staying])).ok
    before = looks(world)
    world.traffic.fail(LOOK, ConnectTimeoutError(endpoint_url=IAM), times=3)
    result = resource.update(world.properties([staying, added]))

    assert not result.ok
    assert UNREACHABLE in result.reason
    assert result.rollback
    assert result.rollback.ok
    attempts, those_of_the_rollback = 3, 2
    assert looks(world) - before == attempts + those_of_the_rollback
    assert world.carried(staying, added) == ["Web", None]


def test_a_rollback_waits_longer(world: World, resource: Resource) -> None:
    """A rollback that is refused blocks the stack."""
    (staying, refused) = world.instances(2)
    before, after = world.properties([staying]), world.properties([staying, refused])
    assert resource.create(before).ok
    world.refuse("AssociateIamInstanceProfile", refused)
    assert not resource.deliver(resource.event("Update", after, before)).ok
    world.traffic.fail(LOOK, ConnectTimeoutError(endpoint_url=IAM), times=6)
    assert resource.deliver(resource.event("Update", before, after)).ok


def test_a_delete_waits_longer(world: World, resource: Resource) -> None:
    targets = world.instances(2, world.old)
    assert resource.create(world.properties(targets, replaces=[world.old])).ok
    world.traffic.fail(LOOK, ConnectTimeoutError(endpoint_url=IAM), times=6)
    assert resource.delete().ok
    assert world.carried(*targets) == ["Old", "Old"]
