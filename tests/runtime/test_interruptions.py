"""Crashes, lost answers and overlapping events: no interruption loses anything."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from cdk_instance_role.runtime.association.contract import MAX_INVOCATION_SECONDS
from cdk_instance_role.runtime.association.exceptions import AssociationError, SupersededError
from tests.runtime.kill_points import kill_points
from tests.simulator.cloudformation import Status
from tests.simulator.copies import copied
from tests.simulator.driver import Resource, Result, World
from tests.simulator.dynamodb import QUERY, TRANSACT, UPDATE
from tests.simulator.ec2 import ASSOCIATE, DISASSOCIATE, REPLACE
from tests.simulator.errors import AwsError

ENDPOINT = "https://ec2.eu-west-1.amazonaws.com/"


RecordProperty = Callable[[str, object], None]


class Story:
    """A fleet of every kind, and an operation on it."""

    def __init__(self, operation: str) -> None:
        self.world = World()
        self.resource = Resource(self.world)
        world = self.world
        self.new = world.own_profile("Web2")
        world.cloudwatch.alarms["Errors"] = "OK"
        self.targets = [
            world.instance(),
            world.instance(world.old),
            world.instance(world.web),
            world.instance(state="stopped"),
            world.instance(world.old, state="stopped"),
            world.instance(world.foreign),
        ]
        self.before = self.properties(world.web)
        if operation == "rollout":  # it takes many invocations, and all of them are to be killed
            self.targets = self.targets[1:4]
            self.before = self.properties(world.web)
        self.operation = operation
        if operation != "create":
            assert self.resource.create(self.before).ok
        self.first_point = len(world.traffic.kill_switch.points)

    def properties(self, profile: str) -> dict[str, Any]:
        replaces = [self.world.old, self.world.web]
        return self.world.properties(self.targets, profile=profile, replaces=replaces, on_conflict="KEEP")

    def run(self) -> Result:
        self.first_point = len(self.world.traffic.kill_switch.points)
        match self.operation:
            case "update":
                return self.resource.update(self.properties(self.new))
            case "rollout":
                return self.resource.update(self.rolled_out)
            case "delete":
                return self.resource.delete()
        return self.resource.create(self.before)

    @property
    def rolled_out(self) -> dict[str, Any]:
        """An update in waves."""
        waves = {"First": 1, "Percentages": [100], "BakeSeconds": 4, "Alarms": ["Errors"], "MaxFailures": "0"}
        return self.properties(self.new) | {"Rollout": waves}

    @property
    def points(self) -> list[str]:
        return self.world.traffic.kill_switch.points[self.first_point :]

    def kill_points(self) -> list[tuple[int, str]]:
        return kill_points(self.world.traffic.kill_switch, self.first_point)

    @property
    def state(self) -> Any:
        """The state that is compared in the end."""
        records = {
            id_: (record.previous, record.ours, record.detached) for id_, record in self.resource.records().items()
        }
        return self.world.carried(*self.targets), records

    def event(self) -> dict[str, Any]:
        """The event that begins the operation."""
        match self.operation:
            case "update":
                return self.resource.event("Update", self.properties(self.new), self.before)
            case "rollout":
                return self.resource.event("Update", self.rolled_out, self.before)
            case "delete":
                return self.resource.event("Delete", self.before)
        return self.resource.event("Create", self.before)


class FailedUpdate(Story):
    """An update that has failed half-way, so that its stack rolls back."""

    def __init__(self) -> None:
        super().__init__("update")
        self.state_before = self.state
        self.world.refuse(REPLACE, self.targets[1])
        assert not self.resource.deliver(self.event()).ok
        assert self.state != self.state_before
        self.world.traffic.faults.clear()
        self.world.stack_status = Status.ROLLING_BACK
        self.first_point = len(self.world.traffic.kill_switch.points)

    def run(self) -> Result:
        return self.resource.deliver(self.resource.event("Update", self.before, self.properties(self.new)))


STORIES = ["create", "update", "delete"]


def begun(operation: str) -> Story:
    """An operation that is about to run."""
    return FailedUpdate() if operation == "rollback" else Story(operation)


@pytest.mark.parametrize("operation", [*STORIES, "rollout", "rollback"])
def test_ends_the_same_wherever_an_invocation_is_killed(operation: str, record_property: RecordProperty) -> None:
    beginning = begun(operation)
    undisturbed = copied(beginning)
    assert undisturbed.run().ok
    assert len(undisturbed.points) > 25
    points = undisturbed.kill_points()
    record_property(f"points at which a {operation} was killed", len(points))
    for number, point in points:
        story = copied(beginning)
        story.world.traffic.kill_switch.kill_at = story.first_point + number
        result = story.run()
        where = f"killed {point}, point {number}"
        assert result.ok, f"{where}: {result.reason}"
        assert story.state == undisturbed.state, where
        assert set(story.world.fleet.bared) <= set(undisturbed.world.fleet.bared), where


def test_a_rollback_ends_as_it_was_before_the_update() -> None:
    story = FailedUpdate()
    assert story.run().ok
    assert story.state == story.state_before


@pytest.mark.parametrize("operation", STORIES)
def test_rolls_back_wherever_a_killed_invocation_fails_the_operation(operation: str) -> None:
    """The provider framework reports a function that was killed, and CloudFormation rolls the operation back."""
    beginning = Story(operation)
    before, undisturbed = copied(beginning).state, copied(beginning)
    undisturbed.run()
    for number, point in undisturbed.kill_points():
        story = copied(beginning)
        story.resource.goes_on_when_killed = False
        story.world.traffic.kill_switch.kill_at = story.first_point + number
        result = story.run()
        where = f"killed {point}, point {number}"
        assert not result.ok, where
        if operation == "delete":
            assert story.run().ok, where
            assert story.state == undisturbed.state, where
            assert story.world.ledger_items == {}, where
        else:
            assert result.rollback is None or result.rollback.ok, f"{where}: {result.rollback}"
            assert story.state == before, where


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("operation", STORIES)
def test_ends_the_same_whatever_answer_is_lost(operation: str, after_effect: bool) -> None:
    beginning = Story(operation)
    undisturbed = copied(beginning)
    event = undisturbed.resource.begin(undisturbed.event())
    began = undisturbed.world.traffic.counts
    assert undisturbed.resource.finish(event).ok
    calls = undisturbed.world.traffic.counts - began
    assert sum(calls.values()) > 20
    writes = {action for action in calls if f"after {action}" in undisturbed.points}
    assert writes
    lost = [action for action in calls if not after_effect or action in writes]  # a read has no effect
    for action, number in ((one, number) for one in lost for number in range(calls[one])):
        story = copied(beginning)
        event = story.resource.begin(story.event())
        error = ConnectionClosedError(endpoint_url=ENDPOINT)
        story.world.traffic.fail(action, error, skip=number, after_effect=after_effect)
        result = story.resource.finish(event)
        where = f"answer {number} of {action} lost"
        assert result.ok, f"{where}: {result.reason}"
        assert story.state == undisturbed.state, where


@pytest.mark.parametrize(
    "error", [ConnectionClosedError(endpoint_url=ENDPOINT), ReadTimeoutError(endpoint_url=ENDPOINT)]
)
@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize(
    ("action", "carries", "state", "calls"),
    [
        (ASSOCIATE, False, "running", 1),
        (REPLACE, True, "running", 1),
        (DISASSOCIATE, True, "stopped", 2),
        (ASSOCIATE, True, "stopped", 2),
    ],
)
def test_does_not_repeat_a_change_whose_answer_was_lost(
    world: World, resource: Resource, action: str, carries: bool, state: str, calls: int, after_effect: bool, error: Any
) -> None:
    target = world.instance(world.old if carries else None, state=state)
    world.traffic.fail(action, error, after_effect=after_effect)
    result = resource.create(world.properties([target], replaces=[world.old]))
    assert result.ok, result.reason
    assert world.carried(target) == ["Web"]
    if after_effect:
        # Besides the changes, at most the one that puts the old profile back, which EC2 refuses.
        assert world.mutations - len(world.traffic.refused(ASSOCIATE, REPLACE, DISASSOCIATE)) == calls - 1
    assert resource.delete().ok
    assert world.carried(target) == ["Old" if carries else None]


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("previous_is_deleted", [False, True])
def test_removes_the_profile_even_when_the_answer_was_lost(
    world: World, resource: Resource, after_effect: bool, previous_is_deleted: bool
) -> None:
    target = world.instance(world.old if previous_is_deleted else None)
    resource.create(world.properties([target], replaces=[world.old]))
    if previous_is_deleted:
        del world.fleet.profiles[world.old]
    world.traffic.fail(DISASSOCIATE, ConnectionClosedError(endpoint_url=ENDPOINT), after_effect=after_effect)
    assert resource.delete().ok
    assert world.carried(target) == [None]
    assert world.ledger_items == {}


def test_a_stopped_instance_gets_its_profile_although_the_swap_was_interrupted(
    world: World, resource: Resource
) -> None:
    target = world.instance(world.old, state="stopped")
    kill_switch = world.traffic.kill_switch
    event = resource.begin(resource.event("Create", world.properties([target], replaces=[world.old])))
    world.traffic.meanwhile(ASSOCIATE, lambda: setattr(kill_switch, "kill_at", len(kill_switch.points)))
    assert resource.finish(event).ok
    assert kill_switch.points[kill_switch.kill_at or 0] == f"before {ASSOCIATE}"
    assert world.carried(target) == ["Web"]
    assert resource.records()[target].previous == world.old


def test_a_delete_restores_what_an_interrupted_swap_has_removed(world: World, resource: Resource) -> None:
    target = world.instance(world.old, state="stopped")
    kill_switch = world.traffic.kill_switch
    properties = world.properties([target], replaces=[world.old])
    resource.goes_on_when_killed = False
    world.traffic.meanwhile(ASSOCIATE, lambda: setattr(kill_switch, "kill_at", len(kill_switch.points)))
    result = resource.create(properties)
    assert not result.ok
    assert result.rollback is not None
    assert result.rollback.ok
    assert world.carried(target) == ["Old"]
    assert world.ledger_items == {}


def test_a_second_invocation_waits_while_another_one_works(world: World, resource: Resource) -> None:
    target = world.instance()
    event = resource.begin(resource.event("Create", world.properties([target])))
    answers: list[Any] = []
    world.traffic.meanwhile(ASSOCIATE, lambda: answers.append(resource.poll(event)))
    assert resource.poll(event)["IsComplete"] is True
    assert answers == [{"IsComplete": False}]
    assert world.mutations == 1


def test_gives_the_same_answer_when_it_is_polled_again(world: World, resource: Resource) -> None:
    event = resource.begin(resource.event("Create", world.properties([world.instance()])))
    assert resource.poll(event) == resource.poll(event)
    assert world.mutations == 1


def test_the_last_invocation_of_a_cancelled_create_changes_nothing_once_the_delete_has_begun(
    world: World, resource: Resource
) -> None:
    target = world.instance()
    create = resource.begin(resource.event("Create", world.properties([target])))
    delete = resource.begin(resource.event("Delete", world.properties([target])))
    with pytest.raises(SupersededError):
        resource.poll(create)
    assert resource.poll(delete)["IsComplete"] is True
    with pytest.raises(AssociationError):
        resource.poll(create)
    assert (world.mutations, world.ledger_items) == (0, {})


def test_a_delete_undoes_what_a_cancelled_create_still_does_while_it_begins(world: World, resource: Resource) -> None:
    targets = world.instances(5)
    create = resource.begin(resource.event("Create", world.properties(targets)))
    deletes: list[Any] = []
    begin = lambda: deletes.append(resource.begin(resource.event("Delete", world.properties(targets))))  # noqa: E731
    world.traffic.meanwhile(ASSOCIATE, begin, nth=3)
    _poll_in_vain(resource, create)
    assert resource.finish(deletes[0]).ok
    assert world.carried(*targets) == [None] * 5
    assert world.ledger_items == {}


def test_a_delete_succeeds_although_the_cancelled_create_fails_while_it_begins(
    world: World, resource: Resource
) -> None:
    targets = world.instances(5)
    world.refuse(ASSOCIATE, targets[3])
    create = resource.begin(resource.event("Create", world.properties(targets)))
    deletes: list[Any] = []
    begin = lambda: deletes.append(resource.begin(resource.event("Delete", world.properties(targets))))  # noqa: E731
    world.traffic.meanwhile(ASSOCIATE, begin, nth=3)
    _poll_in_vain(resource, create)
    result = resource.finish(deletes[0])
    assert result.ok, result.reason
    assert world.carried(*targets) == [None] * 5
    assert world.ledger_items == {}


def test_a_delete_succeeds_although_the_cancelled_create_could_not_finish(world: World, resource: Resource) -> None:
    stopping, refused = world.instance(), world.instance()
    world.refuse(ASSOCIATE, refused)
    create = resource.begin(resource.event("Create", world.properties([stopping, refused])))
    deletes: list[Any] = []

    def overtake() -> None:
        world.fleet.instances[stopping].later = [(world.clock(), "stopping"), (world.clock() + 100, "stopped")]
        deletes.append(resource.begin(resource.event("Delete", world.properties([stopping, refused]))))

    world.traffic.meanwhile(ASSOCIATE, overtake, nth=2)
    _poll_in_vain(resource, create)
    result = resource.finish(deletes[0])
    assert result.ok, result.reason
    assert world.carried(stopping, refused) == [None, None]
    assert world.ledger_items == {}


def test_an_update_succeeds_although_the_one_before_ends_while_it_begins(world: World, resource: Resource) -> None:
    targets = world.instances(3)
    resource.create(world.properties(targets))
    new = world.properties(targets, profile=world.own_profile("Web2"))
    update = resource.begin(resource.event("Update", new, resource.properties))
    backs: list[Any] = []
    begin = lambda: backs.append(resource.begin(resource.event("Update", resource.properties, new)))  # noqa: E731
    world.traffic.meanwhile(REPLACE, begin, nth=2)
    _poll_in_vain(resource, update)
    result = resource.finish(backs[0])
    assert result.ok, result.reason
    assert world.carried(*targets) == ["Web"] * 3


def test_ignores_an_old_event_that_is_delivered_again(world: World, resource: Resource) -> None:
    first, second = world.instance(), world.instance()
    create = resource.event("Create", world.properties([first]))
    assert resource.deliver(create).ok
    resource.properties = world.properties([first])
    assert resource.update(world.properties([second])).ok
    before = world.mutations
    again = resource.deliver(create)
    assert not again.ok
    assert "this one is ignored" in again.reason
    assert (world.carried(first, second), world.mutations) == ([None, "Web"], before)
    assert resource.update(world.properties([first])).ok


def test_waits_for_an_invocation_that_was_killed_only_as_long_as_it_could_have_run(
    world: World, resource: Resource
) -> None:
    target = world.instance()
    event = resource.begin(resource.event("Create", world.properties([target])))
    kill_switch = world.traffic.kill_switch
    kill_switch.kill_at = len(kill_switch.points) + 2
    result = resource.finish(event)
    assert result.ok, result.reason
    assert result.seconds <= MAX_INVOCATION_SECONDS + 20


def test_can_acquire_the_lease_again_when_the_answer_of_the_ledger_was_lost(world: World, resource: Resource) -> None:
    event = resource.begin(resource.event("Create", world.properties([world.instance()])))
    world.traffic.fail(UPDATE, ConnectionClosedError(endpoint_url=ENDPOINT), after_effect=True)
    result = resource.finish(event)
    assert result.ok, result.reason
    assert result.seconds < 30


@pytest.mark.parametrize("action", [UPDATE, TRANSACT, QUERY])
def test_continues_after_the_ledger_did_not_answer(world: World, resource: Resource, action: str) -> None:
    targets = world.instances(3)
    event = resource.begin(resource.event("Create", world.properties(targets)))
    world.traffic.fail(action, AwsError("InternalServerError", "Internal server error", 500), times=2)
    result = resource.finish(event)
    assert result.ok, result.reason
    assert world.carried(*targets) == ["Web"] * 3


def _poll_in_vain(resource: Resource, event: dict[str, Any]) -> None:
    """The answer of a superseded invocation does not matter: CloudFormation no longer waits for it."""
    try:
        resource.poll(event)
    except AssociationError:
        return
