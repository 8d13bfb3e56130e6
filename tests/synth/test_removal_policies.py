"""What happens when an association is removed, where an Aspect or an override has the last word."""

import re
from typing import Any

import pytest
from aws_cdk import CfnResource, RemovalPolicies, RemovalPolicy, Stack

from cdk_instance_role import Enforcement, InstanceRole
from tests.synth.builders import BY_ID, associated, association_of, handler_policies, new_stack, resources


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
