"""How the status of the stack is read. Design 5.3: it is read with a minute's patience, and once more at least 5 s
later before an Update is refused. If it can't be read, the refusal names the permission, the stack and the endpoint."""

from collections.abc import Callable
from typing import Any

import pytest

from cdk_instance_role.runtime.association.aws.observe import Observer
from cdk_instance_role.runtime.association.aws.rate_limiter import RateLimiter
from cdk_instance_role.runtime.association.converge.preview import Preview, preview
from cdk_instance_role.runtime.association.decide.plan import OperationContext
from cdk_instance_role.runtime.association.request.event import Request
from tests.runtime.rollouts import BAKE, IN_WAVES
from tests.simulator.cloudformation import DESCRIBE_STACKS, Status
from tests.simulator.cloudwatch import DESCRIBE_ALARMS
from tests.simulator.driver import STACK_ID, Resource, Result, World
from tests.simulator.ec2 import REPLACE
from tests.simulator.errors import AwsError
from tests.simulator.faults import FOR_EVER

ENDPOINT = "https://cloudformation.eu-west-1.amazonaws.com"
DENIED = AwsError("AccessDenied", "not authorized to perform: cloudformation:DescribeStacks", 403)


class Story:
    """Two configurations, and an Update from the second one to the first."""

    def __init__(self, world: World, *, conflict: bool) -> None:
        self.world, self.resource = world, Resource(world)
        self.kept, self.added = world.instances(2)
        self.before, self.after = world.properties([self.kept]), world.properties([self.kept, self.added])
        assert self.resource.create(self.before).ok
        assert self.resource.update(self.after).ok
        if conflict:
            world.fleet.set_carried(self.kept, world.foreign)
        world.clock.sleep(60)

    def go_back(self, status: str = Status.UPDATING) -> Result:
        self.world.stack_status = status
        return self.resource.deliver(self.resource.event("Update", self.before, self.after))

    @property
    def carried(self) -> list[str | None]:
        return self.world.carried(self.kept, self.added)


def test_an_update_that_is_not_refused_continues_although_the_status_cannot_be_read(world: World) -> None:
    story = Story(world, conflict=False)
    world.traffic.fail(DESCRIBE_STACKS, DENIED, times=FOR_EVER)
    result = story.go_back()

    assert result.ok, result.reason
    assert 60 <= result.seconds < 90
    assert story.carried == ["Web", None]


def test_a_refusal_says_what_is_needed_to_read_the_status(world: World) -> None:
    story = Story(world, conflict=True)
    world.traffic.fail(DESCRIBE_STACKS, DENIED, times=FOR_EVER)
    result = story.go_back()

    assert not result.ok
    assert f"instance {story.kept} (running) carries instance profile Foreign" in result.reason
    for part in ("cloudformation:DescribeStacks", STACK_ID, ENDPOINT):
        assert part in result.reason
    assert story.carried == ["Foreign", "Web"]


@pytest.mark.parametrize("seconds", [1, 30, 58])
def test_a_status_that_cannot_be_read_at_first_is_retried_for_a_minute(world: World, seconds: int) -> None:
    story = Story(world, conflict=True)
    until = world.clock() + seconds
    world.traffic.fail(DESCRIBE_STACKS, DENIED, times=FOR_EVER, when=lambda _: world.clock() < until)
    result = story.go_back(Status.ROLLING_BACK)

    assert result.ok, result.reason
    assert story.carried == ["Foreign", None]


@pytest.mark.parametrize("seconds", [1, 4])
def test_a_stack_that_shows_late_that_it_rolls_back_is_read_again_before_an_update_is_refused(
    world: World, seconds: int
) -> None:
    story = Story(world, conflict=True)
    world.stack_status, reads = Status.UPDATING, list[float]()

    def read() -> None:
        reads.append(world.clock())
        if world.clock() >= reads[0] + seconds:
            world.stack_status = Status.ROLLING_BACK

    for nth in (1, 2):
        world.traffic.meanwhile(DESCRIBE_STACKS, read, nth=nth)
    result = story.go_back()

    assert result.ok, result.reason
    assert reads[1] - reads[0] >= 5
    assert story.carried == ["Foreign", None]


def test_a_refused_update_has_read_the_status_twice(world: World) -> None:
    story = Story(world, conflict=True)
    before = world.traffic.count(DESCRIBE_STACKS)

    assert "carries instance profile Foreign" in story.go_back().reason
    assert world.traffic.count(DESCRIBE_STACKS) == before + 2


def test_a_throttled_second_read_does_not_refuse_a_rollback(world: World) -> None:
    """The second look has the same patience as the first."""
    story = Story(world, conflict=True)
    world.traffic.meanwhile(DESCRIBE_STACKS, lambda: setattr(world, "stack_status", Status.ROLLING_BACK), nth=2)
    world.traffic.fail(DESCRIBE_STACKS, AwsError("AccessDenied", "not yet", 403), times=2, skip=1)
    result = story.go_back()

    assert result.ok, result.reason
    assert story.carried == ["Foreign", None]


class OnPurpose:
    """A, then B, then A again: each an ordinary Update."""

    def __init__(self, world: World) -> None:
        self.world, self.resource = world, Resource(world)
        self.targets, web2 = world.instances(3), world.own_profile("Web2")
        world.cloudwatch.schedule_alarm("Errors", after=None)
        rollout = {**IN_WAVES, "Percentages": [50, 100], "Alarms": ["Errors"]}
        self.a, self.b = (world.properties(self.targets, profile=arn, rollout=rollout) for arn in (world.web, web2))
        for deploy, properties in ((self.resource.create, self.a), (self.resource.update, self.b)):
            assert deploy(properties).ok
        world.clock.sleep(3600)

    def preview(self) -> Preview:
        """What `plan` says of the return to A."""
        world, request = self.world, Request.from_event(self.resource.event("Update", self.a, self.b))
        assert request.desired is not None
        observer = Observer(
            world.services.ec2, world.services.iam, RateLimiter(clock=world.clock, sleep=world.clock.sleep)
        )
        records, now = world.ledger.records(request.association), world.clock()
        return preview(request.desired, records, observer, OperationContext(request.known_ids), now=now, started_at=now)


def test_a_return_to_a_former_configuration_is_rolled_out_in_waves_that_bake(world: World) -> None:
    story = OnPurpose(world)
    result = story.resource.update(story.a)

    assert result.ok, result.reason
    assert result.seconds >= 3 * BAKE
    assert world.carried(*story.targets) == ["Web"] * 3


def test_a_return_to_a_former_configuration_is_ended_by_an_alarm_and_rolled_back(world: World) -> None:
    story = OnPurpose(world)
    world.cloudwatch.schedule_alarm("Errors", after=2)
    result = story.resource.update(story.a)

    assert "Errors" in result.reason
    assert result.rollback is not None
    assert result.rollback.ok, result.rollback.reason
    assert world.carried(*story.targets) == ["Web2"] * 3


def test_the_preview_and_the_deployment_agree_on_a_return_to_a_former_configuration(world: World) -> None:
    story = OnPurpose(world)
    world.fleet.set_carried(story.targets[0], world.foreign)
    world.clock.sleep(60)
    planned = story.preview()
    result = story.resource.deliver(story.resource.event("Update", story.a, story.b))

    assert [step.instance_id for step in planned.plan.problems] == story.targets[:1]
    assert f"instance {story.targets[0]} (running) carries instance profile Foreign" in result.reason
    assert world.carried(*story.targets) == ["Foreign", "Web2", "Web2"]


# The second phase


class LateStatus:
    """A rollback from the second of two configurations. The stack shows that only in the second phase."""

    def __init__(self, world: World, **properties: Any) -> None:
        self.world, self.resource, self.targets = world, Resource(world), world.instances(3)
        world.cloudwatch.schedule_alarm("Errors", after=None)
        profiles = (world.web, world.own_profile("Web2"))
        self.before, self.after = (world.properties(self.targets, profile=arn, **properties) for arn in profiles)
        assert self.resource.create(self.before).ok
        assert self.resource.update(self.after).ok
        world.clock.sleep(3600)

    def go_back(self, break_it: Callable[[], object], status: str = Status.ROLLING_BACK) -> Result:
        self.world.stack_status = Status.UPDATING
        event = self.resource.begin(self.resource.event("Update", self.before, self.after))
        self.world.stack_status = status
        break_it()
        self.reads = self.world.traffic.count(DESCRIBE_STACKS)
        return self.resource.finish(event)

    @property
    def carried(self) -> list[str | None]:
        return self.world.carried(*self.targets)


def test_a_stack_that_shows_late_that_it_rolls_back_is_read_again_before_a_conflict_fails_an_update(
    world: World,
) -> None:
    story = LateStatus(world)
    result = story.go_back(lambda: world.fleet.set_carried(story.targets[2], world.foreign))

    assert result.ok, result.reason
    assert story.carried == ["Web", "Web", "Foreign"]


def test_a_stack_that_shows_late_that_it_rolls_back_is_read_again_before_an_alarm_fails_an_update(
    world: World,
) -> None:
    rollout = {**IN_WAVES, "Percentages": [50, 100], "Alarms": ["Errors"]}
    story = LateStatus(world, rollout=rollout)
    result = story.go_back(lambda: world.cloudwatch.schedule_alarm("Errors", after=0))

    assert result.ok, result.reason
    assert story.carried == ["Web"] * 3
    assert result.seconds < IN_WAVES["BakeSeconds"]  # type: ignore[operator]


def test_a_stack_that_shows_late_that_it_rolls_back_is_read_again_before_the_timeout_fails_an_update(
    world: World,
) -> None:
    story = LateStatus(world, timeout=300)
    story.resource.attach_policies(story.before)
    begun_at = world.clock()
    unanswered = AwsError("InternalError", "An internal error has occurred", 500)

    def fail_for_six_minutes() -> None:
        world.traffic.fail(REPLACE, unanswered, times=FOR_EVER, when=lambda _: world.clock() < begun_at + 360)

    result = story.go_back(fail_for_six_minutes)

    assert result.ok, result.reason
    assert story.carried == ["Web"] * 3


def test_a_stack_that_shows_late_that_it_rolls_back_is_read_again_before_a_denied_look_fails_an_update(
    world: World,
) -> None:
    rollout = {**IN_WAVES, "Percentages": [50, 100], "Alarms": ["Errors"]}
    story = LateStatus(world, rollout=rollout)
    denied = AwsError("AccessDenied", "not authorized to perform: cloudwatch:DescribeAlarms", 403)
    result = story.go_back(lambda: world.traffic.fail(DESCRIBE_ALARMS, denied, times=FOR_EVER))

    assert result.ok, result.reason
    assert story.carried == ["Web"] * 3


def test_an_update_that_fails_in_the_second_phase_has_read_the_status_twice(world: World) -> None:
    story = LateStatus(world)
    result = story.go_back(lambda: world.fleet.set_carried(story.targets[2], world.foreign), Status.UPDATING)

    assert f"instance {story.targets[2]} (running) carries instance profile Foreign" in result.reason
    assert world.traffic.count(DESCRIBE_STACKS) == story.reads + 1
    assert result.seconds >= 5


def test_an_update_that_fails_says_what_is_needed_to_read_the_status(world: World) -> None:
    story = LateStatus(world)

    def break_it() -> None:
        world.fleet.set_carried(story.targets[2], world.foreign)
        world.traffic.fail(DESCRIBE_STACKS, DENIED, times=FOR_EVER)

    result = story.go_back(break_it, Status.UPDATING)

    for part in ("carries instance profile Foreign", "cloudformation:DescribeStacks", STACK_ID, ENDPOINT):
        assert part in result.reason


def test_a_cancelled_update_that_fails_while_its_stack_rolls_back_does_not_continue(world: World) -> None:
    """It goes to properties that were never deployed. Its own rollback is about to come, with an event of its own."""
    story = LateStatus(world)
    story.before = world.properties(story.targets, profile=world.own_profile("Web3"))
    result = story.go_back(lambda: world.fleet.set_carried(story.targets[2], world.foreign))

    assert f"instance {story.targets[2]} (running) carries instance profile Foreign" in result.reason
    assert story.carried == ["Web2", "Web2", "Foreign"]
