"""Swaps of stopped instances: while one is refused, no other instance loses its profile, nor one that was started."""

from collections.abc import Callable
from typing import Any

import pytest

from cdk_instance_role.runtime.association.drift.breaker import ChangeKind
from tests.runtime.test_waves import hide
from tests.simulator.cloudformation import Status
from tests.simulator.driver import Resource, World
from tests.simulator.ec2 import ASSOCIATE, DESCRIBE_INSTANCES, REPLACE
from tests.simulator.enforcement import REPAIR, Enforcement
from tests.simulator.errors import AwsError
from tests.simulator.fleet import ACCOUNT

DENIED = AwsError("UnauthorizedOperation", "You are not authorized to perform this operation.", 403)
FOR_EVER = 10**9


def stopped_fleet(world: World, count: int) -> list[str]:
    """One running instance, and stopped ones, all with the profile Old."""
    return [world.instance(world.old), *(world.instance(world.old, state="stopped") for _ in range(count))]


def peak_of_bare(world: World, *, until: float = float("inf")) -> list[int]:
    """How many instances are without a profile at the same time at most, before a time. Filled while calls are made."""
    peak = [0]
    carry = world.traffic.carry

    def counting(action, parameters, effect, *, writes):  # type: ignore[no-untyped-def]
        answer = carry(action, parameters, effect, writes=writes)
        if world.clock() < until:
            peak[0] = max(peak[0], sum(row is None for row in map(world.fleet.active, world.fleet.instances)))
        return answer

    world.traffic.carry = counting  # type: ignore[method-assign]
    return peak


@pytest.mark.usefixtures("a_tenth")
@pytest.mark.parametrize("count", [3, 12])
def test_a_create_that_may_not_associate_takes_the_profile_off_one_stopped_instance_only(
    world: World, resource: Resource, count: int
) -> None:
    ids = stopped_fleet(world, count)
    peak = peak_of_bare(world)
    world.traffic.fail(ASSOCIATE, DENIED, times=FOR_EVER)
    assert not resource.create(world.properties(ids, replaces=[world.old], timeout=200)).ok
    assert peak == [1]


@pytest.mark.usefixtures("a_tenth")
def test_a_delete_that_may_not_associate_for_a_time_takes_the_profile_off_one_stopped_instance_only(
    world: World, resource: Resource
) -> None:
    ids = stopped_fleet(world, 12)
    assert resource.create(world.properties(ids, replaces=[world.old])).ok
    world.clock.sleep(600)
    allowed_at = world.clock() + 300
    peak = peak_of_bare(world, until=allowed_at)
    world.traffic.fail(ASSOCIATE, DENIED, times=FOR_EVER, when=lambda _: world.clock() < allowed_at)
    assert resource.delete().ok
    assert world.carried(*ids) == ["Old"] * 13
    assert peak == [1]


def test_a_delete_that_may_not_associate_names_the_permission(world: World, resource: Resource) -> None:
    ids = stopped_fleet(world, 6)
    assert resource.create(world.properties(ids, replaces=[world.old], timeout=600)).ok
    world.clock.sleep(600)
    world.traffic.fail(ASSOCIATE, DENIED, times=FOR_EVER)
    deleted = resource.delete()
    assert not deleted.ok
    assert "UnauthorizedOperation" in deleted.reason
    assert world.carried(*ids).count(None) == 1


def test_enforcement_that_may_not_associate_takes_the_profile_off_one_stopped_instance_only(
    world: World, resource: Resource
) -> None:
    enforcement = Enforcement(world)
    properties = world.properties(tags={"app": ["web"]}, replaces=[world.old], enforcement=REPAIR)
    first = world.instance(tags={"app": "web"})
    assert resource.create(properties).ok
    ids = [world.instance(world.old, state="stopped", tags={"app": "web"}) for _ in range(4)]
    peak = peak_of_bare(world)
    fault = world.traffic.fail(ASSOCIATE, DENIED, times=FOR_EVER)
    enforcement.run(1800)
    assert peak == [1]
    fault.times = 0
    enforcement.run(8 * 3600)
    assert world.carried(first, *ids) == ["Web"] * 5


@pytest.mark.usefixtures("a_tenth")
@pytest.mark.parametrize(("count", "position"), [(30, 25), (30, 29)])
def test_an_instance_that_is_started_before_its_swap_is_never_without_a_profile(
    world: World, resource: Resource, count: int, position: int
) -> None:
    ids = [world.instance(world.old, state="stopped") for _ in range(count)]
    now = world.clock()
    started = world.fleet.instances[ids[position]]
    started.later = [(now + 5, "pending"), (now + 13, "running")]
    assert resource.create(world.properties(ids, replaces=[world.old])).ok
    assert world.carried(*ids) == ["Web"] * count
    assert world.fleet.bared == []


@pytest.mark.usefixtures("a_tenth")
def test_the_second_half_of_a_swap_does_not_wait_for_others(world: World, resource: Resource) -> None:
    """Instances that are started between the two halves run without a profile until the second one."""
    ids = [world.instance(world.old, state="stopped") for _ in range(50)]
    half, gaps = dict[str, float](), list[float]()
    begin, end = world.fleet.begin, world.fleet.end

    def noting_begin(instance_id, arn, since=None):  # type: ignore[no-untyped-def]
        if instance_id in half:
            gaps.append(world.clock() - half.pop(instance_id))
        return begin(instance_id, arn, since)

    def noting_end(row):  # type: ignore[no-untyped-def]
        half[row.instance_id] = world.clock()
        return end(row)

    world.fleet.begin, world.fleet.end = noting_begin, noting_end  # type: ignore[method-assign]
    assert resource.create(world.properties(ids, replaces=[world.old])).ok
    assert len(gaps) == 50
    assert max(gaps) < 10


# No instance keeps the others from being tried


def may_not_pass(role: str) -> AwsError:
    resource = f"arn:aws:iam::{ACCOUNT}:role/{role}"
    text = f"You are not authorized to perform: iam:PassRole on resource: {resource}"
    return AwsError("UnauthorizedOperation", text, 403)


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_a_delete_restores_all_but_the_one_instance_for_which_it_is_denied(
    world: World, resource: Resource, state: str
) -> None:
    special = world.fleet.add_profile("Special")
    ids = [world.instance(special, state=state), *(world.instance(world.old, state=state) for _ in range(20))]
    assert resource.create(world.properties(ids, replaces=[world.old, special], timeout=600)).ok
    world.clock.sleep(600)
    about = {"when": lambda parameters: special in str(parameters)}
    for action in (REPLACE, ASSOCIATE):
        world.traffic.fail(action, may_not_pass("Special"), times=FOR_EVER, **about)
    assert not resource.delete().ok
    assert world.carried(*ids) == ["Web"] + ["Old"] * 20


def test_a_rollback_restores_all_but_the_one_instance_for_which_ec2_does_not_answer(
    world: World, resource: Resource
) -> None:
    ids = world.instances(21, world.old)
    before = world.properties(ids, replaces=[world.old], timeout=600)
    assert resource.create(before).ok
    after = world.properties(ids, profile=world.own_profile("Web2"), replaces=[world.old], timeout=600)
    assert resource.update(after).ok
    row = world.fleet.active(ids[0])
    assert row
    unanswered = AwsError("InternalError", "An internal error has occurred", 500)
    world.traffic.fail(REPLACE, unanswered, times=FOR_EVER, when=lambda parameters: row.id in str(parameters))
    world.stack_status = Status.ROLLING_BACK
    assert not resource.deliver(resource.event("Update", before, after)).ok
    assert world.carried(*ids) == ["Web2"] + ["Web"] * 20


@pytest.mark.usefixtures("a_tenth")
def test_a_rollback_goes_on_while_a_stopped_instance_can_get_no_profile_at_all(
    world: World, resource: Resource
) -> None:
    ops = world.fleet.add_profile("Ops")
    stopped = world.instance(world.old, state="stopped")
    ids = [*world.instances(15, world.old), stopped]
    before = world.properties(ids, replaces=[world.old], timeout=600)
    assert resource.create(before).ok
    after = world.properties(ids, profile=ops, replaces=[world.old, world.web], timeout=600)
    assert resource.update(after).ok
    about = {"when": lambda parameters: stopped in str(parameters)}
    world.traffic.fail(ASSOCIATE, DENIED, times=FOR_EVER, **about)
    world.stack_status = Status.ROLLING_BACK
    resource.deliver(resource.event("Update", before, after))
    assert world.carried(*ids[:-1]) == ["Web"] * 15


def test_the_swap_that_took_the_profile_away_counts_as_a_change_of_enforcement(
    world: World, resource: Resource
) -> None:
    enforcement = Enforcement(world)
    properties = world.properties(
        tags={"app": ["web"]}, replaces=[world.old], enforcement={**REPAIR, "MaxChanges": "5"}
    )
    world.instance(tags={"app": "web"})
    assert resource.create(properties).ok
    world.traffic.fail(ASSOCIATE, DENIED, times=FOR_EVER)
    late = world.instance(world.old, state="stopped", tags={"app": "web"})
    enforcement.run(1000)
    state = world.ledger.enforcement.state(resource.association)
    assert world.carried(late) == [None]
    assert state.used(ChangeKind.TAKING) == 1


UNKNOWN_PROFILE = AwsError("InvalidParameterValue", "Invalid IAM Instance Profile name")
"""EC2 does not know the profile yet, so the second half of a swap is tried again."""


def untagged_between_two_halves(
    world: World, resource: Resource, then: Callable[[str], None], **more: Any
) -> tuple[str, dict[str, Any]]:
    """A stopped target that loses its tags between the two halves of its swap, and the operation.

    Args:
        world: the simulated account.
        resource: the association.
        then: what happens at the same time, to a running target that has the profile.
        more: properties.
    """
    running = world.instance(tags={"app": "web"})
    stopped = world.instance(world.old, tags={"app": "web"}, state="stopped")

    def is_tagged(call: dict[str, Any]) -> bool:
        return call.get("InstanceId") == stopped and "app" in world.fleet.instances[stopped].tags

    def untag() -> None:
        assert world.carried(running, stopped) == ["Web", None]
        world.fleet.set_tags(stopped, app=None)
        then(running)

    world.traffic.fail(ASSOCIATE, UNKNOWN_PROFILE, times=FOR_EVER, when=is_tagged)
    world.traffic.meanwhile(DESCRIBE_INSTANCES, untag, nth=8)
    properties = world.properties(tags={"app": ["web"]}, replaces=[world.old], timeout=1200, **more)
    return stopped, resource.begin(resource.event("Create", properties))


def test_an_instance_that_loses_its_tags_in_a_swap_gets_its_profile_back_although_ec2_hides_all_others(
    world: World, resource: Resource
) -> None:
    stopped, event = untagged_between_two_halves(world, resource, lambda running: hide(world, running))
    began = world.clock()
    resource.poll(event)
    assert world.carried(stopped) == ["Old"]
    assert next(call.at for call in reversed(world.traffic.calls) if call.action == ASSOCIATE) - began < 60


def test_an_instance_that_loses_its_tags_in_a_swap_gets_its_profile_back_before_the_last_wave(
    world: World, resource: Resource
) -> None:
    def add_targets(_: str) -> None:
        world.instances(3, tags={"app": "web"})

    rollout = {"First": 2, "Percentages": [100], "BakeSeconds": 300}
    stopped, event = untagged_between_two_halves(world, resource, add_targets, rollout=rollout)
    began = world.clock()
    resource.poll(event)
    assert world.clock() - began < 60
    assert world.carried(stopped) == ["Old"]
    assert resource.finish(event).ok
