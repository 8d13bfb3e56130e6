"""The policies of the handler's role, around the events of an association."""

import pytest

from tests.simulator.authority import Attempt
from tests.simulator.driver import Resource, World
from tests.simulator.rights import OWNED_PATH


@pytest.fixture
def world() -> World:
    return World(enforced=True)


@pytest.fixture
def resource(world: World) -> Resource:
    return Resource(world)


def may_pass(world: World, *names: str) -> list[bool]:
    """Whether the handler may pass these roles to EC2 now."""
    assert world.role
    to_ec2 = {"iam:PassedToService": "ec2.amazonaws.com"}
    role = "arn:aws:iam::111122223333:role"
    return [world.role.authority.allows(Attempt("iam:PassRole", f"{role}/{name}", to_ec2)) for name in names]


def test_a_handler_may_describe_instances_before_there_is_any_association(world: World) -> None:
    assert world.services.ec2.describe_instances()["Reservations"] == []


def test_a_configuration_attaches_its_policies(world: World, resource: Resource) -> None:
    assert may_pass(world, "Web", "Old") == [False, False]
    resource.attach_policies(world.properties([world.instance()]))
    assert may_pass(world, "Web", "Old") == [True, False]


def test_during_an_update_the_handler_has_the_rights_of_both_configurations(world: World, resource: Resource) -> None:
    target = world.instance()
    assert resource.create(world.properties([target], replaces=[world.old])).ok
    during: list[list[bool]] = []
    world.traffic.meanwhile("DescribeInstances", lambda: during.append(may_pass(world, "Old", "Foreign")))
    assert resource.update(world.properties([target], replaces=[world.foreign])).ok
    assert during == [[True, True]]
    assert may_pass(world, "Old", "Foreign") == [False, True]


def test_a_failed_update_leaves_the_rights_of_the_former_configuration(world: World, resource: Resource) -> None:
    target = world.instance()
    assert resource.create(world.properties([target], replaces=[world.old])).ok
    result = resource.update(world.properties([target, "i-0123456789abcdef0"], replaces=[world.foreign]))
    assert not result.ok
    assert may_pass(world, "Old", "Foreign") == [True, False]


def test_no_policy_is_left_of_a_create_that_failed(world: World, resource: Resource) -> None:
    assert not resource.create(world.properties(["i-0123456789abcdef0"])).ok
    assert may_pass(world, "Web") == [False]


def test_a_delete_detaches_the_policies(world: World, resource: Resource) -> None:
    assert resource.create(world.properties([world.instance()])).ok
    assert resource.delete().ok
    assert may_pass(world, "Web") == [False]


def test_a_policy_of_two_associations_stays_until_the_last_one_is_deleted(world: World) -> None:
    wanted = world.properties([world.instance()])
    old, new = Resource(world, "Old"), Resource(world, "New")
    assert old.create(wanted).ok
    assert new.create(wanted).ok
    assert old.delete().ok
    assert may_pass(world, "Web") == [True]
    assert new.delete().ok
    assert may_pass(world, "Web") == [False]


def test_a_policy_whose_profile_is_renamed_is_changed_in_place(world: World, resource: Resource) -> None:
    assert world.role
    world.role.moves = True
    mine, next_ = (world.fleet.add_profile(name, path=OWNED_PATH) for name in ("Mine", "Next"))
    target = world.instance()
    resource.renames_profile = True
    assert resource.create(world.properties([target], profile=mine)).ok
    during: list[list[bool]] = []
    world.traffic.meanwhile("DescribeInstances", lambda: during.append(may_pass(world, "Mine", "Next")))
    assert resource.update(world.properties([target], profile=next_)).ok
    assert during == [[False, True]]


def test_a_policy_that_was_changed_in_place_is_changed_back_before_the_reverse_update(
    world: World, resource: Resource
) -> None:
    mine, next_ = (world.fleet.add_profile(name, path=OWNED_PATH) for name in ("Mine", "Next"))
    target = world.instance()
    resource.renames_profile = True
    assert resource.create(world.properties([target], profile=mine)).ok
    world.refuse("ReplaceIamInstanceProfileAssociation", target)
    result = resource.update(world.properties([target], profile=next_))
    assert result.rollback is not None
    assert result.rollback.ok, result.rollback.reason
    assert may_pass(world, "Mine", "Next") == [True, False]


def test_a_policy_is_in_force_only_after_a_while(world: World, resource: Resource) -> None:
    assert world.role
    world.role.policy_seconds = 10.0
    resource.attach_policies(world.properties([world.instance()]))
    assert may_pass(world, "Web") == [False]
    world.clock.sleep(10)
    assert may_pass(world, "Web") == [True]


def test_a_policy_is_attached_without_the_part_that_a_test_removes() -> None:
    def without_passing(document: object) -> dict[str, object] | None:
        assert isinstance(document, dict)
        left = [one for one in document["Statement"] if one["Action"] != "iam:PassRole"]
        return {**document, "Statement": left}

    world = World(enforced=True, amend=without_passing)
    resource = Resource(world)
    resource.attach_policies(world.properties([world.instance()]))
    assert may_pass(world, "Web") == [False]
    resource.detach_policies()
