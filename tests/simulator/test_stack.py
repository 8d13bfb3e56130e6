"""Which events CloudFormation sends, and the status of the stack meanwhile. How the events end is scripted."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.simulator.cloudformation import Stack
from tests.simulator.driver import FAILURES, FunctionError, Resource, World
from tests.simulator.stack import CloudFormationStack, Operation

STACKS = "arn:aws:cloudformation:eu-west-1:111122223333:stack"
UPDATING, UPDATED, CLEANING_UP = "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
ROLLING_BACK, ROLLED_BACK = "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"
ROLLBACK_FAILED, ROLLBACK_CLEANING_UP = "UPDATE_ROLLBACK_FAILED", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"

Fails = Callable[[Mapping[str, Any]], bool]


class Scripted(Resource):
    """A resource whose events end as a test says. An event that lasts is over after its third poll."""

    fails: Fails

    def begin(self, event: Mapping[str, Any]) -> dict[str, Any]:
        self.physical_id = "physical"
        self.polls = 0
        return dict(event)

    def poll(self, event: Mapping[str, Any]) -> dict[str, Any]:
        if self.fails(event):
            raise FunctionError("it fails")
        self.polls += 1
        return {"IsComplete": self.polls > 2}


class Play:
    """A stack with the resources One and Two in configuration A."""

    def __init__(self, stack: CloudFormationStack) -> None:
        self.world, self.stack = stack.world, stack
        self.fails: Fails = lambda _: False
        stack.new_resource = self._resource
        stack.create(self.template("A"))

    def _resource(self, *arguments: Any) -> Resource:
        resource = Scripted(*arguments)
        resource.fails = lambda event: self.fails(event)
        return resource

    def template(self, one: str, two: str = "A", **more: str) -> dict[str, dict[str, str]]:
        configurations = {"One": one, "Two": two, **more}
        return {id_: {"ServiceToken": "framework", "Configuration": config} for id_, config in configurations.items()}

    @property
    def configurations(self) -> dict[str, str]:
        """The configuration of the resources as CloudFormation sees them."""
        return {id_: resource.properties["Configuration"] for id_, resource in self.stack.resources.items()}


def summaries_of(operation: Operation) -> list[str]:
    """The events of an operation, such as ``One A>B UPDATE_IN_PROGRESS failed``."""
    found = []
    for event in operation.events:
        new = event.result.event["ResourceProperties"]["Configuration"]
        old = event.result.event.get("OldResourceProperties", {}).get("Configuration", "")
        what = {"Update": f"{old}>{new}", "Create": f"+{new}", "Delete": f"-{new}"}[event.request_type]
        found.append(f"{event.logical_id} {what} {event.status}{'' if event.result.ok else ' failed'}")
    return found


def to(configuration: str, logical_id: str = "One") -> Fails:
    """An Update or a Create to a configuration fails."""

    def fails(event: Mapping[str, Any]) -> bool:
        is_asked = event["ResourceProperties"]["Configuration"] == configuration
        is_it = event["LogicalResourceId"] == logical_id and event["RequestType"] != "Delete"
        return bool(is_it and is_asked)

    return fails


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def play(world: World) -> Play:
    return Play(CloudFormationStack(world))


def test_a_stack_is_created(world: World) -> None:
    stack = CloudFormationStack(world)
    play = Play(stack)
    assert (stack.status, play.configurations) == ("CREATE_COMPLETE", {"One": "A", "Two": "A"})
    assert world.stacks == {stack.id: Stack("CREATE_COMPLETE")}


def test_a_create_that_fails_is_rolled_back_by_deletes(play: Play) -> None:
    play.stack.delete()
    play.fails = to("B", "Two")
    operation = play.stack.create(play.template("B", "B"))
    assert summaries_of(operation) == [
        "One +B CREATE_IN_PROGRESS",
        "Two +B CREATE_IN_PROGRESS failed",
        "Two -B ROLLBACK_IN_PROGRESS",
        "One -B ROLLBACK_IN_PROGRESS",
    ]
    assert (play.stack.status, play.configurations) == ("ROLLBACK_COMPLETE", {})


def test_a_create_is_rolled_back_when_another_resource_fails(play: Play) -> None:
    play.stack.delete()
    operation = play.stack.create(play.template("B", "B"), other_fails=True)
    assert summaries_of(operation)[2:] == ["Two -B ROLLBACK_IN_PROGRESS", "One -B ROLLBACK_IN_PROGRESS"]


def test_a_stack_is_deleted(play: Play) -> None:
    assert summaries_of(play.stack.delete()) == ["Two -A DELETE_IN_PROGRESS", "One -A DELETE_IN_PROGRESS"]
    assert play.stack.status == "DELETE_COMPLETE"


def test_an_update_changes_what_is_different(play: Play) -> None:
    assert summaries_of(play.stack.update(play.template("B"))) == [f"One A>B {UPDATING}"]
    assert (play.stack.status, play.configurations) == (UPDATED, {"One": "B", "Two": "A"})


def test_what_is_added_is_created_first_and_what_is_left_out_is_deleted_in_the_clean_up(play: Play) -> None:
    template = play.template("A", Three="A")
    del template["Two"]
    assert summaries_of(play.stack.update(template)) == [f"Three +A {UPDATING}", f"Two -A {CLEANING_UP}"]
    assert play.stack.status == UPDATED


def test_a_delete_that_fails_in_the_clean_up_abandons_the_resource(play: Play) -> None:
    template = play.template("A")
    del template["Two"]
    play.fails = lambda event: event["RequestType"] == "Delete"
    assert summaries_of(play.stack.update(template)) == [f"Two -A {CLEANING_UP} failed"]
    assert (play.stack.status, play.configurations) == (UPDATED, {"One": "A"})
    assert summaries_of(play.stack.delete()) == ["One -A DELETE_IN_PROGRESS failed"]
    assert play.stack.status == "DELETE_FAILED"


def test_an_update_that_fails_is_rolled_back(play: Play) -> None:
    play.fails = to("B")
    assert summaries_of(play.stack.update(play.template("B", "B"))) == [
        f"One A>B {UPDATING} failed",
        f"One B>A {ROLLING_BACK}",
    ]
    assert (play.stack.status, play.configurations) == (ROLLED_BACK, {"One": "A", "Two": "A"})


def test_an_update_that_has_succeeded_is_rolled_back_when_another_resource_fails(play: Play) -> None:
    began = play.world.clock()
    operation = play.stack.update(play.template("B", "B"), fails_in=play.stack, after=7 * 3600)
    assert summaries_of(operation) == [
        f"One A>B {UPDATING}",
        f"Two A>B {UPDATING}",
        f"Two B>A {ROLLING_BACK}",
        f"One B>A {ROLLING_BACK}",
    ]
    assert play.world.clock() - began > 7 * 3600
    assert (play.stack.status, play.configurations) == (ROLLED_BACK, {"One": "A", "Two": "A"})


def test_what_an_update_has_created_is_deleted_in_the_clean_up_of_its_rollback(play: Play) -> None:
    operation = play.stack.update(play.template("B", Three="A"), fails_in=play.stack)
    assert summaries_of(operation)[2:] == [f"One B>A {ROLLING_BACK}", f"Three -A {ROLLBACK_CLEANING_UP}"]


def test_a_create_that_fails_in_an_update_is_deleted_in_the_clean_up_too(play: Play) -> None:
    play.fails = to("A", "Three")
    operation = play.stack.update(play.template("A", Three="A"))
    assert summaries_of(operation) == [f"Three +A {UPDATING} failed", f"Three -A {ROLLBACK_CLEANING_UP}"]
    assert play.stack.status == ROLLED_BACK


def test_a_rollback_that_fails_can_be_continued(play: Play) -> None:
    play.fails = lambda event: to("B")(event) or to("A")(event)
    play.stack.update(play.template("B"))
    assert play.stack.status == ROLLBACK_FAILED

    assert summaries_of(play.stack.continue_rollback()) == [f"One B>A {ROLLING_BACK} failed"]
    assert play.stack.status == ROLLBACK_FAILED

    play.fails = lambda _: False
    assert summaries_of(play.stack.continue_rollback()) == [f"One B>A {ROLLING_BACK}"]
    assert (play.stack.status, play.configurations) == (ROLLED_BACK, {"One": "A", "Two": "A"})


def test_a_resource_that_a_continued_rollback_skips_gets_no_event(play: Play) -> None:
    """From then on CloudFormation considers it as rolled back."""
    play.fails = lambda event: to("B", "Two")(event) or (event["RequestType"] == "Update" and to("A", "Two")(event))
    play.stack.update(play.template("B", "B"))

    assert summaries_of(play.stack.continue_rollback(skip=["Two"])) == []
    assert (play.stack.status, play.configurations) == (ROLLED_BACK, {"One": "A", "Two": "A"})
    assert summaries_of(play.stack.update(play.template("A", "C"))) == [f"Two A>C {UPDATING}"]


@pytest.mark.parametrize("meanwhile", [UPDATING, ROLLING_BACK, "UPDATE_FAILED"])
def test_without_rollback_the_resource_that_failed_is_rolled_back_at_once_and_the_others_stay(
    play: Play, meanwhile: str
) -> None:
    """The status on AWS while it is rolled back is unknown."""
    play.fails = to("B")
    operation = play.stack.update_without_rollback(play.template("B", "B"), meanwhile=meanwhile)
    assert summaries_of(operation) == [f"One A>B {UPDATING} failed", f"One B>A {meanwhile}", f"Two A>B {UPDATING}"]
    assert (play.stack.status, play.configurations) == ("UPDATE_FAILED", {"One": "A", "Two": "B"})


def test_an_update_without_rollback_that_succeeds_is_like_any_other(play: Play) -> None:
    assert summaries_of(play.stack.update_without_rollback(play.template("B"))) == [f"One A>B {UPDATING}"]
    assert play.stack.status == UPDATED


def test_after_an_update_without_rollback_a_new_template_can_come(play: Play) -> None:
    play.fails = to("B")
    play.stack.update_without_rollback(play.template("B", "B"))
    assert summaries_of(play.stack.update(play.template("C", "B"))) == [f"One A>C {UPDATING}"]
    assert (play.stack.status, play.configurations) == (UPDATED, {"One": "C", "Two": "B"})


def test_after_an_update_without_rollback_a_rollback_undoes_what_has_succeeded(play: Play) -> None:
    play.fails = to("B")
    play.stack.update_without_rollback(play.template("B", "B"))
    play.world.clock.sleep(3 * 24 * 3600)
    assert summaries_of(play.stack.roll_back()) == [f"Two B>A {ROLLING_BACK}"]
    assert (play.stack.status, play.configurations) == (ROLLED_BACK, {"One": "A", "Two": "A"})


def test_a_rollback_undoes_what_could_not_be_rolled_back_at_once(play: Play) -> None:
    play.fails = lambda event: to("B")(event) or to("A")(event)
    play.stack.update_without_rollback(play.template("B"))
    play.fails = lambda _: False
    assert summaries_of(play.stack.roll_back()) == [f"One B>A {ROLLING_BACK}"]


def test_a_rollback_after_two_updates_without_rollback_restores_the_state_before_the_first(play: Play) -> None:
    play.fails = to("B", "Two")
    play.stack.update_without_rollback(play.template("B", "B"))
    play.stack.update_without_rollback(play.template("C", "B"))
    assert summaries_of(play.stack.roll_back()) == [f"One C>A {ROLLING_BACK}"]


def test_a_create_that_fails_without_rollback_is_deleted_by_the_next_operation(play: Play) -> None:
    play.fails = to("A", "Three")
    operation = play.stack.update_without_rollback(play.template("A", Three="A"))
    assert summaries_of(operation) == [f"Three +A {UPDATING} failed"]
    play.fails = lambda _: False
    assert summaries_of(play.stack.update(play.template("B"))) == [f"Three -A {UPDATING}", f"One A>B {UPDATING}"]


def test_an_update_that_is_cancelled_is_rolled_back_while_an_event_is_running(play: Play) -> None:
    operation = play.stack.cancel_update(play.template("B", "B"), after_polls=2)
    assert summaries_of(operation) == [
        f"One A>B {UPDATING}",
        f"Two A>B {UPDATING} failed",
        f"Two B>A {ROLLING_BACK}",
        f"One B>A {ROLLING_BACK}",
    ]
    assert (play.stack.status, play.configurations) == (ROLLED_BACK, {"One": "A", "Two": "A"})


class Nested:
    """Three nested stacks, and the statuses of all three whenever an event comes."""

    def __init__(self, world: World) -> None:
        self.root = CloudFormationStack(world, f"{STACKS}/Root/1")
        self.parent = CloudFormationStack(world, f"{STACKS}/Parent/2", parent=self.root)
        self.child = CloudFormationStack(world, f"{STACKS}/Child/3", parent=self.parent)
        self.play = Play(self.child)
        self.seen: list[tuple[str, str, str]] = []

    @property
    def statuses(self) -> tuple[str, str, str]:
        return self.child.status, self.parent.status, self.root.status

    def watch(self, event: Mapping[str, Any], fails: Fails = lambda _: False) -> bool:
        if not self.seen or self.seen[-1] != self.statuses:
            self.seen.append(self.statuses)
        return fails(event)


@pytest.fixture
def nested(world: World) -> Nested:
    found = Nested(world)
    found.play.fails = found.watch
    return found


def test_a_nested_stack_knows_its_parent_and_the_root(world: World, nested: Nested) -> None:
    root, parent = nested.root.id, nested.parent.id
    described = {id_: (world.stacks[id_].parent, world.stacks[id_].root) for id_ in (root, parent, nested.child.id)}
    assert described == {root: (None, None), parent: (root, root), nested.child.id: (parent, root)}


def test_the_events_of_a_nested_stack_name_it(nested: Nested) -> None:
    operation = nested.child.update(nested.play.template("B"))
    assert operation.events[0].result.event["StackId"] == nested.child.id
    assert nested.seen == [(UPDATING, UPDATING, UPDATING)]
    assert nested.statuses == (UPDATED, UPDATED, UPDATED)


def test_a_nested_stack_that_fails_is_rolled_back_while_its_parent_is_still_being_updated(nested: Nested) -> None:
    nested.play.fails = lambda event: nested.watch(event, to("B"))
    nested.child.update(nested.play.template("B"))
    assert nested.seen == [(UPDATING, UPDATING, UPDATING), (ROLLING_BACK, UPDATING, UPDATING)]


@pytest.mark.parametrize("own", [ROLLING_BACK, UPDATING, CLEANING_UP])
def test_a_nested_stack_is_rolled_back_when_its_parent_fails_later(nested: Nested, own: str) -> None:
    """Its own status on AWS is unknown."""
    operation = nested.child.update(nested.play.template("B"), fails_in=nested.parent, after=3600, own_status=own)
    assert summaries_of(operation) == [f"One A>B {UPDATING}", f"One B>A {own}"]
    assert nested.seen == [(UPDATING, UPDATING, UPDATING), (own, ROLLING_BACK, UPDATING)]
    assert nested.statuses == (ROLLED_BACK, ROLLED_BACK, ROLLED_BACK)


@pytest.mark.parametrize("own", [ROLLING_BACK, UPDATING])
def test_a_nested_stack_is_rolled_back_when_the_root_fails_later(nested: Nested, own: str) -> None:
    nested.child.update(nested.play.template("B"), fails_in=nested.root, own_status=own)
    assert nested.seen == [(UPDATING, UPDATING, UPDATING), (own, own, ROLLING_BACK)]


def test_a_resource_without_a_played_stack_sets_the_status_of_its_stack(world: World) -> None:
    seen: list[str] = []
    resource = Scripted(world)

    def fails(event: Mapping[str, Any]) -> bool:
        seen.append(world.stack_status)
        return to("B")(event)

    resource.fails = fails
    first, second = ({"ServiceToken": "framework", "Configuration": config} for config in ("A", "B"))
    resource.logical_id = "One"
    resource.create(first)
    resource.update(second)
    resource.delete()
    expected = ["CREATE_IN_PROGRESS", UPDATING, ROLLING_BACK, "DELETE_IN_PROGRESS"]
    assert list(dict.fromkeys(seen)) == expected


def test_an_event_that_is_delivered_by_hand_sets_the_status_unless_a_test_has_set_it(world: World) -> None:
    resource, seen = Resource(world), list[str]()
    for request_type, status in (("Create", None), ("Update", None), ("Update", ROLLING_BACK), ("Update", None)):
        if status:
            world.stack_status = status
        with pytest.raises(FAILURES):  # the handler refuses such properties
            resource.begin(resource.event(request_type, {"ServiceToken": "framework"}, {}))
        seen.append(world.stack_status)
    assert seen == ["CREATE_IN_PROGRESS", UPDATING, ROLLING_BACK, ROLLING_BACK]
