"""Restores of previous profiles. Each test is a row of the table "Undo", design 5.2."""

from collections.abc import Callable

import pytest

from tests.simulator.driver import Resource, Result, World
from tests.simulator.ec2 import ASSOCIATE, DISASSOCIATE, MUTATING, REPLACE
from tests.simulator.errors import AwsError
from tests.simulator.faults import FOR_EVER
from tests.simulator.iam import GET_PROFILE

STATES = ["running", "stopped"]
SCP = AwsError("UnauthorizedOperation", "not authorized to perform this operation: explicit deny", 403)


def denied_to_pass(role: str) -> AwsError:
    """EC2's words where `iam:PassRole` is missing."""
    message = (
        "You are not authorized to perform this operation. User: arn:aws:sts::111122223333:assumed-role/Handler/f is "
        f"not authorized to perform: iam:PassRole on resource: arn:aws:iam::111122223333:role/{role} because no "
        "identity-based policy allows the iam:PassRole action. Encoded authorization failure message: abc"
    )
    return AwsError("UnauthorizedOperation", message, 403)


class Story:
    """Two instances that carried Old, and carry Web now."""

    def __init__(self, world: World, state: str = "running", *, timeout: int = 600) -> None:
        self.world, self.resource, self.state = world, Resource(world), state
        self.targets = world.instances(2, world.old, state=state)
        assert self.resource.create(world.properties(self.targets, replaces=[world.old], timeout=timeout)).ok
        world.clock.sleep(600)

    def deny(self, error: AwsError, *, seconds: float = FOR_EVER) -> None:
        """For some seconds Old can't be associated with any instance."""
        until = self.world.clock() + seconds
        for action in (ASSOCIATE, REPLACE):
            self.world.traffic.fail(action, error, times=FOR_EVER, when=lambda call: self._is_struck(call, until))

    def _is_struck(self, call: object, until: float) -> bool:
        return self.world.old in str(call) and self.world.clock() < until

    @property
    def carried(self) -> list[str | None]:
        return self.world.carried(*self.targets)

    def delete(self) -> Result:
        return self.resource.delete()


@pytest.fixture(params=STATES)
def story(request: pytest.FixtureRequest, world: World) -> Story:
    return Story(world, request.param)


def warned(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(record.getMessage() for record in caplog.records if record.levelname == "WARNING")


def test_a_previous_profile_that_still_exists_is_restored(story: Story) -> None:
    assert story.delete().ok
    assert story.carried == ["Old", "Old"]


def test_a_previous_profile_that_was_created_again_is_restored_by_its_arn(
    story: Story, caplog: pytest.LogCaptureFixture
) -> None:
    story.world.fleet.recreate_profile(story.world.old)
    assert story.delete().ok
    assert story.carried == ["Old", "Old"]
    assert story.world.old not in warned(caplog)


def test_it_is_reported_that_a_previous_profile_was_created_again_with_another_role(
    story: Story, caplog: pytest.LogCaptureFixture
) -> None:
    story.world.fleet.recreate_profile(story.world.old, role="Other")
    assert story.delete().ok
    assert story.carried == ["Old", "Old"]
    assert "restore Old, which held role Old before and holds Other now" in warned(caplog)


@pytest.mark.parametrize("fate", ["deleted", "emptied"])
def test_a_previous_profile_that_cannot_be_restored_is_in_the_log_by_its_arn(
    story: Story, fate: str, caplog: pytest.LogCaptureFixture
) -> None:
    fleet, old = story.world.fleet, story.world.old
    ways: dict[str, Callable[[], None]] = {
        "deleted": lambda: fleet.delete_profile(old),
        "emptied": lambda: fleet.change_role(old, None),
    }
    ways[fate]()
    assert story.delete().ok
    assert story.carried == [None, None]
    assert old in warned(caplog)
    assert story.world.ledger_items == {}


def test_a_previous_profile_with_another_role_is_restored_if_that_role_may_be_passed(
    story: Story, caplog: pytest.LogCaptureFixture
) -> None:
    story.world.fleet.change_role(story.world.old, "Other")
    assert story.delete().ok
    assert story.carried == ["Old", "Old"]
    assert "held role Old before and holds Other now" in warned(caplog)


def test_a_role_that_may_not_be_passed_in_two_attempts_a_minute_apart_leaves_the_instance_without_a_profile(
    story: Story, caplog: pytest.LogCaptureFixture
) -> None:
    story.world.fleet.change_role(story.world.old, "Other")
    story.deny(denied_to_pass("Other"))
    result = story.delete()

    assert result.ok, result.reason
    assert story.carried == [None, None]
    assert 60 <= result.seconds < 300
    assert story.world.old in warned(caplog)


@pytest.mark.parametrize("seconds", [30, 58, 70, 300])
def test_a_temporary_denial_of_any_length_never_leaves_a_fleet_without_profiles(story: Story, seconds: int) -> None:
    """The profile holds the role that it held before."""
    story.deny(denied_to_pass("Old"), seconds=seconds)
    result = story.delete()

    assert result.ok, result.reason
    assert story.carried == ["Old", "Old"]


def test_a_temporary_denial_to_pass_another_role_does_not_leave_a_fleet_without_profiles(story: Story) -> None:
    story.world.fleet.change_role(story.world.old, "Other")
    story.deny(denied_to_pass("Other"), seconds=50)
    result = story.delete()

    assert result.ok, result.reason
    assert story.carried == ["Old", "Old"]


@pytest.mark.parametrize("another_role", [True, False])
def test_any_other_denial_is_retried_until_the_timeout_and_then_named(story: Story, another_role: bool) -> None:
    if another_role:
        story.world.fleet.change_role(story.world.old, "Other")
    story.resource.properties = {**story.resource.properties, "TimeoutSeconds": 300}
    story.deny(SCP)
    result = story.delete()

    assert not result.ok
    assert 270 <= result.seconds < 400
    assert SCP.message in result.reason
    assert story.carried == (["Web", "Web"])
    story.world.traffic.faults.clear()
    assert story.delete().ok
    assert story.carried == ["Old", "Old"]


def test_a_denied_disassociate_is_retried_until_the_timeout_and_then_named(world: World) -> None:
    target, resource = world.instance(), Resource(world)
    assert resource.create(world.properties([target], timeout=300)).ok
    world.traffic.fail(DISASSOCIATE, SCP, times=FOR_EVER)
    result = resource.delete()

    assert not result.ok
    assert result.seconds >= 240
    assert SCP.message in result.reason
    world.traffic.faults.clear()
    assert resource.delete().ok
    assert world.carried(target) == [None]


@pytest.mark.usefixtures("a_tenth")
@pytest.mark.parametrize("fate", ["deleted", "emptied"])
def test_a_previous_profile_that_is_deleted_during_a_long_delete_does_not_fail_it(
    world: World, fate: str, caplog: pytest.LogCaptureFixture
) -> None:
    targets, resource = world.instances(50, world.old), Resource(world)
    assert resource.create(world.properties(targets, replaces=[world.old], timeout=3600)).ok
    lose = {
        "deleted": lambda: world.fleet.delete_profile(world.old),
        "emptied": lambda: world.fleet.change_role(world.old, None),
    }
    world.traffic.meanwhile(REPLACE, lose[fate], nth=40)
    result = resource.delete()

    assert result.ok, result.reason
    assert world.old in warned(caplog)
    assert set(world.carried(*targets)) == {"Old", None}
    # IAM is asked again after ten seconds and before each batch of 9.
    assert 40 <= world.carried(*targets).count("Old") + 1 <= 40 + 9 + 5
    assert world.ledger_items == {}


def test_what_somebody_else_has_changed_is_left_alone_and_reported(
    story: Story, caplog: pytest.LogCaptureFixture
) -> None:
    story.world.fleet.set_carried(story.targets[0], story.world.foreign)
    story.world.clock.sleep(60)
    assert story.delete().ok
    assert story.carried == ["Foreign", "Old"]
    assert "left alone: someone has given it Foreign since" in warned(caplog)


def test_a_rollback_that_removes_a_target_restores_what_it_can(world: World) -> None:
    """The rows hold for an undo by an Update, too."""
    kept, target, resource = world.instance(), world.instance(world.old), Resource(world)
    assert resource.create(world.properties([kept, target], replaces=[world.old])).ok
    world.fleet.delete_profile(world.old)
    before = world.traffic.count(*MUTATING)
    assert resource.update(world.properties([kept])).ok
    assert world.carried(kept, target) == ["Web", None]
    assert world.traffic.count(*MUTATING) == before + 1


@pytest.mark.parametrize("loss", ["role", "profile"])
def test_a_previous_profile_that_is_lost_for_a_moment_is_restored(story: Story, loss: str) -> None:
    """CloudFormation changes the role in a profile by taking the former one out first."""
    world = story.world
    if loss == "role":
        world.fleet.change_role(world.old, None)
    else:
        world.fleet.delete_profile(world.old)

    def appear() -> None:
        if loss == "role":
            world.fleet.change_role(world.old, "Old")
        else:
            world.fleet.add_profile("Old")

    world.traffic.meanwhile(GET_PROFILE, appear, nth=2)

    assert story.delete().ok
    assert story.carried == ["Old", "Old"]
    assert world.ledger_items == {}


def test_a_previous_profile_counts_as_deleted_after_ten_seconds(story: Story) -> None:
    story.world.fleet.delete_profile(story.world.old)
    began = story.world.clock()

    assert story.delete().ok

    assert story.carried == [None, None]
    assert story.world.clock() - began >= 10
