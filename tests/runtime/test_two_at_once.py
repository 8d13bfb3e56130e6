"""Two that work at the same time: two associations that claim one instance, and two deliveries of one event."""

from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest

from cdk_instance_role.runtime.association.ledger.records import Ledger
from cdk_instance_role.runtime.association.ledger.table import Table
from cdk_instance_role.runtime.association.services import ONE_ATTEMPT, READING
from tests.runtime.interleaving import finish_into
from tests.simulator.clients import Clients
from tests.simulator.driver import Resource, Result, World
from tests.simulator.dynamodb import GET, QUERY, TABLE, TRANSACT, UPDATE
from tests.simulator.ec2 import ASSOCIATE, DESCRIBE_ASSOCIATIONS, DESCRIBE_INSTANCES
from tests.simulator.simulator import Simulator

ACTIONS = (ASSOCIATE, DESCRIBE_ASSOCIATIONS, DESCRIBE_INSTANCES, GET, QUERY, UPDATE, TRANSACT)
ONE_STACK, TWO_STACKS = "one stack", "two stacks"


@dataclass
class Rivals:
    """Two associations with profiles of their own that both want one instance, and each has another one besides."""

    world: World
    elsewhere: World
    """The same AWS, with the ledger that the second association uses."""

    def __post_init__(self) -> None:
        self.contested, self.first_own, self.second_own = self.world.instances(3)
        self.first, self.second = Resource(self.world, "First"), Resource(self.elsewhere, "Second")
        self.web2 = self.world.fleet.add_profile("Web2", path="/cdk-instance-role/InstanceRole-web/ffffffff/")

    def begin(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Both observe the instance while it has no profile, so neither of them sees a conflict."""
        wanted = self.world.properties([self.contested, self.first_own])
        rival = self.world.properties([self.contested, self.second_own], profile=self.web2)
        return (
            self.first.begin(self.first.event("Create", wanted)),
            self.second.begin(self.second.event("Create", rival)),
        )

    def check(self, first: Result, second: Result) -> None:
        """One of them has got the instance, and the other has said so and restored everything."""
        assert first.ok != second.ok, (first.reason, second.reason)
        loser = second if first.ok else first
        winning = "Web" if first.ok else "Web2"
        refusals = [f"carries instance profile {winning}", f"must get instance profile {winning} back later"]
        assert any(f"instance {self.contested} (running) {one}" in loser.reason for one in refusals), loser.reason
        expected = ["Web", "Web", None] if first.ok else ["Web2", None, "Web2"]
        assert self.world.carried(self.contested, self.first_own, self.second_own) == expected
        winner, other = (self.first, self.second) if first.ok else (self.second, self.first)
        assert self.contested in winner.records()
        assert other.records() == {}
        winner.properties = winner.world.properties([self.contested])
        assert winner.delete().ok
        assert self.world.carried(self.contested, self.first_own, self.second_own) == [None] * 3


@pytest.fixture(params=[ONE_STACK, TWO_STACKS])
def stacks(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def rivals(stacks: str) -> Rivals:
    world = World()
    return Rivals(world, world if stacks == ONE_STACK else _with_another_ledger(world))


def test_one_of_two_associations_that_begin_together_gets_the_instance(stacks: str) -> None:
    both = rivals(stacks)
    first, second = both.begin()

    both.check(both.first.finish(first), both.second.finish(second))


def test_one_of_them_gets_it_wherever_the_other_one_interrupts(
    stacks: str, record_property: Callable[[str, object], None]
) -> None:
    places = list(_calls_of_the_first(stacks))
    record_property(f"calls between which a rival came, in {stacks}", len(places))
    assert len(places) > 12
    for action, nth in places:
        both = rivals(stacks)
        first, second = both.begin()
        seconds: list[Result] = []
        both.world.traffic.meanwhile(action, partial(finish_into, seconds, both.second, second), nth=nth)
        result = both.first.finish(first)
        assert seconds, (action, nth)
        both.check(result, seconds[0])


@pytest.mark.parametrize("action", [GET, UPDATE, DESCRIBE_ASSOCIATIONS])
def test_an_event_that_is_delivered_twice_at_once_is_one_operation(
    world: World, resource: Resource, action: str
) -> None:
    target = world.instance(world.old)
    event = resource.event("Create", world.properties([target], replaces=[world.old]))
    answers: list[dict[str, Any]] = []
    world.traffic.meanwhile(action, lambda: answers.append(resource.begin(event)))
    answers.append(resource.begin(event))

    assert answers[0] == answers[1]
    assert all(resource.finish(answer).ok for answer in answers)
    assert world.mutations == 1
    assert resource.records()[target].previous == world.old
    resource.properties = world.properties([target], replaces=[world.old])
    assert resource.delete().ok
    assert world.carried(target) == ["Old"]


def test_two_polls_at_once_change_everything_once(world: World, resource: Resource) -> None:
    targets = world.instances(3)
    event = resource.begin(resource.event("Create", world.properties(targets)))
    answers: list[dict[str, Any]] = []
    for nth in (1, 2, 3):
        world.traffic.meanwhile(ASSOCIATE, lambda: answers.append(resource.poll(event)), nth=nth)

    assert resource.finish(event).ok
    assert answers == [{"IsComplete": False}] * 3
    assert world.mutations == 3
    assert resource.records().keys() == set(targets)


def _calls_of_the_first(stacks: str) -> Iterator[tuple[str, int]]:
    """Every call of the first association without an interruption."""
    both = rivals(stacks)
    first, _ = both.begin()
    before = both.world.traffic.counts
    assert both.first.finish(first).ok
    made = both.world.traffic.counts - before
    return ((action, nth) for action in ACTIONS for nth in range(1, made[action] + 1))


def _with_another_ledger(world: World) -> World:
    """The same EC2 and IAM, with a ledger of its own, as the provider of another stack has."""
    other = copy(world)
    other.aws = Simulator(world.clock)
    table = Table(Clients.of(other.aws, reading=READING, changing=ONE_ATTEMPT).dynamodb, TABLE, sleep=world.clock.sleep)
    other.services = replace(world.services, ledger=Ledger(table))
    other.ledger = other.services.ledger
    return other
