"""How a target gets from one profile to another in a rollback. Design 5.3: straight from the carried to the wanted
profile if both are of one role's path, or one lists the other in the old or new properties. Otherwise the target gets
its previous profile first."""

from typing import Any

import pytest

from tests.simulator.cloudformation import Status
from tests.simulator.driver import Resource, World
from tests.simulator.ec2 import ASSOCIATE, DISASSOCIATE, MUTATING, REPLACE

STATES = ["running", "stopped"]
STRAIGHT = ["one path", "listed before", "listed after"]


class Story:
    """An Update moves a target from one profile to another, fails for another target, and is rolled back."""

    def __init__(self, world: World, relation: str, state: str, previous: str | None) -> None:
        self.world, self.resource = world, Resource(world)
        self.target = world.instance(previous, state=state)
        self.accepted, self.refused = world.instances(2)  # the first change goes out alone, and is no swap
        first = world.web if relation == "one path" else world.fleet.add_profile("First")
        second = world.own_profile("Web2") if relation == "one path" else world.fleet.add_profile("Second")
        replaces = [world.old] if previous else []
        self.before = self.properties(first, [*replaces, *([second] if relation == "listed after" else [])])
        self.after = self.properties(second, [*replaces, *([first] if relation == "listed before" else [])])
        self.after["InstanceIds"] += [self.accepted, self.refused]
        self.first, self.second = (arn.rpartition("/")[2] for arn in (first, second))
        self.second_arn = second

    def properties(self, profile: str, replaces: list[str]) -> dict[str, Any]:
        return self.world.properties([self.target], profile=profile, replaces=replaces)

    def roll_back(self) -> list[str]:
        """The calls of the rollback, after an Update that had given the target its profile already."""
        world, resource = self.world, self.resource
        assert resource.create(self.before).ok
        self.fail_half_way()
        world.stack_status = Status.ROLLING_BACK
        before = len(world.traffic.calls)
        result = resource.deliver(resource.event("Update", self.before, self.after))
        assert result.ok, result.reason
        changes = [call for call in world.traffic.calls[before:] if call.action in MUTATING]
        row_ids = {row.id for row in world.fleet.rows[self.target]}
        about = {self.target, *row_ids}
        return [call.action for call in changes if about & {*map(str, call.parameters.values())}]

    def fail_half_way(self) -> None:
        """The target gets the new profile, as far as the rules allow, and then the Update fails."""
        self.world.refuse(ASSOCIATE, self.refused)
        failed = self.resource.deliver(self.resource.event("Update", self.after, self.before))
        assert not failed.ok

    def carried(self) -> list[str | None]:
        return self.world.carried(self.target, self.refused)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("relation", ["one path", "listed before"])
@pytest.mark.parametrize("had_one", [True, False], ids=["had Old", "was bare"])
def test_a_target_gets_its_old_profile_directly(world: World, relation: str, state: str, had_one: bool) -> None:
    story = Story(world, relation, state, world.old if had_one else None)
    calls = story.roll_back()

    assert story.carried() == [story.first, None]
    assert calls == ([REPLACE] if state == "running" else [DISASSOCIATE, ASSOCIATE])


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("had_one", [True, False], ids=["had Old", "was bare"])
def test_a_changed_target_gets_its_old_profile_directly_if_the_old_properties_list_what_it_carries(
    world: World, state: str, had_one: bool
) -> None:
    """The Update could not have moved it. Somebody else had already given it that profile."""
    story = Story(world, "listed after", state, world.old if had_one else None)
    assert story.resource.create(story.before).ok
    world.fleet.set_carried(story.target, story.second_arn)
    world.clock.sleep(60)
    story.fail_half_way()
    world.stack_status = Status.ROLLING_BACK
    result = story.resource.deliver(story.resource.event("Update", story.before, story.after))

    assert result.ok, result.reason
    assert story.carried() == [story.first, None]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("had_one", [True, False], ids=["had Old", "was bare"])
def test_a_target_gets_its_previous_profile_first_if_neither_profile_lists_the_other(
    world: World, state: str, had_one: bool
) -> None:
    """The first configuration left the target alone, and so it does again."""
    story = Story(world, "neither", state, None)
    story.before = {**story.before, "Replaces": [], "OnConflict": "KEEP"}
    previous = world.old if had_one else None
    world.fleet.set_carried(story.target, world.foreign)
    world.clock.sleep(60)
    assert story.resource.create(story.before).ok
    assert story.resource.records() == {}
    world.fleet.set_carried(story.target, previous)
    world.clock.sleep(60)
    story.after = {**story.after, "Replaces": [world.profile_ref(world.old)]}
    story.fail_half_way()
    assert story.carried()[0] == "Second"
    world.stack_status = Status.ROLLING_BACK
    result = story.resource.deliver(story.resource.event("Update", story.before, story.after))

    assert result.ok, result.reason
    assert story.carried() == ["Old" if had_one else "First", None]
    assert story.resource.delete().ok
    assert story.carried() == ["Old" if had_one else None, None]
    assert world.ledger_items == {}
