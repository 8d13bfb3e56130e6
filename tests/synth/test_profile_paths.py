"""The IAM path of the profiles of an `InstanceRole`: its own, the same in every deployment, and with former ids.

The digests are calculated by hand: ``printf Web | sha256sum``.
"""

import re
from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import NestedStack, Stack, Stage, Token
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk_instance_role import InstanceRole
from cdk_instance_role.instance_profiles.known_profile import KnownProfile
from tests.synth.builders import (
    BY_ID,
    IRELAND,
    associated,
    association_of,
    imported_profile,
    new_app,
    new_stack,
)

WEB, PARTS_WEB, OLD_WEB = "29751047", "343bada7", "7eaa33f5"
"""Digests of ``Web``, ``Parts/Web`` and ``OldWeb``."""


def path_in(scope: Construct, id: str = "Web") -> str:
    """Path of a profile in a scope, as the template says it."""
    profile = InstanceRole(scope, id).instance_profile.node.default_child
    assert isinstance(profile, iam.CfnInstanceProfile)
    path = Stack.of(scope).resolve(profile.path)
    assert isinstance(path, str)
    assert not Token.is_unresolved(path)
    return path


def known(role: InstanceRole) -> KnownProfile:
    return KnownProfile.of(role.instance_profile)


def test_names_the_stack_and_a_digest_of_the_ids_in_it() -> None:
    assert path_in(new_stack()) == f"/cdk-instance-role/Stack/{WEB}/"


def test_counts_every_construct_between_the_stack_and_the_role() -> None:
    assert path_in(Construct(new_stack(), "Parts")) == f"/cdk-instance-role/Stack/{PARTS_WEB}/"


def test_has_the_name_of_the_stack_in_its_stage() -> None:
    stage = Stage(new_app(), "Prod", env=IRELAND)
    assert path_in(Stack(stage, "Shop")) == f"/cdk-instance-role/Prod-Shop/{WEB}/"


def test_has_the_name_of_the_stack() -> None:
    assert path_in(Stack(new_app(), "Shop", stack_name="shop-prod")) == f"/cdk-instance-role/shop-prod/{WEB}/"


def test_does_not_depend_on_the_place_of_the_stack_in_the_app() -> None:
    assert path_in(Stack(Construct(new_app(), "Team"), "Shop", stack_name="shop")) == path_in(
        Stack(new_app(), "Shop", stack_name="shop")
    )


def test_starts_at_the_innermost_stack() -> None:
    assert path_in(Stack(new_stack(), "Inner", stack_name="inner")) == f"/cdk-instance-role/inner/{WEB}/"


def test_differs_in_each_nested_stack() -> None:
    parent = Stack(new_app(), "Parent")
    one, two, outside = path_in(NestedStack(parent, "One")), path_in(NestedStack(parent, "Two")), path_in(parent)
    assert re.fullmatch(rf"/cdk-instance-role/ParentOne[0-9A-F]{{8}}/{WEB}/", one)
    assert len({one, two, outside}) == 3


def test_is_the_same_in_every_synthesis() -> None:
    def nested() -> str:
        return path_in(NestedStack(NestedStack(Stack(new_app(), "Parent"), "One"), "Two"))

    assert nested() == nested()


def test_ignores_construct_ids_that_logical_ids_ignore() -> None:
    assert path_in(Construct(new_stack(), "Default")) == f"/cdk-instance-role/Stack/{WEB}/"


def test_two_roles_of_a_stack_never_share_a_path() -> None:
    stack = new_stack()
    paths = [
        path_in(stack, "Web"),
        path_in(stack, "Ops"),
        path_in(Construct(stack, "A"), "Web"),
        path_in(Construct(stack, "AWeb"), "Web"),
        path_in(Construct(Construct(stack, "B"), "A"), "Web"),
    ]
    assert len(set(paths)) == len(paths)


def test_associations_have_the_paths_of_the_role_with_its_own_first() -> None:
    web = InstanceRole(new_stack(), "Web", former_ids=("OldWeb", "Default"))
    assert known(web).paths[:2] == (f"/cdk-instance-role/Stack/{WEB}/", f"/cdk-instance-role/Stack/{OLD_WEB}/")


def test_a_profile_without_an_instance_role_has_no_path_of_ours() -> None:
    stack = new_stack()
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))
    own = iam.InstanceProfile(stack, "Profile", role=role, path="/cdk-instance-role/Stack/")
    for profile in (own, imported_profile(stack, "Imported")):
        assert (KnownProfile.of(profile).paths, KnownProfile.of(profile).moves) == ((), False)


MOVES: dict[str, tuple[Callable[[Stack], dict[str, Any]], bool]] = {
    "nothing": (lambda _: {}, False),
    "another description": (lambda _: {"description": "Web"}, False),
    "role": (lambda stack: {"role": iam.Role.from_role_name(stack, "Imported", "imported")}, True),
    "role_name": (lambda _: {"role_name": "web"}, True),
    "instance_profile_name": (lambda _: {"instance_profile_name": "web"}, True),
    "former_ids": (lambda _: {"former_ids": ["OldWeb"]}, True),
}


@pytest.mark.parametrize("props", MOVES)
def test_instances_move_between_profiles_only_if_the_profile_can_be_replaced(props: str) -> None:
    make, moves = MOVES[props]
    stack = new_stack()
    assert known(InstanceRole(stack, "Web", **make(stack))).moves is moves


def test_the_association_passes_former_paths() -> None:
    stack = new_stack()
    InstanceRole(stack, "Web", former_ids=["OldWeb"]).associate_with("Fleet", BY_ID)
    assert association_of(stack)["Properties"]["FormerPaths"] == [f"/cdk-instance-role/Stack/{OLD_WEB}/"]


def test_the_association_passes_no_former_paths_if_there_are_none() -> None:
    assert "FormerPaths" not in association_of(associated())["Properties"]


@pytest.mark.parametrize("former", ["", "Parts/Web", 1, None])
def test_fails_when_a_former_id_is_invalid(former: Any) -> None:
    message = f"former id {former!r} of Stack/Web is no id of a construct: pass the ids that it had in the same scope"
    with pytest.raises(ValueError, match=re.escape(message)):
        InstanceRole(new_stack(), "Web", former_ids=[former])


def test_fails_when_the_former_ids_are_one_string() -> None:
    with pytest.raises(ValueError, match="former_ids is 'OldWeb': give a list of ids"):
        InstanceRole(new_stack(), "Web", former_ids="OldWeb")


def test_fails_when_a_former_id_is_the_current_id() -> None:
    with pytest.raises(ValueError, match="former id 'Web' of Stack/Web is its id today: leave it out"):
        InstanceRole(new_stack(), "Web", former_ids=["Web"])


def test_fails_when_a_former_id_is_repeated() -> None:
    with pytest.raises(ValueError, match="former id 'OldWeb' of Stack/Web is given more than once: name it once"):
        InstanceRole(new_stack(), "Web", former_ids=["OldWeb", "OldWeb"])


def test_fails_when_a_former_id_is_in_use() -> None:
    stack = new_stack()
    InstanceRole(stack, "Ops")
    with pytest.raises(ValueError, match=r"Stack/Web and Stack/Ops .* one IAM path, that of the id 'Ops'"):
        InstanceRole(stack, "Web", former_ids=["Ops"])


def test_fails_when_an_id_is_the_former_id_of_another_role() -> None:
    stack = new_stack()
    InstanceRole(stack, "Web", former_ids=["Ops"])
    with pytest.raises(ValueError, match=r"Stack/Ops and Stack/Web .* one IAM path, that of the id 'Ops'"):
        InstanceRole(stack, "Ops")


def test_fails_when_two_roles_have_the_same_former_id() -> None:
    stack = new_stack()
    InstanceRole(stack, "Web", former_ids=["Shared"])
    with pytest.raises(ValueError, match=r"Stack/Ops and Stack/Web .* one IAM path, that of the id 'Shared'"):
        InstanceRole(stack, "Ops", former_ids=["Shared"])
