"""Restoring after a function was killed, where the association has a short timeout. The lease of the killed function
has to run out first, which takes more than a minute. Design 5.3: a crash at any point loses nothing."""

import pytest

from cdk_instance_role.runtime.association.operation import Operation
from cdk_instance_role.runtime.association.request.event import RequestType
from tests.simulator.cloudformation import Status
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
    assert "240 seconds were not enough for it" in result.reason
    assert 240 <= result.seconds < 260


@pytest.mark.parametrize(
    ("operation", "timeout", "seconds"),
    [
        (Operation(0.0, type=RequestType.CREATE), 60, 60),
        (Operation(0.0, type=RequestType.UPDATE), 60, 60),
        (Operation(0.0, type=RequestType.UPDATE), 3600, 3500),
        (Operation(0.0, type=RequestType.UPDATE, rolling_back=True), 60, 3500),
        (Operation(0.0, type=RequestType.DELETE), 60, 3500),
        (Operation(0.0, type=RequestType.DELETE), 3600, 3500),
        (Operation(0.0, type=RequestType.CREATE, failure="because"), 60, 3300),
        (Operation(0.0, type=RequestType.CREATE, failure="because"), 3600, 3300),
    ],
)
def test_restoring_has_the_longest_time_whatever_the_timeout_is(
    operation: Operation, timeout: float, seconds: float
) -> None:
    assert operation.seconds(timeout) == seconds


@pytest.mark.parametrize(
    ("timeout", "restored_at", "now", "seconds"),
    [
        pytest.param(60, 0, 240, None, id="it is tried for four minutes at least"),
        pytest.param(60, 0, 241, 240, id="nothing was changed for four minutes"),
        pytest.param(600, 0, 600, None, id="it is tried for the timeout"),
        pytest.param(600, 0, 601, 600, id="nothing was changed for the timeout"),
        pytest.param(600, 1000, 1600, None, id="a change makes it go on"),
        pytest.param(600, 1000, 1601, 600, id="nothing was changed since then"),
        pytest.param(600, 3400, 3500, None, id="it goes on for as long as it can"),
        pytest.param(600, 3400, 3501, 3500, id="CloudFormation does not wait longer"),
    ],
)
def test_restoring_is_given_up_once_nothing_has_changed_for_the_timeout(
    timeout: float, restored_at: float, now: float, seconds: float | None
) -> None:
    operation = Operation(0.0, type=RequestType.DELETE, restored_at=restored_at)
    assert operation.exceeded(now, timeout) == seconds


@pytest.mark.parametrize("seconds", [100, 175])
def test_a_failed_create_outlasts_an_outage_of_three_minutes(world: World, resource: Resource, seconds: int) -> None:
    *others, refused = targets = world.instances(5)
    world.refuse(ASSOCIATE, refused)
    began, unavailable = world.clock(), AwsError("Unavailable", "no", 503)
    world.traffic.fail(DISASSOCIATE, unavailable, times=FOR_EVER, when=lambda _: world.clock() - began < seconds)
    result = resource.deliver(
        resource.event("Create", {**world.properties(targets, timeout=60), "RemovalPolicy": "Retain"})
    )

    assert not result.ok
    assert world.carried(*others, refused) == [None] * 5


OUTAGES = [
    pytest.param("TransactWriteItems", AwsError("InternalServerError", "no", 500), id="of the ledger"),
    pytest.param("DescribeInstances", AwsError("Unavailable", "no", 503), id="of EC2"),
]


@pytest.mark.usefixtures("a_tenth")
@pytest.mark.parametrize(("action", "error"), OUTAGES)
def test_a_short_outage_does_not_end_a_delete_that_has_made_progress_until_then(
    world: World, resource: Resource, action: str, error: AwsError
) -> None:
    targets = world.instances(110)
    assert resource.create(world.properties(targets, timeout=3000)).ok
    resource.properties = world.properties(targets, timeout=60)
    began = world.clock()
    world.traffic.fail(action, error, times=FOR_EVER, when=lambda _: 195 < world.clock() - began < 225)
    result = resource.delete()

    assert result.ok, result.reason
    assert world.carried(*targets) == [None] * 110


@pytest.mark.parametrize("timeout", [60, 600])
def test_changes_that_another_automation_reverts_are_no_progress(
    world: World, resource: Resource, timeout: int
) -> None:
    targets = world.instances(3)
    resource.properties = world.properties(targets, timeout=timeout)
    assert resource.create(resource.properties).ok

    def revert() -> None:
        for target in targets:
            world.fleet.set_carried(target, world.web)

    for number in range(1, 400):
        world.traffic.meanwhile(DISASSOCIATE, revert, nth=number)
    result = resource.delete()

    assert not result.ok
    assert max(timeout, 240) <= result.seconds < max(timeout, 240) + 60


def test_an_update_ends_with_its_timeout_whatever_has_changed_last() -> None:
    assert Operation(0.0, type=RequestType.UPDATE, restored_at=590).exceeded(601, 600) == 600


@pytest.mark.usefixtures("a_tenth")
def test_a_fleet_that_has_grown_by_updates_is_restored_by_a_delete_with_a_short_timeout(
    world: World, resource: Resource
) -> None:
    """The Delete needs twice the time of each step."""
    targets = world.instances(140, world.old)
    assert resource.create(world.properties(targets[:70], replaces=[world.old], timeout=200)).ok
    world.clock.sleep(300)
    assert resource.update(world.properties(targets, replaces=[world.old], timeout=200)).ok
    world.clock.sleep(600)
    result = resource.delete()

    assert result.ok, result.reason
    assert result.seconds > 200
    assert set(world.carried(*targets)) == {"Old"}


@pytest.mark.usefixtures("a_tenth")
def test_a_rollback_has_the_time_that_its_update_had(world: World, resource: Resource) -> None:
    """The rollback comes with the former timeout, and has to restore what the update has changed with a longer one."""
    few, many = world.instances(10, world.old, tags={"env": "dev"}), world.instances(120, world.old, tags={"env": "x"})
    before = world.properties(tags={"env": ["dev"]}, replaces=[world.old], timeout=120)
    after = world.properties(tags={"env": ["dev", "x"]}, replaces=[world.old], timeout=3000)
    assert resource.create(before).ok
    world.clock.sleep(600)
    assert resource.update(after).ok
    world.stack_status = Status.ROLLING_BACK
    result = resource.deliver(resource.event("Update", before, after))

    assert result.ok, result.reason
    assert set(world.carried(*few)) == {"Web"}
    assert set(world.carried(*many)) == {"Old"}


@pytest.mark.usefixtures("a_tenth")
def test_a_permission_that_is_lost_on_the_way_fails_a_delete_a_timeout_later(world: World, resource: Resource) -> None:
    """What has been restored is forgotten by then, and still counts as progress."""
    targets = world.instances(70)
    assert resource.create(world.properties(targets, timeout=240)).ok
    world.clock.sleep(600)
    lost_at = world.clock() + 100
    denied = AwsError("UnauthorizedOperation", "not authorized", 403)
    world.traffic.fail(DISASSOCIATE, denied, times=FOR_EVER, when=lambda _: world.clock() >= lost_at)
    result = resource.delete()

    assert not result.ok
    assert "240 seconds were not enough for it (UnauthorizedOperation: not authorized)" in result.reason
    assert 100 + 240 - 10 <= result.seconds < 100 + 240 + 60


@pytest.mark.usefixtures("a_tenth")
@pytest.mark.parametrize(("state", "carries"), [("running", None), ("pending", None), ("stopping", "Old")])
def test_more_changes_than_ec2_allows_in_the_time_are_refused_also_if_the_targets_have_to_settle_first(
    world: World, resource: Resource, state: str, carries: str | None
) -> None:
    targets = world.instances(120, world.old if carries else None, state=state)
    result = resource.create(world.properties(targets, replaces=[world.old], timeout=200))

    assert not result.ok
    assert "EC2 lets 120 changes through in 220 seconds at the earliest: that is more than" in result.reason
    assert world.mutations == 0
