"""A profile in another stack than its association is deleted too early when it becomes another one: a warning."""

from collections.abc import Callable

import pytest
from aws_cdk import Annotations as Acknowledgements
from aws_cdk import App, CfnResource, NestedStack, Stack
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Annotations, Match

from cdk_instance_role import InstanceProfileAssociation, InstanceRole
from tests.synth.builders import BY_ID, FLAGS, IRELAND, imported_profile, new_app, new_stack, resources

EC2 = iam.ServicePrincipal("ec2.amazonaws.com")
Declare = Callable[[Stack], InstanceRole]


def with_a_role_name(stack: Stack) -> InstanceRole:
    return InstanceRole(stack, "Web", role_name="web")


def with_a_profile_name(stack: Stack) -> InstanceRole:
    return InstanceRole(stack, "Web", instance_profile_name="web")


def with_a_given_role(stack: Stack) -> InstanceRole:
    return InstanceRole(stack, "Web", role=iam.Role(stack, "Role", assumed_by=EC2))


def with_a_former_id(stack: Stack) -> InstanceRole:
    return InstanceRole(stack, "Web", former_ids=["Old"])


def with_a_path_by_an_override(stack: Stack) -> InstanceRole:
    web = InstanceRole(stack, "Web")
    role = web.role.node.default_child
    assert isinstance(role, CfnResource)
    role.add_property_override("Path", "/corp/")
    return web


def plain(stack: Stack) -> InstanceRole:
    return InstanceRole(stack, "Web")


def warnings(stack: Stack) -> list[str]:
    found = Annotations.from_stack(stack).find_warning("*", Match.any_value())
    return [str(one.entry.data) for one in found if "in another stack than its profile" in str(one.entry.data)]


def fleet(profile: iam.IInstanceProfile, stack: Stack) -> Stack:
    InstanceProfileAssociation(stack, "Fleet", instance_profile=profile, instances=BY_ID)
    return stack


def two_stacks(app: App) -> tuple[Stack, Stack]:
    return Stack(app, "Roles", env=IRELAND), Stack(app, "Fleets", env=IRELAND)


@pytest.mark.parametrize("flags", [FLAGS, {}], ids=["weak references", "exports"])
@pytest.mark.parametrize(
    "declare",
    [with_a_role_name, with_a_profile_name, with_a_given_role, with_a_former_id, with_a_path_by_an_override],
)
def test_warns_when_a_profile_that_may_become_another_one_is_in_another_stack(
    declare: Declare, flags: dict[str, object]
) -> None:
    roles, fleets = two_stacks(new_app(flags))
    fleet(declare(roles).instance_profile, fleets)
    (warning,) = warnings(fleets)
    assert warning.startswith(
        "Fleets/Fleet is in another stack than its profile Roles/Web/InstanceProfile/Resource: another role, role "
        "name, role path, profile name or id of its InstanceRole makes another profile, and Roles deletes the old one "
        "before Fleets moves the instances, or can't be deployed while its export is in use. Define the InstanceRole "
        "in Fleets, or change it in two deployments: add a new one first, associate that and list the old one in "
        "`replaces`, then remove the old one"
    )


@pytest.mark.parametrize("declare", [with_a_role_name, plain])
def test_does_not_warn_in_one_stack(declare: Declare) -> None:
    stack = new_stack()
    assert not warnings(fleet(declare(stack).instance_profile, stack))


def test_does_not_warn_when_nothing_makes_it_another_one() -> None:
    roles, fleets = two_stacks(new_app())
    assert not warnings(fleet(plain(roles).instance_profile, fleets))


def test_does_not_warn_of_a_nested_stack_which_is_deployed_together_with_the_other_one() -> None:
    stack = new_stack()
    nested = NestedStack(stack, "Nested")
    fleet(with_a_role_name(nested).instance_profile, stack)
    assert not warnings(stack)


def test_does_not_warn_of_an_imported_profile() -> None:
    roles, fleets = two_stacks(new_app())
    plain(roles)
    assert not warnings(fleet(imported_profile(roles, "Old"), fleets))


def test_the_warning_can_be_acknowledged_and_is_given_once() -> None:
    roles, fleets = two_stacks(new_app())
    fleet(with_a_role_name(roles).instance_profile, fleets)
    resources(fleets)
    assert len(warnings(fleets)) == 1
    Acknowledgements.of(fleets).acknowledge_warning("cdk-instance-role:profileInAnotherStack")
    assert not warnings(fleets)
