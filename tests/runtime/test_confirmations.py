"""Waiting for EC2's confirmations: what is read meanwhile, how often, and what ends it."""

import itertools
from collections.abc import Iterator

from tests.runtime.rollouts import WATCHED
from tests.simulator.driver import Resource, World
from tests.simulator.ec2 import DESCRIBE_ASSOCIATIONS, DESCRIBE_INSTANCES
from tests.simulator.fleet import as_seen_on_aws


def asked_for(world: World, action: str) -> Iterator[int]:
    """How many instances each call was about."""
    for call in world.traffic.calls:
        if call.action == action:
            yield sum(len(criterion["Value"]) for criterion in call.parameters["Filter"])


def test_asks_only_for_the_associations_that_ec2_has_not_confirmed(world: World, resource: Resource) -> None:
    world.fleet.association_seconds = iter([*[2.0] * 9, 25.0]).__next__
    assert resource.create(world.properties(world.instances(10))).ok
    asked = list(asked_for(world, DESCRIBE_ASSOCIATIONS))
    assert asked.count(1) > 10, "the last one"
    assert world.traffic.count(DESCRIBE_INSTANCES) <= 4, "before, after, and hardly in between"


def test_notices_confirmations_soon_and_with_few_calls(world: World, resource: Resource) -> None:
    world.fleet.association_seconds = as_seen_on_aws(3)
    result = resource.create(world.properties(world.instances(100)))
    assert result.ok, result.reason
    rows = (row for rows in world.fleet.rows.values() for row in rows)
    slowest = max(row.takes for row in rows)
    assert slowest <= result.seconds <= 1.05 * slowest + 1
    assert world.traffic.count(DESCRIBE_ASSOCIATIONS, DESCRIBE_INSTANCES) <= 40


def test_observes_everything_now_and_then(world: World, resource: Resource) -> None:
    world.fleet.association_seconds = 120.0
    assert resource.create(world.properties(world.instances(3))).ok
    times = [call.at for call in world.traffic.calls if call.action == DESCRIBE_INSTANCES]
    assert max(after - before for before, after in itertools.pairwise(times)) <= 31


def test_notices_at_once_what_somebody_else_does_to_an_association(world: World, resource: Resource) -> None:
    world.fleet.association_seconds = 100.0
    first, *_ = targets = world.instances(3)
    event = resource.begin(resource.event("Create", world.properties(targets)))
    began = world.clock()
    world.traffic.meanwhile(DESCRIBE_ASSOCIATIONS, lambda: world.fleet.set_carried(first, world.foreign), nth=6)
    result = resource.finish(event)
    assert not result.ok
    assert f"instance {first} (running) carries instance profile Foreign" in result.reason
    noticed = next(call for call in world.traffic.calls if call.action == "DisassociateIamInstanceProfile")
    assert noticed.at - began < 15


def test_watches_the_alarms_of_a_rollout_meanwhile(world: World, resource: Resource) -> None:
    world.cloudwatch.alarms = {"Errors": "OK", "Latency": "OK"}
    world.fleet.association_seconds = 100.0
    properties = world.properties(world.instances(10), rollout=WATCHED, timeout=3600)
    event = resource.begin(resource.event("Create", properties))
    alarmed_at: list[float] = []

    def go_off() -> None:
        world.cloudwatch.alarms["Errors"] = "ALARM"
        alarmed_at.append(world.clock())

    world.traffic.meanwhile(DESCRIBE_ASSOCIATIONS, go_off, nth=12)
    result = resource.finish(event)
    assert "alarm Errors is in ALARM" in result.reason
    undone = next(call for call in world.traffic.calls if call.action == "DisassociateIamInstanceProfile")
    assert undone.at - alarmed_at[0] <= 6


def test_ends_its_slice_while_it_waits_for_late_confirmations(world: World, resource: Resource) -> None:
    """A slice ends also while only confirmations are waited for."""
    world.fleet.association_seconds = 170.0
    targets = world.instances(2, world.old)
    result = resource.create(world.properties(targets, replaces=[world.old], timeout=900))
    assert result.ok, result.reason
    assert 170 <= result.seconds < 180
