"""An instance leaves one association and joins another one in the same deployment. CloudFormation runs both Updates at
the same time, in any order."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.runtime.interleaving import finish_into
from tests.simulator.driver import Resource, Result, World
from tests.simulator.dynamodb import BATCH_GET, QUERY, TRANSACT
from tests.simulator.ec2 import DESCRIBE_ASSOCIATIONS, DESCRIBE_INSTANCES

ACTIONS = (BATCH_GET, DESCRIBE_ASSOCIATIONS, QUERY, TRANSACT)
"""A call that changes an instance is not among them: it takes effect within seconds, and the other association waits
for a minute before it believes what EC2 shows."""


class Move:
    """Two associations of one profile, and an instance that both Updates are about."""

    def __init__(self, previous: str | None) -> None:
        self.world = World()
        self._replaces = [self.world.old]
        self.moved = self.world.instance(self.world.old if previous else None)
        first, second = self.world.instances(2)
        self.leaving = Resource(self.world, "Leaving")
        self.joining = Resource(self.world, "Joining")
        assert self.leaving.create(self.targets(self.moved, first)).ok
        assert self.joining.create(self.targets(second)).ok
        self.world.clock.sleep(3600)
        updates = [
            (self.leaving, self.leaving.event("Update", self.targets(first), self.leaving.properties)),
            (self.joining, self.joining.event("Update", self.targets(second, self.moved), self.joining.properties)),
        ]
        self.begun = [(resource, resource.begin(event)) for resource, event in updates]
        self.joining.properties = self.targets(second, self.moved)

    def targets(self, *ids: str) -> dict[str, Any]:
        return self.world.properties(ids, replaces=self._replaces)


@pytest.mark.parametrize("previous", ["Old", None])
@pytest.mark.parametrize("joins_first", [True, False])
def test_both_associations_succeed_and_the_instance_carries_the_profile(
    previous: str | None, joins_first: bool
) -> None:
    calls = list(_calls_of_the_first(previous, joins_first=joins_first))
    assert len(calls) > 4
    for action, nth in calls:
        move, results = Move(previous), list[Result]()
        (outer, event), other = reversed(move.begun) if joins_first else move.begun
        move.world.traffic.meanwhile(action, partial(finish_into, results, *other), nth=nth)
        results.append(outer.finish(event))

        assert [one.ok for one in results] == [True, True], (action, nth, results)
        assert move.world.carried(move.moved) == ["Web"], (action, nth)
        assert move.joining.records()[move.moved].previous == (move.world.old if previous else None), (action, nth)
        assert move.moved not in move.leaving.records(), (action, nth)


@pytest.mark.parametrize("call", [BATCH_GET, DESCRIBE_ASSOCIATIONS, DESCRIBE_INSTANCES, TRANSACT])
def test_a_profile_of_another_association_is_never_taken_for_the_previous_one(world: World, call: str) -> None:
    target = world.instance(world.old)
    web2 = world.own_profile("Web2")
    first, second = Resource(world, "First"), Resource(world, "Second")
    first.properties = world.properties([target], replaces=[world.old, web2])
    second.properties = world.properties([target], profile=web2, replaces=[world.old])
    outer, inner = (one.begin(one.event("Create", one.properties)) for one in (first, second))
    results: list[Result] = []
    world.traffic.meanwhile(call, partial(finish_into, results, second, inner))
    results.append(first.finish(outer))

    assert all(one.ok for one in results), results
    assert first.records()[target].previous == world.old
    assert second.delete().ok
    assert first.delete().ok
    assert world.carried(target) == ["Old"]
    assert world.ledger_items == {}


def _calls_of_the_first(previous: str | None, *, joins_first: bool) -> Iterator[tuple[str, int]]:
    """Every call that the first Update makes when the other one does not run yet."""
    move = Move(previous)
    (resource, event), _ = reversed(move.begun) if joins_first else move.begun
    before = move.world.traffic.counts
    assert resource.finish(event).ok
    made = move.world.traffic.counts - before
    return ((action, nth) for action in ACTIONS for nth in range(1, made[action] + 1))
