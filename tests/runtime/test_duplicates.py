"""Events that are delivered twice. Design 5.3: a duplicate loses nothing, and one that arrives after the end changes
nothing and leaves nothing."""

from typing import Any

import pytest

from cdk_instance_role.runtime.association import handler
from cdk_instance_role.runtime.association.exceptions import AssociationError
from tests.simulator.cloudformation import Status
from tests.simulator.driver import Resource, World
from tests.simulator.ec2 import ASSOCIATE

KINDS = ["Create", "Update", "Delete"]


class Story:
    """One event of a kind, and what was there before it."""

    def __init__(self, world: World, kind: str) -> None:
        self.world, self.resource, self.kind = world, Resource(world), kind
        self.targets = [world.instance(), world.instance(world.old), world.instance(state="stopped")]
        self.before = world.properties(self.targets[:2], replaces=[world.old])
        self.after = world.properties(self.targets[1:], replaces=[world.old], profile=world.own_profile("Web2"))
        if kind != "Create":
            assert self.resource.create(self.before).ok

    def event(self) -> dict[str, Any]:
        old = self.before if self.kind == "Update" else None
        return self.resource.event(self.kind, self.after if self.kind == "Update" else self.before, old)

    def late(self, event: dict[str, Any]) -> str:
        """Deliver an event's first phase again, and how that ends."""
        try:
            handler.on_event(dict(event), self.world.services)
        except AssociationError as error:
            return str(error)
        return ""

    @property
    def state(self) -> Any:
        """Everything that a duplicate must not change."""
        return self.world.mutations, self.world.carried(*self.targets), self.resource.records()

    @property
    def items(self) -> Any:
        return {key: dict(item) for key, item in self.world.ledger_items.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_first_phase_that_comes_twice_begins_one_operation(kind: str) -> None:
    once, twice = Story(World(), kind), Story(World(), kind)
    assert once.resource.deliver(once.event()).ok
    event = twice.event()
    first = twice.resource.begin(event)
    second = twice.resource.begin(event)
    result = twice.resource.finish(first)

    assert first == second
    assert result.ok, result.reason
    assert twice.state[:2] == once.state[:2]


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_phase_that_comes_again_after_success_gives_the_same_answer_and_changes_nothing(
    world: World, kind: str
) -> None:
    story = Story(world, kind)
    result = story.resource.deliver(story.event())
    state, items = story.state, story.items
    again = story.resource.finish(dict(result.event))

    assert (again.ok, again.data) == (True, result.data)
    assert (story.state, story.items) == (state, items)


@pytest.mark.parametrize("days", [0, 30])
@pytest.mark.parametrize("kind", KINDS)
def test_a_first_phase_that_comes_again_after_success_changes_nothing_and_leaves_nothing(
    world: World, kind: str, days: int
) -> None:
    story = Story(world, kind)
    event = story.event()
    assert story.resource.deliver(event).ok
    state, items = story.state, story.items
    world.clock.sleep(days * 24 * 3600)

    assert story.late({**event, "PhysicalResourceId": story.resource.physical_id}) == ""
    assert (story.state, story.items) == (state, items)


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_a_first_phase_that_comes_again_after_a_failure_fails_again_and_changes_nothing(
    world: World, kind: str
) -> None:
    story = Story(world, kind)
    world.refuse(ASSOCIATE, story.targets[0 if kind == "Create" else 2])
    event = story.event()
    result = story.resource.deliver(event)
    assert not result.ok
    state, items = story.state, story.items
    world.traffic.faults.clear()
    again = story.resource.deliver(event) if kind == "Update" else None

    assert again is None or again.reason == result.reason
    assert (story.state, story.items) == (state, items)


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_phase_that_comes_again_after_a_failure_fails_again_and_changes_nothing(
    world: World, kind: str
) -> None:
    story = Story(world, kind)
    action = {"Create": ASSOCIATE, "Update": ASSOCIATE, "Delete": "DisassociateIamInstanceProfile"}[kind]
    world.refuse(action, story.targets[2 if kind == "Update" else 0])
    result = story.resource.deliver(story.event())
    assert not result.ok
    state, items = story.state, story.items
    world.traffic.faults.clear()
    again = story.resource.finish(dict(result.event))

    assert not again.ok
    assert (story.state, story.items) == (state, items)


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_a_second_phase_that_comes_again_after_the_delete_changes_nothing_and_leaves_nothing(
    world: World, kind: str
) -> None:
    story = Story(world, kind)
    event = story.event()
    begun = story.resource.begin(event)
    assert story.resource.finish(begun).ok
    story.resource.properties = dict(event["ResourceProperties"])
    assert story.resource.delete().ok
    before = story.state

    again = story.resource.finish(begun)
    assert not again.ok
    assert story.state == before
    assert world.ledger_items == {}


def test_an_old_update_does_not_touch_a_re_create(world: World) -> None:
    story = Story(world, "Update")
    event = {**story.event(), "PhysicalResourceId": story.resource.physical_id}
    begun = story.resource.begin(event)
    assert story.resource.finish(begun).ok
    story.resource.properties = story.after
    assert story.resource.delete().ok
    story.resource.physical_id = None
    assert story.resource.create(story.before).ok
    state, items = story.state, story.items

    assert "a later event for this association was handled already" in story.late(event)
    assert not story.resource.finish(begun).ok
    assert (story.state, story.items) == (state, items)


@pytest.mark.parametrize("phase", ["first", "second"])
def test_an_old_delete_does_not_touch_a_re_create_that_runs_or_has_run(world: World, phase: str) -> None:
    resource, targets = Resource(world), world.instances(2)
    properties = world.properties(targets)
    assert resource.create(properties).ok
    delete = resource.event("Delete", properties)
    begun = resource.begin(delete)
    assert resource.finish(begun).ok

    def come_again() -> None:
        if phase == "first":
            handler.on_event(dict(delete), world.services)
        assert handler.is_complete(dict(begun), world.services, owner="late")["IsComplete"]

    resource.physical_id = None
    world.traffic.meanwhile(ASSOCIATE, come_again, nth=2)
    created = resource.create(properties)
    assert created.ok, created.reason
    come_again()
    assert world.carried(*targets) == ["Web", "Web"]
    assert resource.records().keys() == set(targets)


def test_an_event_of_a_rollback_that_comes_twice_is_one_rollback(world: World) -> None:
    resource, (kept, refused) = Resource(world), world.instances(2)
    before, after = world.properties([kept]), world.properties([kept, refused])
    assert resource.create(before).ok
    world.refuse(ASSOCIATE, refused)
    assert not resource.deliver(resource.event("Update", after, before)).ok
    world.fleet.set_carried(kept, world.foreign)
    world.stack_status = Status.ROLLING_BACK
    rollback = resource.event("Update", before, after)
    begun = [resource.begin(rollback) for _ in range(2)]
    results = [resource.finish(event) for event in begun]
    world.stack_status = Status.ROLLED_BACK
    results.append(resource.deliver(rollback))

    assert all(result.ok for result in results), results
    assert world.carried(kept, refused) == ["Foreign", None]


# A first phase that comes again after the Delete: the framework would start its waiter for it.


def of_a_deleted_association(world: World, kind: str) -> tuple[Story, dict[str, Any]]:
    """A Create that has failed, or an Update that has succeeded. Then the association was deleted."""
    story = Story(world, kind)
    if kind == "Create":
        world.refuse(ASSOCIATE, story.targets[0])
    event = story.event()
    assert story.resource.deliver(event).ok == (kind == "Update")
    event["PhysicalResourceId"] = story.resource.physical_id
    story.resource.properties = dict(event["ResourceProperties"])
    assert story.resource.delete().ok
    world.traffic.faults.clear()
    assert world.ledger_items == {}
    return story, event


IGNORED = "a later event for this association was handled already: this one is ignored"


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_a_first_phase_that_comes_again_after_the_delete_begins_nothing(world: World, kind: str) -> None:
    story, event = of_a_deleted_association(world, kind)
    state, items = story.state, story.items
    assert story.late(event) == IGNORED

    assert (story.state, story.items) == (state, items)
    assert world.carried(*story.targets) == [None, "Old", None]
    assert story.resource.records() == {}


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_events_from_before_earlier_deletes_begin_nothing(world: World, kind: str) -> None:
    story, event = of_a_deleted_association(world, kind)
    again = Resource(world)
    created = again.create(story.before)
    assert created.ok, created.reason
    assert world.carried(*story.targets) == ["Web", "Web", None]
    assert story.late(event) == IGNORED
    assert again.delete().ok

    assert story.late(event) == IGNORED
    assert world.carried(*story.targets) == [None, "Old", None]
    assert world.ledger_items == {}


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_a_delete_that_comes_again_has_nothing_to_do(world: World, kind: str) -> None:
    story, _ = of_a_deleted_association(world, kind)
    delete = story.resource.event("Delete", story.resource.properties)
    state = story.state
    assert story.resource.deliver(delete).ok
    assert story.resource.deliver(delete).ok
    assert (story.state, world.ledger_items) == (state, {})


def test_the_events_of_an_association_expire_a_day_after_the_latest_one(world: World) -> None:
    """Lambda keeps an asynchronous event for six hours at most."""
    of_a_deleted_association(world, "Update")
    (remembered,) = (item for (kind, _), item in world.dynamodb.items.items() if kind == "events")
    assert int(remembered["ExpiresAt"]["N"]) == pytest.approx(world.clock() + 24 * 3600, abs=10)
