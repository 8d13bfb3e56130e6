"""The lease of an association: one invocation at a time works on it, and makes no call for which it has no time."""

import pytest

from cdk_instance_role.runtime.association.exceptions import SupersededError
from cdk_instance_role.runtime.association.ledger.lease import BusyError
from cdk_instance_role.runtime.association.request.event import Request
from tests.runtime.ledgers import LedgerUser, later
from tests.simulator.clock import START, VirtualClock
from tests.simulator.driver import Resource, World
from tests.simulator.dynamodb import CONFLICT, UPDATE
from tests.simulator.ec2 import MUTATING
from tests.simulator.errors import AwsError
from tests.simulator.faults import FOR_EVER, Traffic
from tests.simulator.simulator import Simulator

BROKEN = AwsError("InternalServerError", "An internal error has occurred", 500)
RENEWAL = "RequestId = :id AND attribute_not_exists(Ended) AND (LeaseOwner = :owner)"
RELEASE = "REMOVE LeaseOwner, LeaseUntil"


def test_only_one_invocation_acquires_the_lease(user: LedgerUser, request_: Request) -> None:
    user.begin(request_)
    with user.lease(request_, "one"), pytest.raises(BusyError), user.lease(request_, "two"):
        pass
    with user.lease(request_, "two"):
        pass


def test_the_next_invocation_acquires_the_lease_once_it_has_expired(user: LedgerUser, request_: Request) -> None:
    user.begin(request_)
    with user.lease(request_, "one"):
        user.clock.stop_all()  # the invocation was killed
        user.clock.sleep(59)
        with pytest.raises(BusyError), user.lease(request_, "two"):
            pass
        user.clock.sleep(2)
        with user.lease(request_, "two"), pytest.raises(BusyError), user.lease(request_, "three"):
            pass


def test_waits_before_it_uses_a_lease_that_was_not_released(user: LedgerUser, request_: Request) -> None:
    """Clocks differ, and the former invocation may still be in a call."""
    user.begin(request_)
    with user.lease(request_, "one"):
        user.clock.stop_all()
        user.clock.sleep(61)
        with user.lease(request_, "two"):
            assert user.clock.elapsed == 61 + 5
    with user.lease(request_, "three"):
        assert user.clock.elapsed == 61 + 5, "that one was released"


def test_the_next_invocation_acquires_the_lease_after_an_error(user: LedgerUser, request_: Request) -> None:
    user.begin(request_)
    with pytest.raises(ZeroDivisionError), user.lease(request_, "one"):
        raise ZeroDivisionError
    assert user.clock.timers == 0
    with user.lease(request_, "two"):
        pass


def test_a_superseded_event_does_not_acquire_the_lease(user: LedgerUser, request_: Request) -> None:
    user.begin(request_)
    user.begin(later(request_))
    with pytest.raises(SupersededError), user.lease(request_):
        pass


def test_a_later_event_stops_the_running_operation(user: LedgerUser, request_: Request) -> None:
    user.begin(request_)
    with user.lease(request_) as lease:
        user.begin(later(request_))
        with pytest.raises(SupersededError):
            lease.accept_first_change()
        with pytest.raises(SupersededError):
            lease.close()


# Renewal


def test_is_renewed_every_15_seconds(simulated: LedgerUser, request_: Request, simulator: Simulator) -> None:
    simulated.begin(request_)
    with simulated.lease(request_):
        simulated.clock.sleep(50)
    assert _updates(simulator.traffic)[1:] == [0, 15, 30, 45, 50], "taken, renewed three times, released"
    simulated.clock.sleep(60)
    assert len(_updates(simulator.traffic)) == 6


def test_others_cannot_acquire_the_lease_while_it_is_renewed(user: LedgerUser, request_: Request) -> None:
    user.begin(request_)
    with user.lease(request_, "one") as lease:
        user.clock.sleep(300)
        assert lease.allows_calls
        with pytest.raises(BusyError), user.lease(request_, "two"):
            pass


def test_no_call_may_begin_in_the_last_20_of_60_seconds(
    simulated: LedgerUser, request_: Request, simulator: Simulator
) -> None:
    simulated.begin(request_)
    simulator.traffic.fail(UPDATE, BROKEN, times=FOR_EVER, when=lambda call: RENEWAL in str(call))
    with simulated.lease(request_) as lease:
        simulated.clock.sleep(40)
        assert lease.allows_calls
        simulated.clock.sleep(0.1)
        assert not lease.allows_calls
    assert not lease.allows_calls


def test_a_renewal_that_succeeds_again_allows_calls_again(
    simulated: LedgerUser, request_: Request, simulator: Simulator
) -> None:
    simulated.begin(request_)
    fault = simulator.traffic.fail(UPDATE, BROKEN, times=FOR_EVER, when=lambda call: RENEWAL in str(call))
    with simulated.lease(request_) as lease:
        simulated.clock.sleep(44)
        assert not lease.allows_calls
        fault.times = 0
        simulated.clock.sleep(10)
        assert lease.allows_calls


def test_is_valid_from_the_time_of_the_request(simulated: LedgerUser, request_: Request, simulator: Simulator) -> None:
    """The answer may be late: until then the lease has been running."""
    simulated.begin(request_)
    simulator.traffic.delay(UPDATE, 41)
    with simulated.lease(request_) as lease:
        assert not lease.allows_calls, "19 s are left"
        simulated.clock.sleep(15)
        assert lease.allows_calls, "it was renewed"


@pytest.mark.parametrize("jump", [-7200, 7200])
def test_a_wall_clock_that_is_set_changes_nothing(
    simulated: LedgerUser, request_: Request, clock: VirtualClock, jump: float
) -> None:
    simulated.begin(request_)
    with simulated.lease(request_) as lease:
        clock.stop_all()
        clock.jump(jump)
        clock.sleep(40)
        assert lease.allows_calls
        clock.sleep(1)
        assert not lease.allows_calls


def test_an_operation_makes_no_call_once_its_lease_is_no_longer_renewed(world: World, resource: Resource) -> None:
    event = resource.begin(resource.event("Create", world.properties(world.instances(1000))))
    world.traffic.fail(UPDATE, BROKEN, times=FOR_EVER, when=lambda call: RENEWAL in str(call))
    began = world.clock.true_time()

    resource.poll(event)

    changes = [call.at - began for call in world.traffic.calls if call.action in MUTATING]
    taking_the_lease_and_one_call = 1
    assert changes
    assert max(changes) <= 40 + taking_the_lease_and_one_call


# What fails


def test_a_write_outside_of_a_transaction_that_conflicts_with_one_is_repeated(
    simulated: LedgerUser, request_: Request, simulator: Simulator
) -> None:
    simulated.begin(request_)
    with simulated.lease(request_) as lease:
        simulator.traffic.fail(UPDATE, CONFLICT, times=2)
        lease.accept_first_change()
        assert lease.operation.first_change_accepted
    assert simulated.clock.elapsed == pytest.approx(0.2 + 0.4)


def test_a_release_that_fails_loses_nothing(simulated: LedgerUser, request_: Request, simulator: Simulator) -> None:
    simulated.begin(request_)
    simulator.traffic.fail(UPDATE, BROKEN, times=3, when=lambda call: call["UpdateExpression"] == RELEASE)
    with simulated.lease(request_, "one") as lease:
        lease.accept_first_change()
    assert not lease.allows_calls
    simulated.clock.sleep(61)
    with simulated.lease(request_, "two") as lease:
        assert lease.operation.first_change_accepted


def test_an_operation_succeeds_in_the_same_poll_although_its_last_release_fails(
    world: World, resource: Resource
) -> None:
    target = world.instance()
    world.traffic.fail(UPDATE, BROKEN, times=3, when=lambda call: call["UpdateExpression"] == RELEASE)
    result = resource.create(world.properties([target], timeout=300))
    assert (result.ok, result.polls, world.mutations) == (True, 1, 1)
    assert result.seconds < 10
    assert resource.delete().ok
    assert world.carried(target) == [None]


def _updates(traffic: Traffic) -> list[float]:
    """When the operation was written, in seconds since the start."""
    return [call.at - START for call in traffic.calls if call.action == UPDATE]
