"""Rollbacks in which EC2 refuses single instances. Design 5.3: in a rollback nothing blocks. So it restores every other
instance first, and fails only if one is left that must not stay as it is."""

from typing import Any

import pytest

from tests.simulator.cloudformation import DESCRIBE_STACKS, Status
from tests.simulator.driver import Resource, Result, World
from tests.simulator.ec2 import ASSOCIATE, DISASSOCIATE, REPLACE
from tests.simulator.stack import CloudFormationStack, Operation


class Story:
    """An Update of this association has succeeded. It is rolled back because another resource has failed."""

    def __init__(self, world: World, before: dict[str, Any], after: dict[str, Any]) -> None:
        self.world, self.resource = world, Resource(world)
        self.before, self.after = before, after
        assert self.resource.create(before).ok
        assert self.resource.deliver(self.resource.event("Update", after, before)).ok
        world.clock.sleep(60)

    def roll_back(self) -> Result:
        self.world.stack_status = Status.ROLLING_BACK
        return self.resource.deliver(self.resource.event("Update", self.before, self.after))


def moved(world: World, ids: list[str]) -> Story:
    """All targets were moved to another profile."""
    return Story(world, world.properties(ids), world.properties(ids, profile=world.own_profile("Web2")))


@pytest.mark.parametrize("state", ["running", "stopped"])
@pytest.mark.parametrize("refused", [0, 7])
def test_a_rollback_restores_all_targets_but_the_one_that_ec2_refuses(world: World, state: str, refused: int) -> None:
    ids = world.instances(20, state=state)
    story = moved(world, ids)
    world.refuse(REPLACE if state == "running" else DISASSOCIATE, ids[refused])
    result = story.roll_back()

    assert world.carried(*ids) == ["Web2" if id_ == ids[refused] else "Web" for id_ in ids]
    assert not result.ok
    assert ids[refused] in result.reason
    assert not any(id_ in result.reason for id_ in ids if id_ != ids[refused])


@pytest.mark.parametrize("refused", [0, 7])
def test_a_rollback_takes_back_all_added_targets_but_the_one_that_ec2_refuses(world: World, refused: int) -> None:
    kept, added = world.instance(), world.instances(20)
    story = Story(world, world.properties([kept]), world.properties([kept, *added]))
    world.refuse(DISASSOCIATE, added[refused])
    result = story.roll_back()

    assert world.carried(kept, *added) == ["Web", *("Web" if id_ == added[refused] else None for id_ in added)]
    assert not result.ok
    assert "to disassociate Web was refused" in result.reason


def test_a_rollback_that_is_continued_restores_what_the_first_one_could_not(world: World) -> None:
    ids = world.instances(20)
    story = moved(world, ids)
    world.refuse(REPLACE, ids[0])
    assert not story.roll_back().ok
    world.traffic.faults.clear()
    world.clock.sleep(600)
    result = story.roll_back()

    assert result.ok, result.reason
    assert world.carried(*ids) == ["Web"] * 20


def test_a_rollback_that_fails_names_only_the_instances_that_must_not_stay_as_they_are(world: World) -> None:
    """The bare target carries nothing of the association, so it may stay without a profile."""
    moved_target, bare = world.instances(2)
    story = Story(
        world,
        world.properties([moved_target, bare]),
        world.properties([moved_target, bare], profile=world.own_profile("Web2")),
    )
    world.fleet.set_carried(bare, None)
    world.clock.sleep(60)
    world.refuse(ASSOCIATE, bare)
    world.refuse(REPLACE, moved_target)
    result = story.roll_back()

    assert not result.ok
    assert moved_target in result.reason
    assert bare not in result.reason


def test_a_rollback_that_ec2_refuses_for_every_target_fails_and_names_them(world: World) -> None:
    ids = world.instances(5)
    story = moved(world, ids)
    for id_ in ids:
        world.refuse(REPLACE, id_)
    result = story.roll_back()

    assert not result.ok
    assert all(id_ in result.reason for id_ in ids)
    assert world.carried(*ids) == ["Web2"] * 5


# The wanted profile does not exist any more


def missing_after(world: World, properties: dict[str, Any], update: dict[str, Any], profile: str) -> Operation:
    """What becomes of an Update after which somebody deletes a profile, and that another resource lets fail."""
    stack = CloudFormationStack(world)
    assert stack.create({"Association": properties}).summary == [("Create", Status.CREATING, True)]
    world.traffic.meanwhile(DESCRIBE_STACKS, lambda: world.fleet.delete_profile(profile), nth=2)
    return stack.update({"Association": update}, fails_in=stack, after=60)


def test_a_rollback_succeeds_if_no_target_needs_the_wanted_profile_that_was_deleted(world: World) -> None:
    kept, added = world.instances(2)
    imported = world.fleet.add_profile("Imported")
    before, after = (world.properties(ids, profile=imported) for ids in ([kept], [kept, added]))
    operation = missing_after(world, before, after, imported)

    assert [ok for _, _, ok in operation.summary] == [True, True]
    assert world.carried(kept, added) == ["Imported", None]


def test_a_rollback_takes_added_targets_back_before_it_fails_for_a_wanted_profile_that_was_deleted(
    world: World,
) -> None:
    moved_target, added = world.instances(2)
    first, second = (world.fleet.add_profile(name) for name in ("First", "Second"))
    before = world.properties([moved_target], profile=first, replaces=[second])
    after = world.properties([moved_target, added], profile=second, replaces=[first])
    operation = missing_after(world, before, after, first)
    reason = operation.events[1].result.reason

    assert [ok for _, _, ok in operation.summary] == [True, False]
    assert world.carried(moved_target, added) == ["Second", None]
    assert f"instance {moved_target} can't get instance profile First, which does not exist" in reason
    assert added not in reason
    assert world.traffic.count(REPLACE) == 1, "the one of the Update"


def test_a_rollback_leaves_a_bare_target_without_a_wanted_profile_that_was_deleted(world: World) -> None:
    bare, moved_target = world.instances(2)
    first, second = (world.fleet.add_profile(name) for name in ("First", "Second"))
    before = world.properties([bare], profile=first)
    after = world.properties([moved_target], profile=second)
    operation = missing_after(world, before, after, first)

    assert [ok for _, _, ok in operation.summary] == [True, True], operation.events[1].result.reason
    assert world.carried(bare, moved_target) == [None, None]
