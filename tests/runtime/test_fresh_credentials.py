"""Errors of credentials that are seconds old. Each kind of error is retried for a minute after it was first seen. Then
it is terminal. For a kind that has passed and comes back later, the minute begins again."""

import pytest

from tests.simulator.driver import Resource, Result, World
from tests.simulator.ec2 import ASSOCIATE, DESCRIBE_ASSOCIATIONS, DESCRIBE_INSTANCES, DISASSOCIATE
from tests.simulator.errors import AwsError
from tests.simulator.faults import FOR_EVER
from tests.simulator.iam import GET_PROFILE

EC2 = [(action, "AuthFailure") for action in (DESCRIBE_INSTANCES, DESCRIBE_ASSOCIATIONS, ASSOCIATE, DISASSOCIATE)]
LEDGER = [
    (action, "UnrecognizedClientException") for action in ("GetItem", "Query", "UpdateItem", "TransactWriteItems")
]
OTHERS = [
    (GET_PROFILE, "InvalidClientTokenId"),
    (DESCRIBE_INSTANCES, "RequestExpired"),
    ("UpdateItem", "TransactionConflictException"),
    ("DescribeStacks", "InvalidClientTokenId"),
]
CASES = [*EC2, *LEDGER, *OTHERS]


def fail(world: World, action: str, code: str, seconds: float) -> None:
    """Let calls of an action fail for some seconds from the next one on."""
    began: list[float] = []

    def strikes(_: object) -> bool:
        began[:] = began or [world.clock()]
        return world.clock() < began[0] + seconds

    world.traffic.fail(
        action,
        AwsError(code, "not able to validate the provided access credentials", 400),
        times=FOR_EVER,
        when=strikes,
    )


def play(world: World, resource: Resource) -> list[Result]:
    """A Create, an Update and a Delete with every kind of call."""
    first, second = world.instances(2)
    results = [resource.create(world.properties([first]))]
    if results[0].ok:
        results += [resource.update(world.properties([first, second])), resource.delete()]
    return results


@pytest.mark.parametrize(("action", "code"), CASES)
@pytest.mark.parametrize("seconds", [0.1, 30])
def test_an_error_of_fresh_credentials_is_retried(
    world: World, resource: Resource, action: str, code: str, seconds: float
) -> None:
    fail(world, action, code, seconds)
    results = play(world, resource)

    assert [result.ok for result in results] == [True] * 3, [result.reason for result in results]
    assert world.ledger_items == {}


@pytest.mark.parametrize(("action", "code"), [case for case in CASES if case[0] != "DescribeStacks"])
def test_an_error_that_lasts_for_more_than_a_minute_is_terminal(
    world: World, resource: Resource, action: str, code: str
) -> None:
    fail(world, action, code, FOR_EVER)
    results = play(world, resource)
    failed = [result for result in results if not result.ok]

    assert failed
    assert code in failed[0].reason
    assert failed[0].seconds >= 60


def test_an_error_that_passed_and_comes_back_later_has_a_new_retry_window(world: World, resource: Resource) -> None:
    began, error = world.clock(), AwsError("AuthFailure", "not able to validate", 401)
    target = world.instance(state="pending", later=[(200, "running")])

    def strikes(_: object) -> bool:
        since = world.clock() - began
        return since < 40 or 120 < since < 160

    world.traffic.fail(DESCRIBE_INSTANCES, error, times=FOR_EVER, when=strikes)
    result = resource.create(world.properties([target]))

    assert result.ok, result.reason
    assert world.carried(target) == ["Web"]


def test_two_denials_for_a_moment_with_minutes_of_success_between_them_end_nothing(
    world: World, resource: Resource
) -> None:
    slow = world.instance(state="pending", later=[(300, "running")])
    event = resource.begin(resource.event("Create", world.properties([*world.instances(3), slow])))
    began = world.clock()
    denial = AwsError("UnauthorizedOperation", "You are not authorized to perform this operation.", 403)
    for second in (120, 230):
        world.traffic.fail(DESCRIBE_INSTANCES, denial, when=lambda _, at=second: world.clock() - began >= at)
    result = resource.finish(event)
    assert result.ok, result.reason


def test_a_lasting_denial_behind_a_long_look_is_believed_before_the_timeout(world: World, resource: Resource) -> None:
    """A look at a very large fleet takes longer than the time after which an error counts as passed."""
    targets = world.instances(2)
    event = resource.begin(resource.event("Create", world.properties(targets)))
    world.traffic.latency = lambda action: 40.0 if action == DESCRIBE_INSTANCES else 0.0
    denial = AwsError("AccessDenied", "not authorized to perform: iam:GetInstanceProfile", 403)
    world.traffic.fail(GET_PROFILE, denial, times=FOR_EVER)
    result = resource.finish(event)
    assert "not authorized to perform: iam:GetInstanceProfile" in result.reason
    assert 60 <= result.seconds < 200
