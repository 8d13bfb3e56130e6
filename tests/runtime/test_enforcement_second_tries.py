"""A change that does not succeed at once: the second try is for the same reason as the first one."""

import json
from collections.abc import Callable

import pytest

from tests.simulator.driver import Resource, World
from tests.simulator.ec2 import ASSOCIATE, REPLACE
from tests.simulator.enforcement import REPAIR, Enforcement
from tests.simulator.errors import AwsError

WEB, TAGS = {"app": "web"}, {"app": ["web"]}
LATE = "carries no instance profile: it was launched or tagged after the deployment"
TRIED = "carries no instance profile: no attempt to give it one has succeeded yet"

TOLERANT = {"First": 1, "Growth": 20, "BakeSeconds": 0, "MaxFailures": "2"}
"""Waves that go on although one or two targets fail."""


@pytest.fixture
def enforcement(world: World) -> Enforcement:
    return Enforcement(world)


def deploy(world: World, resource: Resource, **more: object) -> list[str]:
    targets = world.instances(10, tags=WEB)
    properties = world.properties(tags=TAGS, **{"enforcement": REPAIR, "replaces": "*", **more})  # type: ignore[arg-type]
    assert resource.create(properties).ok
    return targets


def drift(world: World) -> list[tuple[str, str, str]]:
    return [
        (one["state"], one["drift"], one["reason"]) for one in world.aws.event_bus.details("Instance Profile Drift")
    ]


def kinds(world: World) -> set[str]:
    return {kind for _, kind, _ in drift(world)}


def throttled_once(world: World) -> None:
    world.traffic.throttle(REPLACE)


def denied_once(world: World) -> None:
    world.traffic.fail(REPLACE, AwsError("UnauthorizedOperation", "You are not authorized to perform this operation"))


def killed_before_the_call(world: World) -> None:
    switch = world.traffic.kill_switch
    world.traffic.meanwhile(REPLACE, lambda: setattr(switch, "kill_at", len(switch.points)))


@pytest.mark.parametrize("hinders", [throttled_once, denied_once, killed_before_the_call])
def test_where_any_profile_may_be_replaced_a_late_arrival_gets_the_profile_at_the_second_try(
    world: World, resource: Resource, enforcement: Enforcement, hinders: Callable[[World], None]
) -> None:
    deploy(world, resource)
    late = world.instance(world.foreign)
    hinders(world)
    world.fleet.set_tags(late, app="web")
    enforcement.run(1000)
    assert world.traffic.count(REPLACE) == 2
    assert world.carried(late) == ["Web"]
    assert "other-profile" not in kinds(world)


def test_where_any_profile_may_be_replaced_a_target_whose_failure_was_tolerated_gets_the_profile(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    world.instances(9, tags=WEB)
    failing = world.instance(world.foreign, tags=WEB)
    world.refuse(REPLACE, failing)
    assert resource.create(world.properties(tags=TAGS, enforcement=REPAIR, replaces="*", rollout=TOLERANT)).ok
    assert world.carried(failing) == ["Foreign"]
    world.traffic.faults.clear()
    enforcement.run(1000)
    assert world.carried(failing) == ["Web"]
    assert kinds(world) == set()


def test_a_profile_that_somebody_gives_a_late_arrival_between_two_tries_is_a_conflict(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    deploy(world, resource)
    late = world.instance(world.foreign)
    world.refuse(REPLACE, late)
    world.fleet.set_tags(late, app="web")
    enforcement.run(30)
    world.fleet.set_carried(late, world.old)
    enforcement.run(1000)
    assert world.carried(late) == ["Old"]
    assert drift(world)[-1][1:] == ("other-profile", "was given another instance profile after this association")


def test_a_profile_that_somebody_gives_back_before_a_second_repair_is_a_conflict(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    first = world.instance(world.foreign, tags=WEB)
    deploy(world, resource)
    assert world.carried(first) == ["Web"]
    world.fleet.set_carried(first, None)
    world.refuse(ASSOCIATE, first)
    enforcement.run(950)
    world.fleet.set_carried(first, world.foreign)
    enforcement.run(1000)
    assert world.carried(first) == ["Foreign"]
    assert drift(world)[-1][1] == "other-profile"


def test_an_instance_that_is_selected_again_once_it_is_restored_gets_the_profile_again(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    first = world.instance(world.foreign, tags=WEB)
    deploy(world, resource)
    world.fleet.set_tags(first, app=None)
    world.traffic.meanwhile(REPLACE, lambda: world.fleet.set_tags(first, app="web"))
    enforcement.run(1000)
    assert world.carried(first) == ["Web"]
    assert "other-profile" not in kinds(world)


@pytest.mark.parametrize(
    ("code", "reasons"),
    [
        ("RequestLimitExceeded", [LATE, ""]),
        ("UnauthorizedOperation", [LATE, f"{TRIED}: refused, UnauthorizedOperation: not now", ""]),
    ],
)
def test_a_late_arrival_that_needs_a_second_try_is_one_in_the_events_and_in_the_metrics(
    world: World,
    resource: Resource,
    enforcement: Enforcement,
    capsys: pytest.CaptureFixture[str],
    code: str,
    reasons: list[str],
) -> None:
    deploy(world, resource)
    world.traffic.fail(ASSOCIATE, AwsError(code, "not now"))
    late = world.fleet.launch(tags=WEB)
    enforcement.run(300)
    assert world.carried(late) == ["Web"]
    assert [reason for _, _, reason in drift(world)] == reasons
    written = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert [one["LateArrivals"] for one in written if "LateArrivals" in one] == [1]


def test_a_second_try_counts_for_no_repair(world: World, resource: Resource, enforcement: Enforcement) -> None:
    deploy(world, resource)
    world.traffic.throttle(ASSOCIATE)
    late = world.fleet.launch(tags=WEB)
    enforcement.run(300)
    for _ in range(3):  # after three repairs it is contested
        world.fleet.set_carried(late, None)
        enforcement.run(1000)
        assert world.carried(late) == ["Web"]


@pytest.mark.parametrize("carries", [True, False], ids=["which carried the profile before", "which got it"])
def test_a_target_whose_removed_profile_needs_a_second_try_was_repaired_and_is_no_late_arrival(
    world: World,
    resource: Resource,
    enforcement: Enforcement,
    capsys: pytest.CaptureFixture[str],
    carries: bool,
) -> None:
    target = world.instance(world.web if carries else None, tags=WEB)
    deploy(world, resource)
    capsys.readouterr()
    world.fleet.set_carried(target, None)
    world.traffic.fail(ASSOCIATE, AwsError("UnauthorizedOperation", "not now"))
    enforcement.run(1200)
    assert world.carried(target) == ["Web"]
    removed = "carries no instance profile: somebody has disassociated it"
    assert [reason for _, _, reason in drift(world) if reason] == [
        removed,
        f"{removed}: refused, UnauthorizedOperation: not now",
    ]
    assert "LateArrivals" not in capsys.readouterr().out


def test_a_late_arrival_whose_change_was_made_unheard_is_a_target_like_others(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    deploy(world, resource)
    world.traffic.fail(ASSOCIATE, AwsError("InternalError", "no answer", 500), after_effect=True)
    late = world.fleet.launch(tags=WEB)
    enforcement.run(300)
    assert world.carried(late) == ["Web"]
    world.fleet.set_carried(late, None)
    world.refuse(ASSOCIATE, late)
    enforcement.run(1000)
    assert "somebody has disassociated it" in drift(world)[-1][2]


def test_a_look_ends_when_no_call_may_go_out_in_time(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    deploy(world, resource)
    late = [world.fleet.launch(tags=WEB) for _ in range(40)]
    world.ledger.levels.write({ASSOCIATE: -80.0}, world.clock())  # the first call may go out in 16 seconds
    enforcement.invoke()
    assert world.carried(*late) == [None] * 40
    (claimed,) = resource.records().keys() & set(late)
    mine = resource.records()[claimed].mine
    assert mine
    assert mine.latest.error == "there was no time left to call EC2", "otherwise it may have been made"
    enforcement.run(100)
    assert world.carried(*late) == ["Web"] * 40
