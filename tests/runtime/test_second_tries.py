"""What is wrong at first and right a moment later, and what is tried again."""

import pytest
from botocore.exceptions import ReadTimeoutError

from tests.runtime.rollouts import IN_WAVES, poll_until
from tests.simulator.cloudformation import Status
from tests.simulator.driver import QUERY_SECONDS, Resource, World
from tests.simulator.ec2 import ASSOCIATE, REPLACE
from tests.simulator.enforcement import REPAIR, Enforcement
from tests.simulator.errors import AwsError
from tests.simulator.faults import FOR_EVER
from tests.simulator.iam import GET_PROFILE

BAKE = 70
"""It is also the time that a wave may take to be confirmed: the two must not be confused."""
CONFIRMATION_SECONDS = 180
DENIED = AwsError("UnauthorizedOperation", "not authorized to perform: ec2:ReplaceIamInstanceProfileAssociation", 403)
NO_ANSWER = ReadTimeoutError(endpoint_url="https://ec2.eu-west-1.amazonaws.com/")


def test_waits_until_iam_shows_the_role_in_the_profile_that_was_created_a_moment_ago(
    world: World, resource: Resource
) -> None:
    """IAM may show the profile before the role that was put into it."""
    late = world.fleet.add_profile("Late", role=None)
    world.traffic.meanwhile(GET_PROFILE, lambda: world.fleet.change_role(late, "Late"), nth=3)
    target = world.instance()
    result = resource.create(world.properties([target], profile=late))

    assert result.ok, result.reason
    assert world.carried(target) == ["Late"]


def test_fails_when_the_profile_stays_without_a_role(world: World, resource: Resource) -> None:
    empty = world.fleet.add_profile("Empty", role=None)
    result = resource.create(world.properties([world.instance()], profile=empty))

    assert "instance profile Empty holds no role" in result.reason
    assert 10 <= result.seconds < 30
    assert world.mutations == 0


@pytest.mark.parametrize("bake", [69, 70, 71])
def test_fails_when_a_bake_as_long_as_a_confirmation_does_not_fit_into_the_time(
    world: World, resource: Resource, bake: int
) -> None:
    rollout = {"First": 2, "Percentages": [100], "BakeSeconds": bake, "Alarms": [], "MaxFailures": "0"}
    result = resource.create(world.properties(world.instances(2), rollout=rollout, timeout=130))

    assert f"1 wave bakes for {bake} seconds and may take 70 seconds to" in result.reason
    assert world.mutations == 0


def test_a_wave_bakes_for_exactly_the_time_that_is_set(world: World, resource: Resource) -> None:
    rollout = {**IN_WAVES, "BakeSeconds": BAKE}
    event = resource.begin(resource.event("Create", world.properties(world.instances(4), rollout=rollout)))
    poll_until(resource, event, lambda: bool(world.ledger_item(resource).get("BakesUntil")))
    world.clock.sleep(BAKE - QUERY_SECONDS - 1)
    assert resource.poll(event) == {"IsComplete": False}
    assert world.mutations == 1
    world.clock.sleep(1)
    assert resource.poll(event) == {"IsComplete": False}
    assert world.mutations == 2


def test_a_target_that_failed_before_and_is_throttled_now_is_tried_again(world: World, resource: Resource) -> None:
    """That it was refused in an earlier operation says nothing about this one."""
    targets = world.instances(5)
    refused = AwsError("UnsupportedOperation", "not today")
    world.traffic.fail(ASSOCIATE, refused, when=lambda call: call["InstanceId"] == targets[3])
    properties = world.properties(targets, rollout={**IN_WAVES, "MaxFailures": "1"})
    assert resource.create(properties).ok
    assert world.carried(targets[3]) == [None]

    world.traffic.throttle(ASSOCIATE, times=2)
    result = resource.update({**properties, "TimeoutSeconds": 900})
    assert result.ok, result.reason
    assert world.carried(*targets) == ["Web"] * 5


@pytest.mark.parametrize("is_answered", [True, False])
def test_the_time_for_a_confirmation_begins_with_the_change_if_ec2_gives_no_timestamp(
    world: World, resource: Resource, is_answered: bool
) -> None:
    """Even if the answer that the change was accepted was lost."""
    world.ec2.shows_timestamps = False
    world.fleet.profiles[world.web].delivers = False
    world.fleet.profiles[world.web].known_from = world.clock() + 100
    if not is_answered:
        began = world.clock()
        world.traffic.fail(ASSOCIATE, NO_ANSWER, after_effect=True, when=lambda _: world.clock() >= began + 100)
    event = resource.begin(resource.event("Create", world.properties([world.instance()])))
    began = world.clock()
    result = resource.finish(event)

    assert f"is still associating after {CONFIRMATION_SECONDS} seconds" in result.reason
    assert 100 + CONFIRMATION_SECONDS <= world.clock() - began < 100 + CONFIRMATION_SECONDS + 60


def deny_for_a_moment(world: World) -> None:
    """A corrected policy is in force after 20 seconds."""
    world.traffic.faults.clear()
    until = world.clock() + 20
    world.traffic.fail(REPLACE, DENIED, times=FOR_EVER, when=lambda _: world.clock() < until)


def test_a_continued_rollback_waits_for_the_policy_that_was_corrected_before_it(
    world: World, resource: Resource
) -> None:
    targets = world.instances(2, world.old)
    before = world.properties(targets, replaces=[world.old])
    after = world.properties(targets, profile=world.own_profile("Web2"), replaces=[world.old])
    assert resource.create(before).ok
    world.clock.sleep(600)
    assert resource.update(after).ok
    world.stack_status = Status.ROLLING_BACK
    world.traffic.fail(REPLACE, DENIED, times=FOR_EVER)
    assert not resource.deliver(resource.event("Update", before, after)).ok

    world.clock.sleep(3600)
    deny_for_a_moment(world)
    result = resource.deliver(resource.event("Update", before, after))
    assert result.ok, result.reason
    assert world.carried(*targets) == ["Web", "Web"]


def test_a_deployment_waits_for_the_policy_that_enforcement_has_missed_for_a_day(
    world: World, resource: Resource
) -> None:
    enforcement = Enforcement(world)
    world.instance(tags={"app": "web"})
    properties = world.properties(tags={"app": ["web"]}, replaces=[world.old], enforcement=REPAIR)
    assert resource.create(properties).ok
    world.traffic.fail(REPLACE, DENIED, times=FOR_EVER)
    late = world.instance(world.old, tags={"app": "web"})
    enforcement.run(24 * 3600)
    assert world.carried(late) == ["Old"]

    deny_for_a_moment(world)
    result = resource.update({**properties, "TimeoutSeconds": 900})
    assert result.ok, result.reason
    assert world.carried(late) == ["Web"]
