"""Profiles that were deleted and created again under their names. Design 5.3: a target is right by ARN and id. On a
mismatch IAM is asked again after 10 s, and one instance is replaced alone. If EC2 still shows the old id, that one is
disassociated and associated, and then the others are, once per instance and operation."""

from typing import Any

import pytest

from tests.runtime.kill_points import kill_points
from tests.simulator.cloudformation import Status
from tests.simulator.copies import copied
from tests.simulator.driver import Resource, World
from tests.simulator.ec2 import ASSOCIATE, DESCRIBE_ASSOCIATIONS, DISASSOCIATE, MUTATING, REPLACE
from tests.simulator.errors import AwsError
from tests.simulator.faults import FOR_EVER
from tests.simulator.iam import GET_PROFILE

DENIED = AwsError("UnauthorizedOperation", "not authorized to perform: ec2:ReplaceIamInstanceProfileAssociation", 403)
NOT_ALLOWED = AwsError("UnauthorizedOperation", "not authorized to perform: ec2:AssociateIamInstanceProfile", 403)


class Story:
    """Targets that carry Web, which was deleted and created again since."""

    def __init__(self, world: World, count: int = 4, *, state: str = "running", created: bool = True) -> None:
        self.world, self.resource = world, Resource(world)
        self.targets = world.instances(count, None if created else world.web, state=state)
        self.properties = world.properties(self.targets)
        if created:
            assert self.resource.create(self.properties).ok
        world.clock.sleep(600)
        self.new_id = world.fleet.recreate_profile(world.web)
        self.calls_before = len(world.traffic.calls)

    def update(self) -> Any:
        return self.resource.update({**self.properties, "TimeoutSeconds": 900})

    def stays_old(self, target: str) -> None:
        """Let EC2 associate this target with the deleted profile for any request."""
        original = self.world.fleet.begin

        def begin(instance_id: str, arn: str, since: float | None = None) -> Any:
            row = original(instance_id, arn, since)
            row.profile_id = "AIPA0000000000000OLD" if instance_id == target else row.profile_id
            return row

        self.world.fleet.begin = begin  # type: ignore[method-assign]

    @property
    def actions(self) -> list[str]:
        """Of all calls since the profile was created again."""
        return [call.action for call in self.world.traffic.calls[self.calls_before :]]

    @property
    def changes(self) -> list[str]:
        calls = self.world.traffic.calls[self.calls_before :]
        return [call.action for call in calls if call.action in MUTATING and not call.error]

    def ids(self) -> set[str]:
        rows = [self.world.fleet.active(id_) for id_ in self.targets]
        return {row.profile_id if row else "none" for row in rows}


def _looks_between_the_first_two_changes(story: Story) -> int:
    actions = story.actions
    first = actions.index(REPLACE)
    return actions[first : actions.index(REPLACE, first + 1)].count(DESCRIBE_ASSOCIATIONS)


def test_one_instance_is_replaced_alone_and_then_the_others_if_ec2_renews(world: World) -> None:
    story = Story(world)
    result = story.update()

    assert result.ok, result.reason
    assert story.ids() == {story.new_id}
    assert story.changes == [REPLACE] * 4
    assert _looks_between_the_first_two_changes(story) >= 1
    assert world.fleet.bared == []


def test_one_instance_is_disassociated_and_associated_and_then_the_others_if_ec2_does_not_renew(world: World) -> None:
    world.ec2.replace_renews_id = False
    story = Story(world)
    result = story.update()

    assert result.ok, result.reason
    assert story.ids() == {story.new_id}
    assert story.changes[:2] == [REPLACE, DISASSOCIATE]
    assert [story.changes.count(action) for action in (REPLACE, DISASSOCIATE, ASSOCIATE)] == [1, 4, 4]


@pytest.mark.parametrize("renews", [True, False])
def test_a_create_renews_instances_that_carry_the_deleted_profile(world: World, renews: bool) -> None:
    world.ec2.replace_renews_id = renews
    story = Story(world, created=False)
    result = story.resource.create(story.properties)

    assert result.ok, result.reason
    assert story.ids() == {story.new_id}


@pytest.mark.parametrize("renews", [True, False])
def test_stopped_instances_are_disassociated_and_associated_once(world: World, renews: bool) -> None:
    world.ec2.replace_renews_id = renews
    story = Story(world, state="stopped")
    result = story.update()

    assert result.ok, result.reason
    assert story.ids() == {story.new_id}
    assert [story.changes.count(action) for action in (REPLACE, DISASSOCIATE, ASSOCIATE)] == [0, 4, 4]


@pytest.mark.parametrize("renews", [True, False])
def test_running_and_stopped_instances_are_renewed_together(world: World, renews: bool) -> None:
    world.ec2.replace_renews_id = renews
    story = Story(world)
    world.fleet.change_state(story.targets[0], "stopped")
    result = story.update()

    assert result.ok, result.reason
    assert story.ids() == {story.new_id}


def test_stopped_instances_are_renewed_together_once_one_was_associated_again(world: World) -> None:
    story = Story(world, 30, state="stopped")
    result = story.update()

    assert result.ok, result.reason
    assert story.ids() == {story.new_id}
    assert [story.changes.count(action) for action in (DISASSOCIATE, ASSOCIATE)] == [30, 30]
    actions = story.actions
    first, second = [number for number, action in enumerate(actions) if action == DISASSOCIATE][:2]
    assert actions[first:second].count(ASSOCIATE) == 1
    assert actions[first:second].count(DESCRIBE_ASSOCIATIONS) >= 1
    assert actions.count(DESCRIBE_ASSOCIATIONS) <= 15, "one look per instance"


@pytest.mark.parametrize("renews", [True, False])
def test_a_renewal_of_running_and_stopped_instances_does_not_look_once_per_instance(world: World, renews: bool) -> None:
    world.ec2.replace_renews_id = renews
    story = Story(world, 40)
    for id_ in story.targets[:20]:
        world.fleet.change_state(id_, "stopped")
    result = story.update()

    assert result.ok, result.reason
    assert story.ids() == {story.new_id}
    replaced, swapped = (20, 20) if renews else (1, 40)
    assert [story.changes.count(action) for action in (REPLACE, DISASSOCIATE)] == [replaced, swapped]
    assert story.actions.count(DESCRIBE_ASSOCIATIONS) <= 30


def test_a_hundred_stopped_instances_are_renewed_within_a_minute(world: World) -> None:
    story = Story(world, 100, state="stopped")
    world.traffic.latency = lambda _: 0.1
    result = story.resource.update({**story.properties, "TimeoutSeconds": 60, "OnConflict": "KEEP"})

    assert result.ok, result.reason
    assert story.ids() == {story.new_id}


def test_no_second_stopped_instance_is_disassociated_while_the_first_one_cannot_be_associated(world: World) -> None:
    story = Story(world, 5, state="stopped")
    world.fleet.change_state(story.targets[0], "running")
    until = world.clock() + 60
    world.traffic.fail(ASSOCIATE, NOT_ALLOWED, times=FOR_EVER, when=lambda _: world.clock() < until)
    result = story.update()

    assert result.ok, result.reason
    assert story.ids() == {story.new_id}
    assert story.changes[:4] == [REPLACE, DISASSOCIATE, ASSOCIATE, DISASSOCIATE]
    assert [story.changes.count(action) for action in (REPLACE, DISASSOCIATE, ASSOCIATE)] == [1, 4, 4]


def test_a_stopped_instance_that_cannot_be_renewed_is_tried_once_and_named(world: World) -> None:
    story = Story(world, 2, state="stopped")
    story.stays_old(story.targets[0])
    result = story.resource.deliver(story.resource.event("Update", {**story.properties, "TimeoutSeconds": 900}, {}))

    assert not result.ok
    assert f"instance {story.targets[0]} still carries a deleted instance profile" in result.reason
    assert story.changes == [DISASSOCIATE, ASSOCIATE]


def test_a_handler_that_may_not_replace_its_own_profile_by_itself_disassociates_and_associates(world: World) -> None:
    story = Story(world)
    world.traffic.fail(REPLACE, DENIED, times=FOR_EVER)
    result = story.update()

    assert result.ok, result.reason
    assert story.ids() == {story.new_id}
    assert [story.changes.count(action) for action in (REPLACE, DISASSOCIATE, ASSOCIATE)] == [0, 4, 4]
    assert world.traffic.count(REPLACE) < 10


def test_iam_that_answers_with_the_old_id_for_some_seconds_renews_nothing(world: World) -> None:
    """A target carries the new profile already, and IAM has not heard of that everywhere."""
    target, resource = world.instance(), Resource(world)
    new_id = world.fleet.recreate_profile(world.web)
    world.fleet.set_carried(target, world.web)
    profile = world.fleet.profiles[world.web]
    profile.id = "AIPA0000000000000OLD"
    world.clock.sleep(60)
    until = world.clock() + 8

    def catch_up() -> None:
        if world.clock() >= until:
            profile.id = new_id

    for nth in range(1, 20):
        world.traffic.meanwhile(GET_PROFILE, catch_up, nth=nth)
    result = resource.create(world.properties([target]))

    assert result.ok, result.reason
    assert world.mutations == 0


def test_an_unknown_id_counts_as_equal(world: World) -> None:
    story = Story(world)
    original = world.ec2.actions[DESCRIBE_ASSOCIATIONS]

    def without_ids(parameters: Any) -> Any:
        rows = original(parameters)["iamInstanceProfileAssociationSet"]
        shown = [{**row, "iamInstanceProfile": {"arn": row["iamInstanceProfile"]["arn"]}} for row in rows]
        return {"iamInstanceProfileAssociationSet": shown, "nextToken": None}

    world.ec2.actions = {**world.ec2.actions, DESCRIBE_ASSOCIATIONS: without_ids}
    result = story.update()

    assert result.ok, result.reason
    assert story.changes == []


def test_an_instance_that_cannot_be_renewed_is_tried_once_and_named(world: World) -> None:
    world.ec2.replace_renews_id = False
    story = Story(world, 1)
    story.stays_old(story.targets[0])
    result = story.resource.deliver(story.resource.event("Update", {**story.properties, "TimeoutSeconds": 900}, {}))

    assert not result.ok
    assert f"instance {story.targets[0]} still carries a deleted instance profile" in result.reason
    assert story.changes == [REPLACE, DISASSOCIATE, ASSOCIATE]


@pytest.mark.parametrize("renews", [True, False])
@pytest.mark.parametrize("state", ["running", "stopped"])
def test_a_delete_after_a_renewal_restores_the_profiles_from_before_the_create(
    world: World, renews: bool, state: str
) -> None:
    world.ec2.replace_renews_id = renews
    resource, targets = Resource(world), [world.instance(state=state), world.instance(world.old, state=state)]
    properties = world.properties(targets, replaces=[world.old])
    assert resource.create(properties).ok
    world.fleet.recreate_profile(world.web)
    assert resource.update({**properties, "TimeoutSeconds": 900}).ok
    assert resource.delete().ok
    assert world.carried(*targets) == [None, "Old"]
    assert world.ledger_items == {}


def roll_back(story: Story) -> Any:
    """An Update that had changed nothing of the association is rolled back."""
    story.world.stack_status = Status.ROLLING_BACK
    after = {**story.properties, "TimeoutSeconds": 900}
    return story.resource.deliver(story.resource.event("Update", story.properties, after))


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_an_instance_that_keeps_the_deleted_profile_does_not_fail_a_rollback(
    world: World, state: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing blocks a rollback, and the instance carries what it is to carry, by its ARN."""
    world.ec2.replace_renews_id = False
    story = Story(world, 3, state=state)
    story.stays_old(story.targets[0])
    result = roll_back(story)

    assert result.ok, result.reason
    assert story.ids() == {"AIPA0000000000000OLD", story.new_id}
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert sum(line.startswith(f"{story.targets[0]}: still carries a deleted") for line in warnings) == 1


@pytest.mark.parametrize(("state", "refused"), [("running", REPLACE), ("stopped", DISASSOCIATE)])
def test_a_rollback_renews_the_others_if_ec2_refuses_to_renew_one(world: World, state: str, refused: str) -> None:
    world.ec2.replace_renews_id = False
    story = Story(world, 3, state=state)
    world.refuse(refused, story.targets[0])
    result = roll_back(story)

    assert result.ok, result.reason
    rows = [world.fleet.active(id_) for id_ in story.targets]
    assert [row.profile_id == story.new_id for row in rows if row] == [False, True, True]


def test_a_rollback_in_which_ec2_refuses_to_disassociate_deleted_profiles_succeeds(world: World) -> None:
    world.ec2.replace_renews_id = False
    story = Story(world, 3)
    world.traffic.fail(DISASSOCIATE, AwsError("UnsupportedOperation", "not today"), times=FOR_EVER)
    result = roll_back(story)

    assert result.ok, result.reason
    assert world.carried(*story.targets) == ["Web"] * 3


def test_a_refused_renewal_fails_an_update_and_names_the_call(world: World) -> None:
    story = Story(world, 1, state="stopped")
    world.refuse(DISASSOCIATE, story.targets[0])
    result = story.resource.deliver(story.resource.event("Update", {**story.properties, "TimeoutSeconds": 900}, {}))

    assert not result.ok
    assert f"instance {story.targets[0]}: to disassociate Web was refused" in result.reason


@pytest.mark.parametrize("renews", [True, False])
def test_a_renewal_ends_the_same_wherever_an_invocation_is_killed(renews: bool) -> None:
    world = World()
    world.ec2.replace_renews_id = renews
    beginning = Story(world, 2)
    world.fleet.change_state(beginning.targets[1], "stopped")
    undisturbed = copied(beginning)
    first = len(undisturbed.world.traffic.kill_switch.points)
    assert undisturbed.update().ok
    kill_switch = undisturbed.world.traffic.kill_switch
    assert len(kill_switch.points) > first + 20
    for number, point in kill_points(kill_switch, first):
        story = copied(beginning)
        story.world.traffic.kill_switch.kill_at = first + number
        result = story.update()
        assert result.ok, f"killed {point}, {number}: {result.reason}"
        assert story.ids() == {story.new_id}, f"killed {point}, {number}"


@pytest.mark.parametrize("state", ["running", "stopped"])
@pytest.mark.parametrize("bake", [0, 60])
def test_targets_with_a_deleted_profile_and_new_ones_are_changed_in_waves(
    world: World, resource: Resource, state: str, bake: int
) -> None:
    targets, added = world.instances(6, state=state), world.instances(6)
    resource.properties = world.properties(targets)
    assert resource.create(resource.properties).ok
    world.clock.sleep(1000)
    new_id = world.fleet.recreate_profile(world.web)
    rollout = {"First": 2, "Growth": 2, "BakeSeconds": bake}
    result = resource.update(world.properties([*targets, *added], rollout=rollout, timeout=900))

    assert result.ok, result.reason
    assert result.seconds < 300
    rows = [world.fleet.active(id_) for id_ in (*targets, *added)]
    assert {row.profile_id if row else "none" for row in rows} == {new_id}
