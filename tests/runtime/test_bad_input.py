"""Requests that can't be carried out: one clear sentence each, and nothing changed in EC2."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.simulator.driver import Resource, World
from tests.simulator.fleet import TRUST_LAMBDA

Make = Callable[[World], Mapping[str, Any]]


def _role_may_not_be_assumed(world: World) -> Mapping[str, Any]:
    world.fleet.profiles[world.web].trust = TRUST_LAMBDA
    return world.properties([world.instance()])


def _profile_without_a_role(world: World) -> Mapping[str, Any]:
    return world.properties([world.instance()], profile=world.fleet.add_profile("Empty", role=None))


def _profile_with_another_role(world: World) -> Mapping[str, Any]:
    properties = world.properties([world.instance()])
    return properties | {"RoleArn": "arn:aws:iam::111122223333:role/Stated"}


def _restorable_profile_with_another_role(world: World) -> Mapping[str, Any]:
    listed = {"InstanceProfileArn": world.old, "RoleArn": "arn:aws:iam::111122223333:role/Stated"}
    return world.properties([world.instance(world.old)]) | {"Replaces": [listed]}


def _profile_on_another_path(world: World) -> Mapping[str, Any]:
    return world.properties([world.instance()], profile=world.foreign.replace("/Foreign", "/elsewhere/Web"))


def _with(**changes: Any) -> Make:
    return lambda world: world.properties([world.instance()]) | changes


CASES: dict[str, tuple[Make, list[str]]] = {
    "no tags match": (
        lambda world: world.properties(tags={"app": ["web", "api"], "env": ["prod"]}),
        ["no instances are selected", "app=api|web, env=prod", "correct the tags, or tag an instance"],
    ),
    "only a terminated instance matches": (
        lambda world: (
            world.instance(tags={"app": "web"}, state="terminated"),
            world.properties(tags={"app": ["web"]}),
        )[1],
        ["no instances are selected", "app=web"],
    ),
    "empty list of ids": (_with(InstanceIds=[]), ["no instances are selected", "InstanceIds", "list at least one id"]),
    "malformed id": (
        _with(InstanceIds=["i-0123456789abcdef0", "web-1"]),
        ["malformed instance id 'web-1'", "i-0123456789abcdef0"],
    ),
    "unknown id": (
        _with(InstanceIds=["i-0123456789abcdef0"]),
        ["instance i-0123456789abcdef0 does not exist", "check the id", "account and Region"],
    ),
    "terminated instance": (
        lambda world: world.properties([world.instance(state="terminated")]),
        ["instance i-00000000000000001 is terminated", "take it out of the selection"],
    ),
    "instance that shuts down": (
        lambda world: world.properties([world.instance(state="shutting-down")]),
        ["instance i-00000000000000001 is shutting-down", "take it out of the selection"],
    ),
    "unknown profile": (
        lambda world: world.properties([world.instance()], profile=world.foreign.replace("Foreign", "Nope")),
        ["instance profile arn:aws:iam::111122223333:instance-profile/Nope does not exist", "create it, or correct"],
    ),
    "profile on another path": (
        _profile_on_another_path,
        ["instance-profile/elsewhere/Web does not exist", "correct its name or path"],
    ),
    "profile without a role": (
        _profile_without_a_role,
        ["instance profile Empty holds no role", "put role Empty into it"],
    ),
    "profile with another role": (
        _profile_with_another_role,
        ["instance profile Web holds role Web, not Stated", "state the role that it holds"],
    ),
    "role that EC2 may not assume": (
        _role_may_not_be_assumed,
        ["EC2 may not assume role Web of instance profile Web", "allow sts:AssumeRole for ec2.amazonaws.com"],
    ),
    "foreign profile that is not listed": (
        lambda world: world.properties([world.instance(world.foreign)], replaces=[world.old]),
        ["instance i-00000000000000001 (running) carries instance profile Foreign", "list it there"],
    ),
    "restorable profile with another role": (
        _restorable_profile_with_another_role,
        ["instance profile Old holds role Old, not Stated", "state the role that it holds"],
    ),
    "neither ids nor tags": (_with(InstanceIds=None), ["exactly one of InstanceIds and InstanceTags", "neither"]),
    "both ids and tags": (
        _with(InstanceTags={"app": ["web"]}),
        ["exactly one of InstanceIds and InstanceTags", "both"],
    ),
    "unknown way with conflicts": (_with(OnConflict="IGNORE"), ["OnConflict is 'IGNORE'", "FAIL or KEEP"]),
    "time-out that is no number": (_with(TimeoutSeconds="soon"), ["TimeoutSeconds is 'soon'", "1 to 3600"]),
    "time-out that is too long": (_with(TimeoutSeconds="7200"), ["TimeoutSeconds is '7200'", "1 to 3600"]),
    "no ARN": (_with(InstanceProfileArn="Web"), ["InstanceProfileArn is 'Web'", "expected an ARN"]),
}


@pytest.mark.parametrize("case", CASES)
def test_says_what_is_wrong_and_what_to_do(world: World, resource: Resource, case: str) -> None:
    make, expected = CASES[case]
    properties = {key: value for key, value in make(world).items() if value is not None}
    result = resource.create(properties)
    assert not result.ok
    for part in expected:
        assert part in result.reason
    assert "None" not in result.reason
    assert (world.mutations, result.polls, resource.physical_id) == (0, 0, None)
    assert world.ledger_items == {}


@pytest.mark.parametrize("case", [case for case in CASES if case != "role that EC2 may not assume"])
def test_a_refused_update_changes_nothing_and_can_be_rolled_back(world: World, resource: Resource, case: str) -> None:
    spare, target = world.instance(), world.instance()
    assert resource.create(world.properties([target])).ok
    make, _ = CASES[case]
    properties = {key: value for key, value in make(world).items() if value is not None}
    before = world.mutations
    result = resource.update(properties)
    assert not result.ok
    assert result.rollback is not None
    assert result.rollback.ok, result.rollback.reason
    assert (world.mutations, world.carried(spare, target)) == (before, [None, "Web"])


def test_names_all_problems_of_a_request_at_once(world: World, resource: Resource) -> None:
    world.fleet.profiles[world.web].trust = TRUST_LAMBDA
    targets = [world.instance(world.foreign), world.instance(state="terminated")]
    result = resource.create(world.properties([*targets, "i-0123456789abcdef0"]))
    assert not result.ok
    for part in ("may not assume role Web", "carries instance profile Foreign", "is terminated", "does not exist"):
        assert part in result.reason


def test_names_an_event_that_does_not_come_from_cloudformation(world: World, resource: Resource) -> None:
    event = resource.event("Create", world.properties([world.instance()])) | {"RequestType": "Recreate"}
    result = resource.deliver(event)
    assert not result.ok
    assert "the event's RequestType is 'Recreate'" in result.reason
