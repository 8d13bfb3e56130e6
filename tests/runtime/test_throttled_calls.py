"""Throttling: what the handler does while AWS throttles many calls, and when the retries of its clients are used up."""

import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cdk_instance_role.runtime.association.aws.observe import Observer
from cdk_instance_role.runtime.association.aws.rate_limiter import RateLimiter
from cdk_instance_role.runtime.association.contract import LEDGER_PARTITION_KEY, LEDGER_SORT_KEY
from cdk_instance_role.runtime.association.request.desired import Selection
from tests.simulator.cloudformation import Status
from tests.simulator.driver import Resource, World
from tests.simulator.dynamodb import TABLE
from tests.simulator.ec2 import DESCRIBE_ASSOCIATIONS, DESCRIBE_INSTANCES
from tests.simulator.errors import AwsError, throttled
from tests.simulator.faults import FOR_EVER

READS = (DESCRIBE_INSTANCES, DESCRIBE_ASSOCIATIONS)
IAM_THROTTLES = AwsError("Throttling", "Rate exceeded", 400)
LEDGER_THROTTLES = AwsError("ThrottlingException", "Rate exceeded", 400)
LEDGER_CALLS = ("GetItem", "Query", "UpdateItem", "TransactWriteItems")


def throttle_at_random(world: World, error: AwsError, *actions: str, share: float) -> None:
    dice = random.Random(1)  # noqa: S311 - no secret
    for action in actions:
        world.traffic.fail(action, error, times=FOR_EVER, when=lambda _: dice.random() < share)


def use_up_retries(world: World, error: AwsError, action: str, call: Callable[[], Any]) -> None:
    """Let calls of a client be throttled until botocore retries none of them any more."""
    for _ in range(100):
        world.traffic.fail(action, error, times=3)
        with suppress(ClientError):
            call()
        world.traffic.faults.clear()
    before = world.traffic.count(action)
    world.traffic.fail(action, error)
    with pytest.raises(ClientError):
        call()
    assert world.traffic.count(action) == before + 1


def test_an_observation_of_ten_thousand_targets_succeeds_although_a_third_of_its_calls_is_throttled(
    world: World,
) -> None:
    ids = world.instances(10_000, world.web, tags={"app": "web"})
    world.traffic.throttle_at_random(*READS, share=0.3, seed=1)
    rate_limiter = RateLimiter(clock=world.clock, sleep=world.clock.sleep)
    began = world.clock()

    observer = Observer(world.services.ec2, world.services.iam, rate_limiter)
    seen = observer.instances(Selection(tags=(("app", frozenset({"web"})),)), {})

    assert set(seen.selected) == seen.instances.keys() == set(ids)
    assert {instance.carries for instance in seen.instances.values()} == {world.web}
    asked = world.traffic.count(*READS)
    assert asked - len(world.traffic.refused(*READS)) == 10 + 53, "no page is read twice"
    assert rate_limiter.throttled == len(world.traffic.refused(*READS)) > 10
    assert world.clock() - began < 60


def test_finishes_although_a_third_of_its_reads_is_throttled(world: World, resource: Resource) -> None:
    targets = world.instances(300)
    world.traffic.throttle_at_random(*READS, share=0.3, seed=1)
    throttle_at_random(world, IAM_THROTTLES, "GetInstanceProfile", share=0.3)
    result = resource.create(world.properties(targets))
    assert result.ok, result.reason
    assert result.polls == 1
    assert world.mutations == 300


def test_finishes_although_botocore_no_longer_retries_calls_of_the_ledger(world: World, resource: Resource) -> None:
    """Its quota of retries belongs to the client, which outlives the invocation that has used it up."""
    key = {LEDGER_PARTITION_KEY: {"S": "x"}, LEDGER_SORT_KEY: {"S": "y"}}
    table: Any = {"TableName": TABLE, "Key": key}
    use_up_retries(world, LEDGER_THROTTLES, "GetItem", lambda: world.clients.dynamodb.get_item(**table))
    targets = world.instances(120, world.old)
    throttle_at_random(world, LEDGER_THROTTLES, *LEDGER_CALLS, share=0.1)
    result = resource.create(world.properties(targets, replaces=[world.old]))
    assert result.ok, result.reason
    assert world.carried(*targets) == ["Web"] * 120
    assert resource.delete().ok
    assert world.carried(*targets) == ["Old"] * 120


@pytest.mark.parametrize("code", ["ThrottlingException", "RequestTimeoutException", "LimitExceededException"])
def test_an_error_that_botocore_would_have_repeated_is_not_terminal(
    world: World, resource: Resource, code: str
) -> None:
    """With any code: the next invocation continues."""
    table: Any = {"TableName": TABLE, "Key": {LEDGER_PARTITION_KEY: {"S": "x"}, LEDGER_SORT_KEY: {"S": "y"}}}
    event = resource.begin(resource.event("Create", world.properties([world.instance()])))
    use_up_retries(world, LEDGER_THROTTLES, "GetItem", lambda: world.clients.dynamodb.get_item(**table))
    world.traffic.fail("Query", AwsError(code, "not now", 400), times=2)  # calls in between may have earned one retry
    assert resource.poll(event) == {"IsComplete": False}
    assert resource.finish(event).ok


def test_the_first_phase_waits_while_a_service_throttles_everything(world: World, resource: Resource) -> None:
    world.traffic.fail("GetInstanceProfile", IAM_THROTTLES, times=30)
    result = resource.create(world.properties([world.instance(world.old)], replaces=[world.old]))
    assert result.ok, result.reason


# A rollback or a Delete has nothing to validate: it begins although AWS does not answer, and the second phase goes on.

NOT_NOW = AwsError("Unavailable", "The service is unavailable", 503)


def fails_for(world: World, action: str, error: AwsError, seconds: float) -> None:
    """Let a call fail for some seconds from now on."""
    until = world.clock() + seconds
    world.traffic.fail(action, error, times=FOR_EVER, when=lambda _: world.clock() < until)


@pytest.mark.parametrize("error", [throttled(), NOT_NOW], ids=["throttled", "unavailable"])
def test_a_rollback_begins_although_ec2_answers_nothing_for_minutes(
    world: World, resource: Resource, error: AwsError
) -> None:
    kept, added = world.instances(2)
    before, after = world.properties([kept]), world.properties([kept, added])
    assert resource.create(before).ok
    assert resource.update(after).ok
    fails_for(world, DESCRIBE_INSTANCES, error, 300)
    world.stack_status = Status.ROLLING_BACK
    result = resource.deliver(resource.event("Update", before, after))

    assert result.ok, result.reason
    assert world.carried(kept, added) == ["Web", None]


def test_a_rollback_that_the_stack_shows_late_begins_too(world: World, resource: Resource) -> None:
    kept, added = world.instances(2)
    before, after = world.properties([kept]), world.properties([kept, added])
    assert resource.create(before).ok
    assert resource.update(after).ok
    fails_for(world, DESCRIBE_INSTANCES, throttled(), 300)
    world.stack_status = Status.UPDATING
    world.traffic.meanwhile("DescribeStacks", lambda: setattr(world, "stack_status", Status.ROLLING_BACK), nth=2)
    result = resource.deliver(resource.event("Update", before, after))

    assert result.ok, result.reason
    assert world.carried(kept, added) == ["Web", None]


def test_an_ordinary_update_is_refused_when_ec2_answers_nothing_for_minutes(world: World, resource: Resource) -> None:
    kept, added = world.instances(2)
    assert resource.create(world.properties([kept])).ok
    fails_for(world, DESCRIBE_INSTANCES, throttled(), 300)
    result = resource.update(world.properties([kept, added]))

    assert "RequestLimitExceeded" in result.reason
    assert result.rollback
    assert result.rollback.ok, result.rollback.reason
    assert world.carried(kept, added) == ["Web", None]


def test_a_delete_begins_although_its_records_cannot_be_read_for_minutes(world: World, resource: Resource) -> None:
    targets = world.instances(2, world.old)
    assert resource.create(world.properties(targets, replaces=[world.old])).ok
    fails_for(world, "Query", NOT_NOW, 200)
    result = resource.delete()

    assert result.ok, result.reason
    assert world.carried(*targets) == ["Old", "Old"]
