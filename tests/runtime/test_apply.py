"""Changes: what is called for a step, and what is made of the answer."""

from collections.abc import Sequence
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

from cdk_instance_role.runtime.association.aws.apply import apply
from cdk_instance_role.runtime.association.aws.rate_limiter import RateLimiter
from cdk_instance_role.runtime.association.decide.outcome import ErrorKind, Outcome
from cdk_instance_role.runtime.association.decide.step import Action, Step
from tests.simulator.driver import World
from tests.simulator.ec2 import ASSOCIATE, DISASSOCIATE, REPLACE
from tests.simulator.errors import AwsError, throttled
from tests.simulator.faults import Failure


def _apply(world: World, steps: Sequence[Step], seconds: float = 45) -> list[Outcome]:
    rate_limiter = RateLimiter(clock=world.clock, sleep=world.clock.sleep)
    return apply(steps, world.services.ec2, rate_limiter, until=world.clock() + seconds, seen_at=world.clock())


def _step(world: World, action: Action, instance_id: str, after: str | None, **more: Any) -> Step:
    row = world.fleet.active(instance_id)
    return Step(
        instance_id, action, "", row.arn if row else None, after, association_id=row.id if row else None, **more
    )


@pytest.mark.parametrize(
    ("action", "carries", "state", "expected", "calls"),
    [
        (Action.ASSOCIATE, False, "running", "Web", [ASSOCIATE]),
        (Action.REPLACE, True, "running", "Web", [REPLACE]),
        (Action.DISASSOCIATE, True, "running", None, [DISASSOCIATE]),
        (Action.SWAP, True, "stopped", "Web", [DISASSOCIATE, ASSOCIATE]),
    ],
)
def test_carries_out_a_step(
    world: World, action: Action, carries: bool, state: str, expected: str | None, calls: list[str]
) -> None:
    target = world.instance(world.old if carries else None, state=state)
    (outcome,) = _apply(world, [_step(world, action, target, world.web if expected else None)])
    assert outcome.accepted
    assert world.carried(target) == [expected]
    assert [call.action for call in world.traffic.calls] == calls


@pytest.mark.parametrize("action", [Action.KEEP, Action.WAIT, Action.FORGET])
def test_refuses_a_step_that_changes_nothing(world: World, action: Action) -> None:
    with pytest.raises(ValueError, match="changes nothing"):
        _apply(world, [Step(world.instance(), action, "")])


@pytest.mark.parametrize(
    ("state", "error_kind"), [("pending", ErrorKind.NOT_READY), ("stopping", ErrorKind.NOT_READY), ("running", None)]
)
def test_recognizes_an_instance_that_is_not_ready(world: World, state: str, error_kind: ErrorKind | None) -> None:
    (outcome,) = _apply(world, [_step(world, Action.ASSOCIATE, world.instance(state=state), world.web)])
    assert outcome.error_kind is error_kind


def test_recognizes_an_instance_that_has_changed(world: World) -> None:
    taken, stopped, lost = world.instances(3, world.old)
    steps = [
        Step(taken, Action.ASSOCIATE, "", None, world.web),
        _step(world, Action.REPLACE, stopped, world.web),
        _step(world, Action.REPLACE, lost, world.web),
        Step("i-0123456789abcdef0", Action.ASSOCIATE, "", None, world.web),
        Step(lost, Action.REPLACE, "", None, world.web, association_id="iip-assoc-0123456789abcdef0"),
    ]
    world.fleet.change_state(stopped, "stopped")
    world.fleet.set_carried(lost, None)
    world.clock.sleep(10)
    assert {outcome.error_kind for outcome in _apply(world, steps)} == {ErrorKind.CHANGED}


@pytest.mark.parametrize(
    "form", ["InvalidParameterValue|Invalid IAM Instance Profile ARN", "IncorrectState|InstanceIdentityProfileNotFound"]
)
@pytest.mark.parametrize("action", [Action.ASSOCIATE, Action.REPLACE])
def test_recognizes_that_ec2_does_not_know_a_profile(world: World, form: str, action: Action) -> None:
    code, _, message = form.partition("|")
    world.ec2.unknown_profile = (code, message)
    world.fleet.profiles[world.web].known_from = world.clock() + 60
    target = world.instance(world.old if action is Action.REPLACE else None)
    (outcome,) = _apply(world, [_step(world, action, target, world.web)])
    assert outcome.error_kind is ErrorKind.PROPAGATING


@pytest.mark.parametrize(
    ("error", "error_kind", "said"),
    [
        (throttled(), ErrorKind.THROTTLED, "RequestLimitExceeded: Request limit exceeded."),
        (AwsError("UnauthorizedOperation", "Not you.", 403), ErrorKind.DENIED, "UnauthorizedOperation: Not you."),
        (AwsError("InternalError", "Something broke", 500), ErrorKind.UNREACHABLE, "InternalError: Something broke"),
        (AwsError("UnsupportedOperation", "no"), ErrorKind.REFUSED, "UnsupportedOperation: no"),
        (ConnectionClosedError(endpoint_url="https://ec2.example/"), ErrorKind.UNREACHABLE, "Connection was closed"),
    ],
)
def test_says_what_an_error_means(world: World, error: Failure, error_kind: ErrorKind, said: str) -> None:
    world.traffic.fail(ASSOCIATE, error)
    (outcome,) = _apply(world, [_step(world, Action.ASSOCIATE, world.instance(), world.web)])
    assert outcome.error_kind is error_kind
    assert outcome.detail.startswith(said)


def test_one_error_does_not_stop_the_other_steps(world: World) -> None:
    targets = world.instances(20)
    world.refuse(ASSOCIATE, targets[7])
    outcomes = _apply(world, [_step(world, Action.ASSOCIATE, id_, world.web) for id_ in targets])
    assert [outcome.step.instance_id for outcome in outcomes if not outcome.accepted] == [targets[7]]
    assert world.carried(*targets).count("Web") == 19


def test_begins_only_what_fits_in_the_time(world: World) -> None:
    targets = world.instances(200)
    outcomes = _apply(world, [_step(world, Action.ASSOCIATE, id_, world.web) for id_ in targets], seconds=10)
    assert [outcome.step.instance_id for outcome in outcomes] == targets[: len(outcomes)]
    assert 90 <= len(outcomes) <= 150
    assert world.mutations == len(outcomes)
    assert world.clock.elapsed <= 10


def test_puts_the_old_profile_back_when_the_second_half_of_a_swap_fails(world: World) -> None:
    target = world.instance(world.old, state="stopped")
    world.traffic.fail(ASSOCIATE, AwsError("UnsupportedOperation", "no"))
    (outcome,) = _apply(world, [_step(world, Action.SWAP, target, world.web, fallback=world.old)])
    assert outcome.error_kind is ErrorKind.REFUSED
    assert world.carried(target) == ["Old"]


def test_does_not_begin_the_second_half_of_a_swap_when_the_first_one_fails(world: World) -> None:
    target = world.instance(world.old, state="stopped")
    world.traffic.throttle(DISASSOCIATE)
    (outcome,) = _apply(world, [_step(world, Action.SWAP, target, world.web, fallback=world.old)])
    assert outcome.error_kind is ErrorKind.THROTTLED
    assert world.carried(target) == ["Old"]
    assert world.traffic.count(ASSOCIATE) == 0


def test_does_not_put_a_profile_back_if_someone_else_has_given_another_one(world: World) -> None:
    target = world.instance(world.old, state="stopped")
    world.traffic.meanwhile(ASSOCIATE, lambda: world.fleet.set_carried(target, world.foreign))
    (outcome,) = _apply(world, [_step(world, Action.SWAP, target, world.web, fallback=world.old)])
    assert outcome.error_kind is ErrorKind.CHANGED
    assert world.carried(target) == ["Foreign"]
    assert world.traffic.count(ASSOCIATE) == 1
