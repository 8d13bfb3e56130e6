"""Targets that fail while others continue: how many may, what happens to them, and their effect on later operations."""

import pytest

from tests.runtime.rollouts import IN_WAVES, WATCHED, poll_until
from tests.simulator.driver import Resource, World
from tests.simulator.ec2 import ASSOCIATE, DISASSOCIATE, MUTATING, REPLACE
from tests.simulator.errors import AwsError, throttled

ONE_MAY_FAIL = {**IN_WAVES, "MaxFailures": "1"}
TWO_WAVES = {"First": 2, "Percentages": [100], "BakeSeconds": 0, "MaxFailures": "1"}
"""All but the canaries at once, and no bake."""


@pytest.fixture(autouse=True)
def _alarms(world: World) -> None:
    world.cloudwatch.alarms = {"Errors": "OK", "Latency": "OK"}


def test_a_few_targets_may_fail(world: World, resource: Resource) -> None:
    targets = world.instances(10)
    world.refuse("AssociateIamInstanceProfile", targets[3])
    world.refuse("AssociateIamInstanceProfile", targets[7])
    result = resource.create(world.properties(targets, rollout={**IN_WAVES, "MaxFailures": "20%"}))
    assert result.ok, result.reason
    assert world.carried(*targets).count("Web") == 8
    assert result.data["AssociatedCount"] == "8"
    refused = [call.parameters["InstanceId"] for call in world.traffic.calls if call.action in MUTATING and call.error]
    assert sorted(refused) == sorted([targets[3], targets[7]]), "each is tried once, also over many invocations"


def test_a_failed_target_is_tried_again_with_the_next_update(world: World, resource: Resource) -> None:
    targets = world.instances(5)
    world.refuse("AssociateIamInstanceProfile", targets[3])
    properties = world.properties(targets, rollout={**IN_WAVES, "MaxFailures": "1"})
    assert resource.create(properties).ok
    assert world.carried(targets[3]) == [None]
    world.traffic.faults.clear()
    assert resource.update({**properties, "TimeoutSeconds": 900}).ok
    assert world.carried(*targets) == ["Web"] * 5


def test_a_failed_target_is_left_alone_by_a_delete(world: World, resource: Resource) -> None:
    targets = world.instances(5, world.old)
    world.refuse(REPLACE, targets[3])
    rollout = {**IN_WAVES, "MaxFailures": "1"}
    assert resource.create(world.properties(targets, replaces=[world.old], rollout=rollout)).ok
    assert resource.delete().ok
    assert world.carried(*targets) == ["Old"] * 5
    assert world.ledger_items == {}


def test_fails_when_more_targets_fail_than_allowed(world: World, resource: Resource) -> None:
    targets = world.instances(10)
    for target in targets[3:6]:
        world.refuse("AssociateIamInstanceProfile", target)
    result = resource.create(world.properties(targets, rollout={**IN_WAVES, "MaxFailures": "2"}))
    assert not result.ok
    assert "was refused" in result.reason
    assert world.carried(*targets) == [None] * 10


def test_fails_when_all_targets_have_failed_so_far_even_within_the_limit(world: World, resource: Resource) -> None:
    targets = world.instances(10)
    world.traffic.fail("AssociateIamInstanceProfile", AwsError("UnsupportedOperation", "not today"), times=1)
    result = resource.create(world.properties(targets, rollout={**IN_WAVES, "MaxFailures": "100%"}))
    assert not result.ok
    assert world.mutations == 1


def test_a_target_that_would_keep_a_former_profile_of_the_association_may_not_fail(
    world: World, resource: Resource
) -> None:
    """CloudFormation may delete that profile next, and the instance would be without a role."""
    targets = world.instances(5)
    assert resource.create(world.properties(targets)).ok
    world.refuse(REPLACE, targets[3])
    new = world.own_profile("Web2")
    rollout = {**IN_WAVES, "MaxFailures": "50%"}
    result = resource.update(world.properties(targets, profile=new, replaces=[world.web], rollout=rollout))
    assert not result.ok
    assert result.rollback is not None
    assert result.rollback.ok
    assert world.carried(*targets) == ["Web"] * 5


def test_a_target_that_keeps_failing_does_not_block_later_updates(world: World, resource: Resource) -> None:
    """It may be the only remaining change, but its failure is no news."""
    targets = world.instances(10)
    world.refuse(ASSOCIATE, targets[7])
    properties = world.properties(targets, rollout=ONE_MAY_FAIL)
    assert resource.create(properties).ok
    result = resource.update({**properties, "TimeoutSeconds": 900})
    assert result.ok, result.reason
    assert world.carried(targets[7]) == [None]


def test_a_target_that_keeps_failing_does_not_count_among_new_failures(world: World, resource: Resource) -> None:
    targets = world.instances(50)
    world.refuse(ASSOCIATE, targets[7])
    rollout = {**IN_WAVES, "MaxFailures": "10%"}
    assert resource.create(world.properties(targets, rollout=rollout)).ok
    result = resource.update(world.properties([*targets, *world.instances(3)], rollout=rollout))
    assert result.ok, result.reason


def test_a_target_that_keeps_failing_counts_if_no_failures_are_allowed_any_more(
    world: World, resource: Resource
) -> None:
    targets = world.instances(10)
    world.refuse(ASSOCIATE, targets[7])
    assert resource.create(world.properties(targets, rollout=ONE_MAY_FAIL)).ok
    result = resource.update(world.properties(targets, rollout=IN_WAVES))
    assert not result.ok
    assert targets[7] in result.reason
    assert result.rollback is not None
    assert result.rollback.ok, "but not in the rollback"


def test_a_target_that_has_failed_does_not_block_the_rollback(world: World, resource: Resource) -> None:
    targets = world.instances(10)
    world.refuse(ASSOCIATE, targets[7])
    rollout = {**WATCHED, "MaxFailures": "1"}
    assert resource.create(world.properties(targets, rollout=rollout)).ok
    new = world.own_profile("Web2")
    before, after = resource.properties, world.properties(targets, profile=new, replaces=[world.web], rollout=rollout)
    event = resource.begin(resource.event("Update", after, before))
    poll_until(resource, event, lambda: world.carried(*targets).count("Web2") >= 2)
    world.cloudwatch.alarms["Errors"] = "ALARM"
    assert not resource.finish(event).ok
    back = resource.deliver(resource.event("Update", before, after))
    assert back.ok, back.reason
    assert world.carried(*targets) == [None if target == targets[7] else "Web" for target in targets]


def test_a_target_that_would_keep_the_profile_of_another_association_may_not_fail(
    world: World, resource: Resource
) -> None:
    """If that association is deleted next, it could neither restore the profile nor leave it."""
    targets = world.instances(5)
    assert resource.create(world.properties(targets)).ok
    new = world.own_profile("Web2")
    world.refuse(REPLACE, targets[3])
    other = Resource(world, "Other")
    assert not other.create(world.properties(targets, profile=new, replaces=[world.web], rollout=ONE_MAY_FAIL)).ok
    assert resource.delete().ok
    assert world.carried(*targets) == [None] * 5


def test_a_target_that_ec2_does_not_confirm_may_not_fail(world: World, resource: Resource) -> None:
    """It has lost what it carried before."""
    targets = world.instances(10, world.old)
    rollout = {**IN_WAVES, "MaxFailures": "5"}
    event = resource.begin(resource.event("Create", world.properties(targets, replaces=[world.old], rollout=rollout)))
    poll_until(resource, event, lambda: bool(world.ledger_item(resource).get("BakesUntil")))
    confirmations = iter([1e9])
    world.fleet.association_seconds = lambda: next(confirmations, 2.0)
    result = resource.finish(event)
    assert not result.ok
    assert "still associating after 180 seconds" in result.reason
    assert world.carried(*targets) == ["Old"] * 10


@pytest.mark.parametrize("throttled_times", [1, 3])
def test_a_stopped_target_that_fails_is_not_left_without_a_profile(
    world: World, resource: Resource, throttled_times: int
) -> None:
    """Its old profile is off by then, and restoring it does not succeed at once either."""
    *running, stopped = [*world.instances(9), world.instance(world.old, state="stopped")]
    about = {"when": lambda parameters: stopped in parameters.values()}
    world.traffic.fail(ASSOCIATE, AwsError("UnsupportedOperation", "not today"), times=1, **about)
    world.traffic.fail(ASSOCIATE, throttled(), times=throttled_times, **about)
    properties = world.properties([*running, stopped], replaces=[world.old], rollout=TWO_WAVES)
    assert resource.create(properties).ok
    assert world.carried(*running, stopped) == ["Web"] * 9 + ["Old"]


def test_a_stopped_target_whose_profile_was_put_back_is_not_tried_again_and_again(
    world: World, resource: Resource
) -> None:
    """Each time it would be without a profile for a moment."""
    *running, stopped = [*world.instances(9), world.instance(world.old, state="stopped")]
    to_it = {"when": lambda parameters: stopped in parameters.values()}
    to_web = {"when": lambda parameters: stopped in parameters.values() and world.web in str(parameters)}
    world.traffic.fail(ASSOCIATE, AwsError("UnsupportedOperation", "not today"), times=10, **to_web)
    world.traffic.fail(ASSOCIATE, throttled(), times=1, skip=1, **to_it)
    properties = world.properties([*running, stopped], replaces=[world.old], rollout={**TWO_WAVES, "BakeSeconds": 90})
    assert resource.create(properties).ok
    assert world.carried(stopped) == ["Old"]
    assert world.traffic.count(DISASSOCIATE) == 1
    assert resource.update({**properties, "TimeoutSeconds": 900}).ok, "nor does it count the next time"


def test_a_stopped_target_of_an_update_that_fails_is_not_left_without_a_profile(
    world: World, resource: Resource
) -> None:
    """Before the update fails: when CloudFormation rolls back is unknown, and whether it does."""
    first, stopped = world.instance(), world.instance(world.old, state="stopped")
    assert resource.create(world.properties([first])).ok
    about = {"when": lambda parameters: stopped in parameters.values()}
    world.traffic.fail(ASSOCIATE, AwsError("UnsupportedOperation", "not today"), times=1, **about)
    world.traffic.fail(ASSOCIATE, throttled(), times=1, **about)
    after = world.properties([first, stopped], replaces=[world.old])
    assert not resource.deliver(resource.event("Update", after, resource.properties)).ok
    assert world.carried(first, stopped) == ["Web", "Old"]


def test_a_stopped_target_whose_profile_was_put_back_is_no_longer_held(world: World, resource: Resource) -> None:
    *running, stopped = [*world.instances(4), world.instance(world.old, state="stopped")]
    error = AwsError("UnsupportedOperation", "not today")
    world.traffic.fail(ASSOCIATE, error, times=1, when=lambda parameters: stopped in parameters.values())
    properties = world.properties([*running, stopped], replaces=[world.old], rollout=TWO_WAVES)
    assert resource.create(properties).ok
    world.fleet.change_state(stopped, "running")
    world.fleet.set_carried(stopped, None)
    world.clock.sleep(60)
    assert resource.delete().ok
    assert world.carried(stopped) == [None], "somebody has disassociated it on purpose"


def test_says_which_targets_are_not_as_wanted(
    world: World, resource: Resource, caplog: pytest.LogCaptureFixture
) -> None:
    targets = world.instances(10)
    world.refuse(ASSOCIATE, targets[7])
    assert resource.create(world.properties(targets, rollout=ONE_MAY_FAIL)).ok
    (warning,) = [record for record in caplog.records if record.message.startswith("not as wanted")]
    assert (warning.levelname, warning.__dict__["instance"]) == ("WARNING", targets[7])
    assert "was refused" in warning.message
