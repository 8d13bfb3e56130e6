"""Rollbacks of an association whose instance belongs to another one as well. A rollback restores what was there: the
instance carries the profile of the association that has given it its profile last, before the failed update."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.runtime.kill_points import kill_points
from tests.simulator.copies import copied
from tests.simulator.driver import World
from tests.simulator.ec2 import REPLACE
from tests.simulator.errors import throttled
from tests.simulator.stack import CloudFormationStack

Change = Callable[["Pair"], dict[str, Any]]


class Pair:
    """Base gives Web to two instances, and Special gives Ops to the first one. The later one has it."""

    def __init__(self, world: World, *, state: str = "running", any_profile: bool = True) -> None:
        self.world, self.stack = world, CloudFormationStack(world)
        self.shared, self.other = world.instances(2, state=state)
        self.ops = world.fleet.add_profile("Ops", path="/cdk-instance-role/S/ffffffff/")
        self.web2 = world.own_profile("Web2")
        self.replaces: Any = "*" if any_profile else [self.ops]
        special = world.properties([self.shared], profile=self.ops, replaces=[world.web, self.web2, world.old])
        self.template = {"Base": self.base([self.shared, self.other]), "Special": special}

    def base(self, ids: list[str], profile: str | None = None) -> dict[str, Any]:
        return self.world.properties(ids, profile=profile or self.world.web, replaces=self.replaces)

    def create(self, *order: str) -> None:
        template: dict[str, Any] = {}
        for name in order:
            template = {**template, name: self.template[name]}
            deploy = self.stack.update if self.stack.resources else self.stack.create
            assert all(ok for _, _, ok in deploy(template).summary)
            self.world.clock.sleep(600)

    def fail(self, **changed: dict[str, Any]) -> None:
        """An update that another resource lets fail."""
        operation = self.stack.update({**self.template, **changed}, fails_in=self.stack)
        assert all(ok for _, _, ok in operation.summary), [event.result.reason for event in operation.events]
        self.world.clock.sleep(600)

    def delete(self, name: str) -> None:
        template = {other: properties for other, properties in self.template.items() if other != name}
        assert all(ok for _, _, ok in self.stack.update(template).summary)

    @property
    def carried(self) -> list[str | None]:
        return self.world.carried(self.shared, self.other)


def leaves(pair: Pair) -> dict[str, Any]:
    """Base no longer selects the shared instance."""
    return pair.base([pair.other])


def moves(pair: Pair) -> dict[str, Any]:
    """Base gives its instances another profile, and takes the shared one from Special."""
    return pair.base([pair.shared, pair.other], pair.web2)


changes = pytest.mark.parametrize("change", [leaves, moves], ids=["leaves", "moves"])
states = pytest.mark.parametrize("state", ["running", "stopped"])


@changes
@states
@pytest.mark.parametrize("any_profile", [True, False])
def test_a_rollback_leaves_an_instance_to_the_association_that_had_it(
    world: World, change: Change, state: str, any_profile: bool
) -> None:
    pair = Pair(world, state=state, any_profile=any_profile)
    pair.create("Base", "Special")
    pair.fail(Base=change(pair))

    assert pair.carried == ["Ops", "Web"]
    pair.delete("Special")
    assert pair.carried == ["Web", "Web"]


@changes
def test_a_rollback_gives_an_instance_back_to_the_association_that_is_rolled_back(world: World, change: Change) -> None:
    pair = Pair(world)
    pair.create("Special", "Base")
    assert pair.carried == ["Web", "Web"]
    pair.fail(Base=change(pair))

    assert pair.carried == ["Web", "Web"]
    pair.delete("Base")
    assert pair.carried == ["Ops", None]


@pytest.mark.parametrize("gone", [["Base", "Special"], ["Special", "Base"]])
@changes
def test_an_instance_gets_its_original_profile_once_both_associations_are_gone(
    world: World, change: Change, gone: list[str]
) -> None:
    pair = Pair(world)
    world.fleet.set_carried(pair.shared, world.old)
    pair.create("Base", "Special")
    pair.fail(Base=change(pair))
    pair.delete(gone[0])
    assert pair.stack.delete().summary[0][2]

    assert pair.carried == ["Old", None]
    assert world.ledger_items == {}


def test_a_rollback_returns_an_instance_that_the_update_had_moved_to_the_other_association(world: World) -> None:
    pair = Pair(world)
    special = pair.template["Special"]
    pair.template["Special"] = {**special, "InstanceIds": world.instances(1)}
    pair.create("Base", "Special")
    pair.fail(Base=leaves(pair), Special=special)

    assert pair.carried == ["Web", "Web"]


def test_a_rollback_gives_a_profile_back_although_ec2_throttles_at_first(world: World) -> None:
    pair = Pair(world)
    pair.create("Base", "Special")
    world.traffic.fail(REPLACE, throttled(), times=3, skip=2)
    pair.fail(Base=moves(pair))

    assert pair.carried == ["Ops", "Web"]


@states
@changes
def test_a_rollback_ends_the_same_wherever_an_invocation_is_killed(state: str, change: Change) -> None:
    beginning = Pair(World(), state=state)
    beginning.create("Base", "Special")
    undisturbed = copied(beginning)
    kill_switch = undisturbed.world.traffic.kill_switch
    first = len(kill_switch.points)
    undisturbed.fail(Base=change(undisturbed))
    for number, point in kill_points(kill_switch, first):
        pair = copied(beginning)
        pair.world.traffic.kill_switch.kill_at = first + number
        pair.fail(Base=change(pair))
        assert pair.carried == ["Ops", "Web"], f"killed {point}, {number}"
        pair.delete("Special")
        assert pair.carried == ["Web", "Web"], f"killed {point}, {number}"
