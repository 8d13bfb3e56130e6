"""The policies that a stack attaches to a role from outside of the role's construct."""

from collections.abc import Iterator, Set
from typing import Any

from aws_cdk import CfnResource, Stack

from ..support.at_synthesis import Resources, resources_of
from ..support.locations import stack_of_targets
from .known_profile import KnownProfile

_PATH = "aws:cdk:path"


def attached_policies(stack: Stack, profile: KnownProfile) -> list[CfnResource]:
    """The policies of a stack that name the role of a profile and are not below the construct of the role.

    An instance must not get the role before they are attached. To be called once all Aspects have run.

    Args:
        stack: the stack of the association.
        profile: the profile.
    """
    if stack_of_targets(profile.role_arn) not in (None, stack):
        return []  # what another stack attaches is there when that stack is
    resources, inside = resources_of(stack), f"{profile.role.node.path}/"
    found = {
        id_
        for id_ in _naming(stack.resolve(profile.role_arn), resources)
        if not str(resources[id_].get("Metadata", {}).get(_PATH, "")).startswith(inside)
    }
    return _constructs(stack, found) if found else []


def _naming(role_arn: Any, resources: Resources) -> Iterator[str]:
    """Logical ids of the policies that name a role."""
    match role_arn:
        case {"Fn::GetAtt": [str(logical_id), "Arn"]}:
            name: Any = {"Ref": logical_id}
        case str():
            name = role_arn.rpartition("/")[2]
        case _:
            return
    for id_, resource in resources.items():
        properties = resource.get("Properties", {})
        match resource.get("Type"):
            case "AWS::IAM::Policy" | "AWS::IAM::ManagedPolicy":
                roles = properties.get("Roles")
            case "AWS::IAM::RolePolicy":
                roles = [properties.get("RoleName")]
            case _:
                continue
        if isinstance(roles, list) and name in roles:
            yield id_


def _constructs(stack: Stack, logical_ids: Set[str]) -> list[CfnResource]:
    resources = (one for one in stack.node.find_all() if isinstance(one, CfnResource))
    return [one for one in resources if one.stack is stack and stack.resolve(one.logical_id) in logical_ids]
