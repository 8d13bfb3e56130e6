"""The metrics of enforcement: what each look writes, and when."""

import json
from collections.abc import Mapping

import pytest

from tests.simulator.driver import Resource, World
from tests.simulator.enforcement import REPAIR, REPORT, Enforcement
from tests.simulator.errors import AwsError
from tests.simulator.event_bus import PUT_EVENTS

WEB, TAGS = {"app": "web"}, {"app": ["web"]}
OF_ENFORCEMENT = ("Drifted", "Repaired", "LateArrivals", "EnforcementLag")
WAITING = 7.0
Values = Mapping[str, float]


@pytest.fixture
def enforcement(world: World) -> Enforcement:
    enforcement = Enforcement(world)
    enforcement.events.lost = 1.0  # only sweeps look, one at a time
    return enforcement


def deploy(world: World, resource: Resource, count: int, mode: Mapping[str, str]) -> list[str]:
    targets = world.instances(count, tags=WEB)
    assert resource.create(world.properties(tags=TAGS, enforcement=dict(mode))).ok
    return targets


def tag_new(world: World, count: int) -> None:
    """Let this many instances match the selection from now on."""
    for id_ in world.instances(count):
        world.fleet.set_tags(id_, app="web")


def look(enforcement: Enforcement, capsys: pytest.CaptureFixture[str]) -> Values:
    """The metrics of enforcement that the next sweep writes, whose message waits for seven seconds."""
    enforcement.world.clock.sleep(900)
    enforcement.sweep()
    enforcement.world.clock.sleep(WAITING)
    return written(enforcement, capsys)


def written(enforcement: Enforcement, capsys: pytest.CaptureFixture[str]) -> Values:
    """The metrics of enforcement that the next invocation writes."""
    capsys.readouterr()
    enforcement.invoke()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    return {name: line[name] for line in lines for name in OF_ENFORCEMENT if name in line}


def test_a_look_at_a_fleet_that_is_right_writes_no_metric(
    world: World, resource: Resource, enforcement: Enforcement, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(world, resource, 3, REPAIR)
    assert look(enforcement, capsys) == {}


def test_late_arrivals_that_get_the_profile_are_counted_with_the_seconds_since_the_message(
    world: World, resource: Resource, enforcement: Enforcement, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(world, resource, 3, REPAIR)
    tag_new(world, 2)
    found = look(enforcement, capsys)
    assert (found["Repaired"], found["LateArrivals"]) == (2, 2)
    assert WAITING <= found["EnforcementLag"] < WAITING + 20, "a slice is 20 s"


def test_a_target_that_lost_its_profile_is_repaired_and_is_no_late_arrival(
    world: World, resource: Resource, enforcement: Enforcement, capsys: pytest.CaptureFixture[str]
) -> None:
    first, *_ = deploy(world, resource, 3, REPAIR)
    world.fleet.set_carried(first, None)
    found = look(enforcement, capsys)
    assert found["Repaired"] == 1
    assert "LateArrivals" not in found


def test_a_report_counts_a_late_arrival_once_and_its_drift_with_each_look(
    world: World, resource: Resource, enforcement: Enforcement, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(world, resource, 3, REPORT)
    tag_new(world, 2)
    assert look(enforcement, capsys) == {"Drifted": 2, "LateArrivals": 2}
    assert look(enforcement, capsys) == {"Drifted": 2}


def test_instances_that_a_pause_holds_back_count_as_drifted(
    world: World, resource: Resource, enforcement: Enforcement, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(world, resource, 20, REPAIR)
    tag_new(world, 30)
    look(enforcement, capsys)
    assert look(enforcement, capsys)["Drifted"] == 30 - 5, "the limit is 10 %, and no less than 5"


def test_an_instance_that_is_held_back_counts_once_although_its_drift_is_noted_already(
    world: World, resource: Resource, enforcement: Enforcement, capsys: pytest.CaptureFixture[str]
) -> None:
    first, *_ = deploy(world, resource, 20, REPAIR)
    world.traffic.fail(PUT_EVENTS, AwsError("InternalException", "down"), times=10**6)
    world.fleet.set_carried(first, world.foreign)
    assert look(enforcement, capsys) == {"Drifted": 1}, "a conflict, and no event could be sent about it"
    tag_new(world, 30)
    look(enforcement, capsys)
    world.fleet.set_carried(first, None)
    assert look(enforcement, capsys)["Drifted"] == 25 + 1


def test_the_lag_of_an_instance_that_a_message_about_another_one_finds_is_not_that_of_the_message(
    world: World, resource: Resource, enforcement: Enforcement, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(world, resource, 3, REPAIR)
    world.clock.sleep(900)
    enforcement.events.lost = 0.0
    world.fleet.launch(tags=WEB)
    world.clock.sleep(1)
    assert written(enforcement, capsys)["EnforcementLag"] < 3
    enforcement.events.lost = 1.0  # the message about the next one is not there yet
    at = enforcement.queue.next_at
    assert at is not None, "the message comes again, to see whether EC2 has confirmed the change"
    world.clock.sleep(at - world.clock.true_time())
    world.fleet.launch(tags=WEB)
    found = written(enforcement, capsys)
    assert found["Repaired"] == 1
    assert "EnforcementLag" not in found
