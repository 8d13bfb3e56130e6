"""A message by which people let paused changes go on is not lost, whatever else comes with it."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.simulator.driver import Resource, World
from tests.simulator.dynamodb import TRANSACT
from tests.simulator.ec2 import DESCRIBE_ASSOCIATIONS
from tests.simulator.enforcement import REPAIR, Enforcement
from tests.simulator.errors import AwsError

WEB, TAGS = {"app": "web"}, {"app": ["web"]}
LIMIT = 5
"""Changes of a kind in an hour."""


class Paused:
    """An association that has given the profile to as many late arrivals as it may, and waits for people."""

    def __init__(self) -> None:
        self.world = World()
        self.resource, self.enforcement = Resource(self.world), Enforcement(self.world)
        self.world.instances(20, tags=WEB)
        given: Mapping[str, Any] = {"tags": TAGS, "enforcement": REPAIR, "replaces": [self.world.old]}
        assert self.resource.create(self.world.properties(**given)).ok
        self.late = self.world.instances(25)
        for id_ in self.late:
            self.world.fleet.set_tags(id_, app="web")
        self.enforcement.run(60)
        assert self.given == LIMIT

    @property
    def given(self) -> int:
        return self.world.carried(*self.late).count("Web")

    def resume(self) -> None:
        self.enforcement.sweep(Association=self.resource.association, Resume=True)
        self.world.clock.sleep(0.5)


def an_event(it: Paused) -> None:
    it.world.fleet.set_tags(it.late[-1], extra="x")
    it.world.clock.sleep(2)


def a_sweep(it: Paused) -> None:
    it.enforcement.sweep()


@pytest.mark.parametrize("younger", [an_event, a_sweep])
def test_a_resume_that_comes_with_a_younger_message_while_another_one_looks_counts(
    younger: Callable[[Paused], None],
) -> None:
    it = Paused()

    def come() -> None:
        it.resume()
        younger(it)
        it.enforcement.invoke()

    it.world.traffic.meanwhile(DESCRIBE_ASSOCIATIONS, come)
    it.enforcement.queue.messages.clear()
    it.enforcement.sweep(Association=it.resource.association)
    it.enforcement.invoke()
    it.enforcement.run(600)
    assert it.given == 2 * LIMIT


def test_a_resume_that_comes_with_a_younger_message_counts_although_the_look_fails_at_first() -> None:
    it = Paused()
    it.resume()
    a_sweep(it)
    it.world.traffic.fail(TRANSACT, AwsError("InternalServerError", "not now", 500), times=3)
    it.enforcement.run(600)
    assert it.given == 2 * LIMIT


def test_a_resume_counts_once_although_its_message_comes_again() -> None:
    it = Paused()
    it.resume()
    a_sweep(it)
    for _ in range(4):
        it.enforcement.run(600)
    assert it.given == 2 * LIMIT


def test_a_sweep_of_one_association_is_made_although_another_one_looks() -> None:
    it = Paused()
    sent: list[float] = []

    def come() -> None:
        it.world.clock.sleep(0.5)
        sent.append(it.world.clock())
        it.enforcement.sweep(Association=it.resource.association)
        it.enforcement.invoke()

    it.world.traffic.meanwhile(DESCRIBE_ASSOCIATIONS, come)
    it.world.fleet.set_tags(it.late[-1], extra="x")
    it.enforcement.run(60)
    assert it.world.ledger.enforcement.state(it.resource.association).swept_at >= sent[0]


def test_a_resume_of_one_association_that_comes_again_does_not_resume_another_one() -> None:
    it = Paused()
    other = Resource(it.world, "Other")
    it.world.instance(tags={"app": "api"})
    profile = it.world.fleet.add_profile("Other")
    assert other.create(it.world.properties(tags={"app": ["api"]}, enforcement=REPAIR, profile=profile)).ok
    it.world.fleet.set_tags(it.late[0], app=None)  # the first association looks again in a minute
    it.enforcement.run(30)
    it.enforcement.sweep(Association=other.association, Resume=True)
    it.enforcement.queue.messages[-1].receives = 1
    it.enforcement.run(30)
    assert it.world.ledger.enforcement.state(other.association).resumed_at > 0
    assert it.world.ledger.enforcement.state(it.resource.association).resumed_at == 0
