"""Restores that IAM denies, with the policies of real templates in force. Design 5.2: a previous profile that holds
another role now is given up after two denials of `iam:PassRole` at least 60 s apart. No other denial leaves instances
without a profile."""

from typing import Any

import pytest

from tests.runtime.stories import COMING, SETTINGS, STAYING, Scene, Setting, fails, succeeds
from tests.simulator.driver import Resource, World
from tests.simulator.ec2 import ASSOCIATE, REPLACE
from tests.simulator.errors import AwsError
from tests.simulator.faults import FOR_EVER
from tests.simulator.fleet import ACCOUNT

OTHER = f"arn:aws:iam::{ACCOUNT}:role/Other"
LISTING = [setting for setting in SETTINGS if setting.replaces == "profiles"]
FEW = [setting for setting in LISTING if str(setting) in ("owned, ids, profiles", "imported, tags, profiles")]
"""For operations that last until the timeout."""
ANY = [setting for setting in SETTINGS if setting.replaces == "any"]

listing = pytest.mark.parametrize("setting", LISTING, ids=str)
few = pytest.mark.parametrize("setting", FEW, ids=str)
in_each_state = pytest.mark.parametrize("state", ["running", "stopped"])


class Restoring:
    """An association whose three instances had nothing, Old and Older, and carry its profile now."""

    def __init__(self, setting: Setting, state: str = "running") -> None:
        self.world = World(enforced=True)
        self.scene = Scene(setting, self.world)
        self.bare, self.had_old, self.had_older = self.targets = self.scene.fleet(state)
        self.properties = self.scene.properties(timeout=300)
        succeeds(self.scene.resource.create(self.properties))
        self.world.clock.sleep(600)

    def document(self, effect: str, action: str, resource: str = "*") -> dict[str, Any]:
        statement = {"Effect": effect, "Action": action, "Resource": resource}
        return {"Version": "2012-10-17", "Statement": [statement]}

    def deny(self, action: str, resource: str = "*") -> None:
        """An administrator denies something to the handler."""
        assert self.world.role
        self.world.role.authority.attach("Denied", self.document("Deny", action, resource))

    def deny_nothing(self) -> None:
        assert self.world.role
        self.world.role.authority.detach("Denied")

    def allow_to_pass_the_other_role(self, *, after: float) -> None:
        assert self.world.role
        self.world.role.authority.attach("Allowed", self.document("Allow", "iam:PassRole", OTHER), after=after)

    def denied_at(self) -> list[float]:
        """When a change was denied."""
        refused = self.world.traffic.refused(ASSOCIATE, REPLACE)
        return [call.at for call in refused if call.error == "UnauthorizedOperation"]


def warnings(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(record.getMessage() for record in caplog.records if record.levelname == "WARNING")


@listing
@in_each_state
def test_a_previous_profile_whose_new_role_may_not_be_passed_is_given_up_and_reported(
    setting: Setting, state: str, caplog: pytest.LogCaptureFixture
) -> None:
    story = Restoring(setting, state)
    story.world.fleet.change_role(story.world.old, "Other")
    succeeds(story.scene.resource.delete())

    story.scene.check(story.targets, (None, None, story.scene.older))
    story.scene.check_nothing_is_left()
    assert story.denied_at()[-1] - story.denied_at()[0] >= 60
    said = warnings(caplog)
    assert f"{story.had_old}: {story.world.old}" in said
    assert "iam:PassRole was denied" in said
    assert story.had_older not in said


@pytest.mark.parametrize("setting", ANY, ids=str)
def test_a_previous_profile_with_another_role_is_restored_where_any_role_may_be_passed(
    setting: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    story = Restoring(setting)
    story.world.fleet.change_role(story.world.old, "Other")
    succeeds(story.scene.resource.delete())

    story.scene.check_restored(story.targets)
    story.scene.check_nothing_is_left()
    assert "which held role Old before and holds Other now" in warnings(caplog)


@listing
def test_the_new_role_of_a_previous_profile_is_passed_once_that_is_allowed(setting: Setting) -> None:
    story = Restoring(setting)
    story.world.fleet.change_role(story.world.old, "Other")
    story.allow_to_pass_the_other_role(after=45)
    succeeds(story.scene.resource.delete())

    assert story.denied_at()
    story.scene.check_restored(story.targets)
    story.scene.check_nothing_is_left()


@few
@in_each_state
def test_an_unchanged_role_that_may_no_longer_be_passed_fails_the_delete_and_removes_no_profile(
    setting: Setting, state: str
) -> None:
    story = Restoring(setting, state)
    role = story.world.fleet.profiles[story.world.old].role_arn
    assert role
    story.deny("iam:PassRole", role)
    result = story.scene.resource.delete()

    assert not result.ok
    assert 240 <= result.seconds < 400
    assert f"not authorized to perform: iam:PassRole on resource: {role}" in result.reason
    story.scene.check(story.targets, (None, story.scene.mine, story.scene.older))
    story.deny_nothing()
    succeeds(story.scene.resource.delete())
    story.scene.check(story.targets, story.scene.had)
    story.scene.check_nothing_is_left()


@few
@pytest.mark.parametrize("another_role", [False, True])
def test_a_denied_replacement_fails_the_delete_for_any_role_of_the_previous_profile(
    setting: Setting, another_role: bool
) -> None:
    story = Restoring(setting)
    if another_role:
        story.world.fleet.change_role(story.world.old, "Other")
    story.deny("ec2:ReplaceIamInstanceProfileAssociation")
    result = story.scene.resource.delete()

    assert not result.ok
    assert 240 <= result.seconds < 400
    assert "not authorized to perform: ec2:ReplaceIamInstanceProfileAssociation" in result.reason
    story.scene.check(story.targets, (None, story.scene.mine, story.scene.mine))
    story.deny_nothing()
    if not another_role:
        succeeds(story.scene.resource.delete())
        story.scene.check_restored(story.targets)


@few
def test_an_update_that_lists_the_former_role_is_refused_before_anything_is_changed(setting: Setting) -> None:
    """The template states which role a listed profile holds."""
    story = Restoring(setting)
    story.world.fleet.change_role(story.world.old, "Other")
    mutations = story.world.mutations
    result = story.scene.resource.deliver(
        story.scene.resource.event("Update", {**story.properties, "TimeoutSeconds": 299}, story.properties)
    )

    assert not result.ok
    assert "instance profile Old holds role Other, not Old: state the role that it holds" in result.reason
    assert story.world.mutations == mutations


@few
def test_a_rollback_gives_up_the_changed_previous_profile_of_an_instance_that_leaves(
    setting: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(enforced=True)
    scene = Scene(setting, world)
    staying, added = scene.instance(None), scene.instance(world.old, group=COMING)
    refused = scene.instance(None, group=COMING)
    before, update = (scene.properties(*groups, timeout=300) for groups in ((STAYING,), (STAYING, COMING)))
    succeeds(scene.resource.create(before))
    scene.refuse(refused, scene.mine)
    world.traffic.meanwhile(ASSOCIATE, lambda: world.fleet.change_role(world.old, "Other"))
    result = scene.resource.update(update)

    fails(result)
    scene.check([staying, added, refused], (scene.mine, None, None))
    assert f"{added}: {world.old}" in warnings(caplog)
    assert "iam:PassRole was denied" in warnings(caplog)
    succeeds(scene.resource.delete())
    scene.check_nothing_is_left()


def test_a_temporary_denial_of_the_role_with_which_a_profile_was_displaced_last_removes_no_profile(
    world: World,
) -> None:
    """Somebody has restored the profile by hand with another role, and an Update that states that role displaces it
    again."""
    target, resource = world.instance(world.old), Resource(world)
    succeeds(resource.create(world.properties([target], replaces=[world.old])))
    world.fleet.change_role(world.old, "Other")
    world.fleet.set_carried(target, world.old)
    world.clock.sleep(600)
    succeeds(resource.update(world.properties([target], replaces=[world.old], timeout=900)))
    end = world.clock() + 180
    text = f"You are not authorized to perform: iam:PassRole on resource: {OTHER}"
    denied = AwsError("UnauthorizedOperation", text, 403)
    world.traffic.fail(REPLACE, denied, times=FOR_EVER, when=lambda _: world.clock() < end)
    succeeds(resource.delete())

    assert world.carried(target) == ["Old"]
