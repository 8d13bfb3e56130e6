"""The operations of the ledger: which event is current, and whether an Update is a rollback."""

import pytest

from cdk_instance_role.runtime.association.exceptions import SupersededError
from cdk_instance_role.runtime.association.ledger.received_events import ClosedError
from cdk_instance_role.runtime.association.request.event import Request, RequestType
from tests.runtime.ledgers import NOW, LedgerUser, later, request
from tests.simulator.dynamodb import UPDATE
from tests.simulator.simulator import Simulator

HOUR, DAY = 3600, 24 * 3600


def test_begins_an_operation_once(user: LedgerUser, request_: Request) -> None:
    assert user.begin(request_, NOW).started_at == NOW
    assert user.begin(request_, NOW + 100).started_at == NOW


def test_refuses_an_event_that_was_superseded(user: LedgerUser, request_: Request) -> None:
    user.begin(request_)
    user.begin(later(request_))
    user.begin(later(request_, RequestType.DELETE))
    with pytest.raises(SupersededError):
        user.begin(request_)


def test_an_event_that_comes_between_read_and_write_is_not_lost(
    simulated: LedgerUser, request_: Request, simulator: Simulator
) -> None:
    """Two events begin at the same moment, and each has read what was there before."""
    simulated.begin(request_)
    second, third = later(request_), later(request_)

    def come_between() -> None:
        simulated.begin(second, NOW + 1)

    simulator.traffic.meanwhile(UPDATE, come_between)
    simulated.begin(third, NOW + 2)
    with pytest.raises(SupersededError):
        simulated.begin(second, NOW + 3)


def test_remembers_the_progress_of_an_operation(user: LedgerUser, request_: Request) -> None:
    user.begin(request_, NOW)
    with user.lease(request_) as lease:
        assert (lease.operation.first_change_accepted, lease.operation.failure) == (False, None)
        lease.accept_first_change()
        lease.fail("because")
        lease.save_progress({"Targets": 5, "Done": 3})
    with user.lease(request_) as lease:
        assert (lease.operation.first_change_accepted, lease.operation.failure) == (True, "because")
        assert (lease.operation.progress, lease.operation.started_at) == ({"Targets": 5, "Done": 3}, NOW)


def test_remembers_the_levels_of_the_buckets_for_every_association(user: LedgerUser) -> None:
    levels = user.ledger.levels
    assert levels.read(NOW) == {}
    levels.write({"AssociateIamInstanceProfile": 12.0, "DescribeInstances": -0.5}, NOW)
    assert levels.read(NOW) == {"AssociateIamInstanceProfile": 12.0, "DescribeInstances": -0.5}
    assert levels.read(NOW + 2)["AssociateIamInstanceProfile"] == pytest.approx(21.95)
    assert levels.read(NOW + 3600)["AssociateIamInstanceProfile"] == pytest.approx(98.0), "it is full long before"


def test_remembers_the_wave_of_an_operation(user: LedgerUser, request_: Request) -> None:
    user.begin(request_)
    with user.lease(request_) as lease:
        assert (lease.operation.total, lease.operation.wave) == (None, 0)
        lease.begin_waves(7)
        lease.bake(NOW + 60)
    with user.lease(request_) as lease:
        assert (lease.operation.total, lease.operation.wave, lease.operation.bakes_until) == (7, 0, NOW + 60)
        lease.end_wave()
    with user.lease(request_) as lease:
        assert (lease.operation.total, lease.operation.wave, lease.operation.bakes_until) == (7, 1, None)


def test_the_next_operation_starts_without_progress(user: LedgerUser, request_: Request) -> None:
    user.begin(request_, NOW)
    with user.lease(request_) as lease:
        lease.accept_first_change()
        lease.fail("because")
        lease.begin_waves(5)
        lease.end_wave()
        lease.save_progress({"Targets": 5})
    operation = user.begin(later(request_), NOW + 10)
    assert (operation.first_change_accepted, operation.failure, operation.started_at) == (False, None, NOW + 10)
    assert (operation.total, operation.wave, operation.progress) == (None, 0, {})


# Rollbacks


def _fail(user: LedgerUser, request: Request) -> None:
    user.begin(request)
    user.ledger.operations.end_in_failure(request, "because")


def _succeed(user: LedgerUser, request: Request) -> None:
    user.begin(request)
    with user.lease(request) as lease:
        lease.succeed({})


def test_recognizes_the_rollback_of_a_failed_update(user: LedgerUser, request_: Request) -> None:
    _succeed(user, request_)
    update, back = later(request_, digests=("a", "b")), later(request_, digests=("b", "a"))
    assert not user.begin(update).rolling_back
    user.ledger.operations.end_in_failure(update, "because")
    assert user.begin(back).rolling_back
    assert user.begin(back).rolling_back, "also when it is delivered twice"
    _succeed(user, back)
    assert not user.begin(later(request_, digests=("a", "c"))).rolling_back


@pytest.mark.parametrize("seconds", [0, 7 * HOUR, 30 * DAY])
def test_a_rollback_is_recognized_at_any_age(user: LedgerUser, request_: Request, seconds: float) -> None:
    _succeed(user, request_)
    _fail(user, later(request_, digests=("a", "b")))
    assert user.begin(later(request_, digests=("b", "a")), NOW + seconds).rolling_back


@pytest.mark.parametrize("seconds", [0, HOUR])
def test_a_return_to_the_former_configuration_after_a_successful_update_is_an_ordinary_update(
    user: LedgerUser, request_: Request, seconds: float
) -> None:
    _succeed(user, request_)
    _succeed(user, later(request_, digests=("a", "b")))
    assert not user.begin(later(request_, digests=("b", "a")), NOW + seconds).rolling_back


@pytest.mark.parametrize(("digests", "returns"), [(("b", "a"), True), (("b", "c"), False), (("a", "a"), False)])
def test_knows_whether_an_update_returns_to_what_the_last_one_came_from(
    user: LedgerUser, request_: Request, digests: tuple[str, str], returns: bool
) -> None:
    _succeed(user, request_)
    _succeed(user, later(request_, digests=("a", "b")))
    operation = user.begin(later(request_, digests=digests))
    assert (operation.returns, operation.rolling_back) == (returns, False)


def test_an_update_that_changes_nothing_is_no_rollback(user: LedgerUser, request_: Request) -> None:
    _succeed(user, request_)
    _fail(user, later(request_, digests=("a", "a")))
    assert not user.begin(later(request_, digests=("a", "a"))).rolling_back


def test_a_rollback_that_fails_can_be_continued(user: LedgerUser, request_: Request) -> None:
    _succeed(user, request_)
    _fail(user, later(request_, digests=("a", "b")))
    _fail(user, later(request_, digests=("b", "a")))
    assert user.begin(later(request_, digests=("b", "a"))).rolling_back


def test_another_update_after_a_failed_one_is_no_rollback(user: LedgerUser, request_: Request) -> None:
    _succeed(user, request_)
    _fail(user, later(request_, digests=("a", "b")))
    assert not user.begin(later(request_, digests=("b", "c"))).rolling_back


def test_the_status_of_the_stack_is_read_once_and_for_an_update_only(user: LedgerUser, request_: Request) -> None:
    asked: list[None] = []

    def stack_rolls_back() -> bool:
        asked.append(None)
        return True

    def begin(request: Request) -> bool:
        return user.ledger.operations.begin(request, NOW, stack_rolls_back=stack_rolls_back).rolling_back

    update = later(request_)
    assert not begin(request_)
    assert [begin(update), begin(update)] == [True, True], "the answer is in the operation"
    assert not begin(later(request_, RequestType.DELETE))
    assert len(asked) == 1


def test_a_rollback_that_the_status_of_the_stack_shows_late_is_remembered(user: LedgerUser, request_: Request) -> None:
    user.begin(request_)
    update = later(request_)
    assert not user.begin(update).rolling_back
    assert user.ledger.operations.roll_back(update).rolling_back
    assert user.begin(update).rolling_back
    with pytest.raises(SupersededError):
        user.ledger.operations.roll_back(request_)


def test_an_ended_operation_has_an_outcome(user: LedgerUser, request_: Request) -> None:
    _fail(user, request_)
    failed = user.begin(request_)
    assert (failed.ended, failed.reason) == ("failed", "because")
    update = later(request_)
    user.begin(update)
    with user.lease(update) as lease:
        lease.succeed({"AssociatedCount": "3"})
    user.ledger.operations.end_in_failure(request_, "too late")
    succeeded = user.begin(update)
    assert (succeeded.ended, succeeded.result, succeeded.reason) == ("succeeded", {"AssociatedCount": "3"}, "")


# The end


def test_an_operation_that_is_closed_cannot_be_leased(user: LedgerUser, request_: Request) -> None:
    user.begin(request_)
    with user.lease(request_) as lease:
        lease.close()
    with pytest.raises(ClosedError), user.lease(request_):
        pass
    assert user.ledger.operations.get(request_.association) is None


def test_a_delete_after_a_create_that_did_not_succeed_undoes_the_create(user: LedgerUser) -> None:
    failed, succeeded = request(), request()
    _fail(user, failed)
    _succeed(user, succeeded)
    assert user.begin(later(failed, RequestType.DELETE)).restores == failed.id
    assert user.begin(later(succeeded, RequestType.DELETE)).restores is None
