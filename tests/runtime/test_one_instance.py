"""Messages about one instance are in the singular."""

import re

from tests.simulator.driver import Resource, World
from tests.simulator.ec2 import ASSOCIATE, REPLACE
from tests.simulator.enforcement import REPAIR, Enforcement
from tests.simulator.errors import AwsError
from tests.simulator.faults import FOR_EVER

WEB, TAGS = {"app": "web"}, {"app": ["web"]}
DENIED = AwsError("UnauthorizedOperation", "not authorized to perform: ec2:ReplaceIamInstanceProfileAssociation", 403)
PLURAL = re.compile(r"(?<!of )\b1 (instances|targets|waves|changes|calls)\b")


def paused(world: World) -> list[str]:
    return [one["reason"] for one in world.aws.event_bus.details("Enforcement Paused")]


def deployed(world: World, resource: Resource, count: int, max_changes: str) -> list[str]:
    targets = world.instances(count, tags=WEB)
    enforcement = {**REPAIR, "MaxChanges": max_changes}
    given = world.properties(tags=TAGS, replaces=[world.old], enforcement=enforcement)
    assert resource.create(given).ok
    return targets


def test_a_create_that_may_not_restore_its_only_changed_instance_names_what_is_denied(
    world: World, resource: Resource
) -> None:
    changed, refused = world.instance(world.old), world.instance()
    world.refuse(ASSOCIATE, refused)
    world.traffic.fail(REPLACE, DENIED, times=FOR_EVER, skip=1)
    result = resource.create(world.properties([changed, refused], replaces=[world.old], timeout=200))

    assert not result.ok
    assert f"; 1 instance is not restored yet (instance {changed}: restore Old, and " in result.reason
    assert "not authorized to perform: ec2:ReplaceIamInstanceProfileAssociation" in result.reason
    assert result.reason.endswith("the Delete that follows does the rest")
    assert not PLURAL.search(result.reason)


def test_a_rollout_to_one_instance_that_does_not_fit_into_the_time(world: World, resource: Resource) -> None:
    rollout = {"First": "1", "Growth": "2", "BakeSeconds": "300"}
    result = resource.create(world.properties([world.instance()], timeout=200, rollout=rollout))

    assert not result.ok
    assert "1 wave bakes for 300 seconds and may take 70 seconds to be confirmed" in result.reason


def test_a_pause_because_of_one_change_too_many(world: World, resource: Resource) -> None:
    enforcement = Enforcement(world)
    for id_ in deployed(world, resource, 20, "1")[:2]:
        world.fleet.set_carried(id_, world.old)
        enforcement.run(900)

    (reason,) = paused(world)
    assert reason.startswith("1 instance would get another profile, or lose it, and 1 of 1 changes")


def test_a_pause_because_the_only_instance_has_lost_its_tags(world: World, resource: Resource) -> None:
    enforcement = Enforcement(world)
    (target,) = deployed(world, resource, 1, "10%")
    world.fleet.set_tags(target, app=None)
    enforcement.run(900)

    assert paused(world) == ["1 of 1 instances is no longer selected, more than half at once"]


def test_a_target_whose_profile_was_created_again(world: World, resource: Resource) -> None:
    enforcement = Enforcement(world)
    (target,) = deployed(world, resource, 1, "10%")
    world.fleet.recreate_profile(world.web)
    enforcement.run(2000)

    (drift,) = world.aws.event_bus.details("Instance Profile Drift")
    assert drift["reason"].startswith(f"1 target, such as {target}: ")
