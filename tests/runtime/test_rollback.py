"""Rollbacks of whole stacks. Design 5.3: an Update is a rollback if the stack, its parent or its root is in
`UPDATE_ROLLBACK_IN_PROGRESS`. In a rollback nothing blocks, at any age: no conflict, no alarm, no wave."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.runtime.rollouts import IN_WAVES
from tests.simulator.cloudformation import DESCRIBE_STACKS, Status
from tests.simulator.driver import STACK_ID, Resource, World
from tests.simulator.ec2 import ASSOCIATE, DESCRIBE_INSTANCES
from tests.simulator.errors import AwsError
from tests.simulator.faults import FOR_EVER
from tests.simulator.stack import CloudFormationStack, Operation

HOUR = 3600.0
ROOT_ID, MIDDLE_ID = (STACK_ID.replace("InstanceRole-web", name) for name in ("Root", "Middle"))
DENIED = AwsError("UnauthorizedOperation", "denied by a service control policy", 403)
WATCHED = {**IN_WAVES, "Alarms": ["Errors"]}


class Play:
    """A stack whose association has two targets with Web, and an update that adds a third one."""

    def __init__(self, world: World, parent: CloudFormationStack | None = None, **properties: Any) -> None:
        self.world, self.stack = world, CloudFormationStack(world, parent=parent)
        self.first, self.second, self.added = world.instances(3)
        self.before = self.template([self.first, self.second], **properties)
        self.after = self.template([self.first, self.second, self.added], **properties)
        assert self.stack.create(self.before).summary == [("Create", Status.CREATING, True)]

    def template(self, ids: list[str], **properties: Any) -> dict[str, Mapping[str, Any]]:
        return {"Association": self.world.properties(ids, **properties)}

    def give_foreign_to_the_first(self) -> None:
        """Somebody gives a target another profile, which an ordinary Update would be refused for."""
        self.world.fleet.set_carried(self.first, self.world.foreign)

    @property
    def carried(self) -> list[str | None]:
        return self.world.carried(self.first, self.second, self.added)

    def fail_with_a_rollback_that_fails(self) -> None:
        """The association's Update fails, and so does its rollback."""
        self.world.refuse(ASSOCIATE, self.added)
        self.world.traffic.meanwhile(ASSOCIATE, self._deny_everything)
        operation = self.stack.update(self.after)
        assert [ok for _, _, ok in operation.summary] == [False, False]
        assert self.stack.status == Status.ROLLBACK_FAILED
        self.world.traffic.faults.clear()

    def _deny_everything(self) -> None:
        self.give_foreign_to_the_first()
        self.world.traffic.fail(DESCRIBE_INSTANCES, DENIED, times=FOR_EVER)


def reasons(operation: Operation) -> list[str]:
    return [event.result.reason for event in operation.events if not event.result.ok]


@pytest.fixture
def play(world: World) -> Play:
    return Play(world)


@pytest.mark.parametrize("hours", [0, 5, 7, 49])
def test_nothing_blocks_a_rollback_because_another_resource_failed_hours_later(play: Play, hours: int) -> None:
    play.world.clock.sleep(60)
    play.world.traffic.meanwhile(DESCRIBE_STACKS, play.give_foreign_to_the_first, nth=2)
    operation = play.stack.update(play.after, fails_in=play.stack, after=hours * HOUR)

    assert operation.summary == [("Update", Status.UPDATING, True), ("Update", Status.ROLLING_BACK, True)]
    assert play.carried == ["Foreign", "Web", None]


def test_a_rollback_undoes_the_failed_update_of_the_association_itself(play: Play) -> None:
    play.world.refuse(ASSOCIATE, play.added)
    operation = play.stack.update(play.after)

    assert operation.summary == [("Update", Status.UPDATING, False), ("Update", Status.ROLLING_BACK, True)]
    assert play.carried == ["Web", "Web", None]


def test_a_rollback_ignores_waves_and_alarms(world: World) -> None:
    world.cloudwatch.schedule_alarm("Errors", after=None)
    play = Play(world, rollout=WATCHED)
    web2 = world.own_profile("Web2")
    update = {"Association": world.properties([play.first, play.second], profile=web2, rollout=WATCHED)}
    world.traffic.meanwhile(DESCRIBE_STACKS, lambda: world.cloudwatch.schedule_alarm("Errors", after=0), nth=2)
    operation = play.stack.update(update, fails_in=play.stack, after=7 * HOUR)

    assert [ok for _, _, ok in operation.summary] == [True, True], reasons(operation)
    assert operation.events[1].result.seconds < IN_WAVES["BakeSeconds"]  # type: ignore[operator]
    assert play.carried == ["Web", "Web", None]


@pytest.mark.parametrize("hours", [1, 12])
def test_nothing_blocks_a_rollback_that_is_continued_hours_later(play: Play, hours: int) -> None:
    play.fail_with_a_rollback_that_fails()
    play.world.clock.sleep(hours * HOUR)
    operation = play.stack.continue_rollback()

    assert operation.summary == [("Update", Status.ROLLING_BACK, True)], reasons(operation)
    assert play.stack.status == Status.ROLLED_BACK
    assert play.carried == ["Foreign", "Web", None]


def test_an_update_after_a_skipped_rollback_follows_the_usual_rules(play: Play) -> None:
    """A skipped resource gets no event: CloudFormation considers it as rolled back."""
    play.fail_with_a_rollback_that_fails()
    assert not play.stack.continue_rollback(skip=["Association"]).events
    refused = play.stack.update(play.after)

    assert f"instance {play.first} (running) carries instance profile Foreign" in reasons(refused)[0]
    play.world.fleet.set_carried(play.first, None)
    play.world.clock.sleep(60)
    assert play.stack.update(play.after).summary == [("Update", Status.UPDATING, True)]
    assert play.carried == ["Web", "Web", "Web"]


def test_a_stack_is_deleted_after_a_skipped_rollback(play: Play) -> None:
    play.fail_with_a_rollback_that_fails()
    play.stack.continue_rollback(skip=["Association"])

    assert play.stack.delete().summary == [("Delete", Status.DELETING, True)]
    assert play.carried == ["Foreign", None, None]
    assert play.world.ledger_items == {}


def test_with_no_rollback_a_failed_resource_is_rolled_back_at_once(play: Play) -> None:
    """The stack does not roll back then. The handler recognizes the rollback by the failed operation and digests."""
    play.world.refuse(ASSOCIATE, play.added)
    play.world.traffic.meanwhile(ASSOCIATE, play.give_foreign_to_the_first)
    operation = play.stack.update_without_rollback(play.after)

    assert operation.summary == [("Update", Status.UPDATING, False), ("Update", Status.UPDATING, True)]
    assert play.carried == ["Foreign", "Web", None]


def test_a_new_template_after_an_update_with_no_rollback_is_an_ordinary_update(play: Play) -> None:
    play.world.refuse(ASSOCIATE, play.added)
    play.stack.update_without_rollback(play.after)
    play.world.traffic.faults.clear()
    other = play.world.instance(play.world.foreign)
    new = play.template([play.first, play.second, play.added, other])
    refused = play.stack.update_without_rollback(new)
    assert f"instance {other} (running) carries instance profile Foreign" in reasons(refused)[0]

    play.world.fleet.set_carried(other, None)
    play.world.clock.sleep(60)
    operation = play.stack.update_without_rollback(new)
    assert operation.summary == [("Update", Status.UPDATING, True)], reasons(operation)
    assert play.world.carried(play.first, play.second, play.added, other) == ["Web"] * 4


def two_associations(play: Play) -> dict[str, Mapping[str, Any]]:
    """An update in which the first association succeeds and a new one fails."""
    other = play.world.instance()
    play.world.refuse(ASSOCIATE, other)
    return {**play.after, "Second": play.world.properties([other])}


@pytest.mark.parametrize("days", [0, 5])
def test_a_rollback_days_after_an_update_with_no_rollback_is_not_blocked(play: Play, days: int) -> None:
    """`cdk rollback` rolls back successful changes, too."""
    play.stack.update_without_rollback(two_associations(play))
    assert play.stack.status == Status.UPDATE_FAILED
    assert play.carried == ["Web", "Web", "Web"]
    play.give_foreign_to_the_first()
    play.world.clock.sleep(days * 24 * HOUR)
    operation = play.stack.roll_back()

    assert operation.summary == [("Update", Status.ROLLING_BACK, True)], reasons(operation)
    assert play.carried == ["Foreign", "Web", None]


def test_a_cancelled_update_is_rolled_back_while_it_is_still_running(world: World) -> None:
    play = Play(world, rollout=IN_WAVES)
    new = play.template([play.first, play.second], profile=world.own_profile("Web2"), rollout=IN_WAVES)
    operation = play.stack.cancel_update(new, after_polls=2)

    assert operation.events[-1].summary == ("Update", Status.ROLLING_BACK, True), reasons(operation)
    assert play.carried == ["Web", "Web", None]


@pytest.mark.parametrize("own_status", [Status.UPDATE_CLEANING_UP, Status.UPDATED, Status.ROLLING_BACK])
@pytest.mark.parametrize("fails_in_root", [False, True])
def test_a_nested_stack_is_rolled_back_with_its_parent_in_any_status_of_its_own(
    world: World, own_status: str, fails_in_root: bool
) -> None:
    root = CloudFormationStack(world, ROOT_ID)
    parent = CloudFormationStack(world, MIDDLE_ID, parent=root)
    play = Play(world, parent=parent)
    world.traffic.meanwhile(DESCRIBE_STACKS, play.give_foreign_to_the_first, nth=4)
    fails_in = root if fails_in_root else parent
    operation = play.stack.update(play.after, fails_in=fails_in, after=7 * HOUR, own_status=own_status)

    assert [ok for _, _, ok in operation.summary] == [True, True], reasons(operation)
    assert play.carried == ["Foreign", "Web", None]


def test_a_rollback_deletes_in_its_clean_up_what_the_update_had_created(play: Play) -> None:
    other = play.world.instance(play.world.old)
    update = {**play.before, "Second": play.world.properties([other], replaces=[play.world.old])}
    operation = play.stack.update(update, fails_in=play.stack)

    assert operation.summary == [("Create", Status.UPDATING, True), ("Delete", Status.ROLLBACK_CLEANING_UP, True)]
    assert play.world.carried(play.first, play.second, other) == ["Web", "Web", "Old"]
    assert not play.world.ledger_item(Resource(play.world, "Second"))


def test_deletes_and_creates_never_read_the_status_of_the_stack(play: Play) -> None:
    play.stack.delete()

    assert play.world.traffic.count(DESCRIBE_STACKS) == 0


def test_a_stack_that_is_not_rolled_back_is_read_once_for_an_update(play: Play) -> None:
    assert play.stack.update(play.after).summary == [("Update", Status.UPDATING, True)]
    assert play.world.traffic.count(DESCRIBE_STACKS) == 1
