"""The figures that the design promises: how many calls, and how long."""

import math
from typing import Any

import pytest

from cdk_instance_role.runtime.association.aws.instances import with_associations
from cdk_instance_role.runtime.association.aws.observe import Observer
from cdk_instance_role.runtime.association.converge import confirmation
from tests.simulator.driver import Resource, World
from tests.simulator.ec2 import DESCRIBE_ASSOCIATIONS, DESCRIBE_INSTANCES, MUTATING

CAPACITY, REFILL = 100, 5.0


@pytest.mark.parametrize(
    ("carries", "state", "calls"),
    [
        (None, "running", 1),
        ("Old", "running", 1),
        ("Web", "running", 0),
        (None, "stopped", 1),
        ("Old", "stopped", 2),
        ("Web", "stopped", 0),
    ],
)
def test_a_target_takes_no_more_changes_than_ec2_needs(
    world: World, resource: Resource, carries: str | None, state: str, calls: int
) -> None:
    arns = {None: None, "Old": world.old, "Web": world.web}
    properties = world.properties(world.instances(25, arns[carries], state=state), replaces=[world.old])
    assert resource.create(properties).ok
    assert world.mutations == 25 * calls
    assert world.traffic.refused(*MUTATING) == []
    assert resource.update(properties | {"TimeoutSeconds": 900}).ok
    assert world.mutations == 25 * calls, "nothing is new"
    assert resource.delete().ok
    assert world.mutations == 2 * 25 * calls, "restoring costs the same"


@pytest.mark.parametrize("count", [1, 190, 191, 400])
@pytest.mark.parametrize("by_tags", [False, True])
def test_an_observation_takes_one_call_of_each_kind_for_190_targets(
    world: World, resource: Resource, count: int, by_tags: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    observations, looks_for_confirmation = _count_observations(monkeypatch)
    targets = world.instances(count, tags={"app": "web"})
    properties = world.properties(tags={"app": ["web"]}) if by_tags else world.properties(targets)
    result = resource.create(properties)
    assert result.ok, result.reason
    most, looks = math.ceil(count / 190), len(observations) + len(looks_for_confirmation)
    assert 0 < world.traffic.counts[DESCRIBE_ASSOCIATIONS] <= most * looks
    assert 0 < world.traffic.counts[DESCRIBE_INSTANCES] <= most * len(observations)
    assert world.mutations == count
    assert world.traffic.counts["GetInstanceProfile"] <= 2


def test_a_thousand_targets_take_no_longer_than_the_token_buckets_require(world: World, resource: Resource) -> None:
    world.fleet.association_seconds = 0.0
    targets = world.instances(1000)
    result = resource.create(world.properties(targets))
    assert result.ok, result.reason
    assert world.carried(*targets) == ["Web"] * 1000
    assert world.traffic.refused(*MUTATING) == []
    assert result.seconds <= (1000 - CAPACITY) / REFILL * 1.05


def test_never_calls_faster_than_the_token_buckets_allow(world: World, resource: Resource) -> None:
    assert resource.create(world.properties(world.instances(300))).ok
    times = sorted(call.at for call in world.traffic.calls if call.action in MUTATING)
    for number, at in enumerate(times):
        since_start = at - times[0]
        assert number + 1 <= CAPACITY + REFILL * since_start, f"call {number} came {since_start} s after the first"


def test_one_target_is_done_by_the_first_invocation(world: World, resource: Resource) -> None:
    world.fleet.association_seconds = 0.0
    result = resource.create(world.properties([world.instance()]))
    assert (result.ok, result.polls, result.seconds) == (True, 1, 0.0)


def test_one_target_waits_for_ec2_only(world: World, resource: Resource) -> None:
    world.fleet.association_seconds = 1.6
    result = resource.create(world.properties([world.instance()]))
    assert (result.ok, result.polls) == (True, 1)
    assert result.seconds <= 4


def test_a_thousand_targets_that_are_right_already_are_done_by_the_first_invocation(
    world: World, resource: Resource
) -> None:
    result = resource.create(world.properties(world.instances(1000, world.web)))
    assert (result.ok, result.polls, world.mutations) == (True, 1, 0)
    # 49 records go into a transaction. Five transactions go out at once, and the copies of the rest, which are in one
    # partition, at 500 a second: (1,000 - 5 x 49) / 500.
    assert result.seconds == pytest.approx(1.51, abs=0.1), "as fast as the ledger takes them"


def _count_observations(monkeypatch: pytest.MonkeyPatch) -> tuple[list[None], list[None]]:
    """The looks at everything, and the looks at what EC2 has not confirmed."""
    observations: list[None] = []
    looks_for_confirmation: list[None] = []
    observe = Observer.find

    def counted(self: Observer, *arguments: Any) -> Any:
        observations.append(None)
        return observe(self, *arguments)

    def counted_too(*arguments: Any) -> Any:
        looks_for_confirmation.append(None)
        return with_associations(*arguments)

    monkeypatch.setattr(Observer, "find", counted)
    monkeypatch.setattr(confirmation, "with_associations", counted_too)
    return observations, looks_for_confirmation
