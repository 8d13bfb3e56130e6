"""What happens when an association is removed, where an Aspect or an override has the last word."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import Annotations as Acknowledgements
from aws_cdk import App, CfnResource, RemovalPolicies, RemovalPolicy, Stack
from aws_cdk.assertions import Annotations, Match

from cdk_instance_role import Enforcement, InstanceProfileAssociation, InstanceRole
from tests.synth.builders import (
    BY_ID,
    IRELAND,
    associate_imported,
    associated,
    association_of,
    handler_policies,
    new_stack,
    resources,
)


def removal_of(stack: Stack) -> tuple[Any, Any]:
    """The deletion policy of the association, and what its handler knows of it."""
    association = association_of(stack)
    return association.get("DeletionPolicy"), association["Properties"]["RemovalPolicy"]


def test_an_association_restores_by_default() -> None:
    assert removal_of(associated()) == ("Delete", "Destroy")


def test_an_aspect_that_retains_everything_retains_the_associations() -> None:
    stack = associated()
    RemovalPolicies.of(stack).retain()
    assert removal_of(stack) == ("Retain", "Retain")


def test_an_aspect_that_destroys_everything_lets_the_association_restore() -> None:
    stack = associated(removal_policy=RemovalPolicy.RETAIN)
    RemovalPolicies.of(stack).destroy()
    assert removal_of(stack) == ("Delete", "Destroy")


def test_a_removal_policy_of_the_resource_itself_is_used() -> None:
    stack = new_stack()
    association = InstanceRole(stack, "Web").associate_with("Fleet", BY_ID)
    resource = association.node.find_child("Resource").node.default_child
    assert isinstance(resource, CfnResource)
    resource.apply_removal_policy(RemovalPolicy.RETAIN)
    assert removal_of(stack) == ("Retain", "Retain")
    assert removal_of(stack) == ("Retain", "Retain"), "in a second synthesis, too"


def test_fails_when_an_aspect_retains_an_association_with_enforcement() -> None:
    stack = associated(enforcement=Enforcement.report())
    RemovalPolicies.of(stack).retain()
    message = (
        "enforcement is report and its deletion policy Retain, by an Aspect or an override, retains the associations: "
        "the handler does not learn that a retained resource is removed, so use RemovalPolicy.DESTROY or "
        "Enforcement.none()"
    )
    with pytest.raises(RuntimeError, match=re.escape(message)):
        resources(stack)


def test_fails_when_an_override_asks_for_a_snapshot() -> None:
    stack = new_stack()
    association = InstanceRole(stack, "Web").associate_with("Fleet", BY_ID)
    resource = association.node.find_child("Resource").node.default_child
    assert isinstance(resource, CfnResource)
    resource.add_override("DeletionPolicy", "Snapshot")
    with pytest.raises(RuntimeError, match="the association has the deletion policy Snapshot, by an Aspect or an"):
        resources(stack)


def test_a_former_policy_of_the_handler_never_stays_attached() -> None:
    stack = associated()
    RemovalPolicies.of(stack).retain()
    policies = handler_policies(stack).values()
    assert policies
    assert [one.get("DeletionPolicy", "Delete") for one in policies] == ["Delete"] * len(policies)


# What a retained association needs


def warnings(stack: Stack) -> list[str]:
    found = Annotations.from_stack(stack).find_warning("*", Match.any_value())
    return [str(one.entry.data) for one in found if "is retained" in str(one.entry.data)]


@pytest.mark.parametrize("policy", [RemovalPolicy.RETAIN, RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE])
def test_warns_when_an_association_is_retained_and_its_profile_is_not(policy: RemovalPolicy) -> None:
    (warning,) = warnings(associated(removal_policy=policy))
    assert warning.startswith(
        "Stack/Web/Fleet is retained, but Stack/Web/InstanceProfile/Resource and Stack/Web/Role/Resource are deleted "
        "with the stack"
    )


def test_warns_when_only_the_role_of_a_retained_association_is_deleted() -> None:
    stack = new_stack()
    web = InstanceRole(stack, "Web")
    web.associate_with("Fleet", BY_ID, removal_policy=RemovalPolicy.RETAIN)
    profile = web.instance_profile.node.default_child
    assert isinstance(profile, CfnResource)
    profile.apply_removal_policy(RemovalPolicy.RETAIN)
    (warning,) = warnings(stack)
    assert "but Stack/Web/Role/Resource is deleted with the stack" in warning


def test_the_warning_can_be_acknowledged() -> None:
    stack = associated(removal_policy=RemovalPolicy.RETAIN)
    Acknowledgements.of(stack).acknowledge_warning("cdk-instance-role:profileIsNotRetained")
    assert not warnings(stack)


def test_a_second_synthesis_warns_once() -> None:
    stack = associated(removal_policy=RemovalPolicy.RETAIN)
    resources(stack)
    assert len(warnings(stack)) == 1


def retain_all(stack: Stack) -> None:
    associated(stack=stack, removal_policy=RemovalPolicy.RETAIN)
    RemovalPolicies.of(stack).retain()


def retain_the_role(stack: Stack) -> None:
    web = InstanceRole(stack, "Web")
    web.associate_with("Fleet", BY_ID)
    RemovalPolicies.of(web).retain()


def keep_nothing(stack: Stack) -> None:
    associated(stack=stack)


def retain_an_imported_profile(stack: Stack) -> None:
    associate_imported(stack, removal_policy=RemovalPolicy.RETAIN)


def retain_a_profile_of_another_stack(stack: Stack) -> None:
    web = InstanceRole(Stack(App.of(stack), "Roles", env=IRELAND), "Web")
    InstanceProfileAssociation(
        stack,
        "Fleet",
        instance_profile=web.instance_profile,
        instances=BY_ID,
        removal_policy=RemovalPolicy.RETAIN,
    )


@pytest.mark.parametrize(
    "declare",
    [retain_all, retain_the_role, keep_nothing, retain_an_imported_profile, retain_a_profile_of_another_stack],
)
def test_does_not_warn_when_the_profile_outlives_the_association(declare: Callable[[Stack], None]) -> None:
    stack = new_stack(flags={})
    declare(stack)
    assert not warnings(stack)
