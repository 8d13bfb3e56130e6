"""The instance profile of an `InstanceRole` as it is once every Aspect has run."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from ..permission_search.packing import MAX_MANAGED_POLICIES
from ..support.at_synthesis import Resources, at_synthesis, forget, resources_of
from ..support.locations import path_of, resolve_unlinked, stack_of, targets_of
from ..support.names import DigestedName, name_in
from ..support.problems import Problems
from .known_profile import OwnProfile, declare, name_pattern
from .profile_paths import ProfilePaths

_MAX_NAME, _MAX_PATH = 128, 512
_PATH = re.compile(r"/(?:[\w+=,.@-]+/)*", re.ASCII)
"""A path that means only itself in the pattern of a policy. IAM allows others, also with wildcards."""

Properties = Mapping[str, Any]


class ProfileOfRole:
    """Keeps the logical id, the name and the paths of a profile in step with what Aspects make of it and of its role.

    Where the role can become another one, the logical id of the profile ends with a digest of the role's identity.
    CloudFormation would change the role in place, which instances don't see for an hour or more. With another logical
    id it creates another profile, and associations move the instances to that.
    """

    def __init__(
        self,
        owner: Construct,
        profile: iam.InstanceProfile,
        role: iam.IRole,
        paths: ProfilePaths,
        *,
        is_given: bool,
        is_named: bool,
    ) -> None:
        """
        Args:
            owner: the `InstanceRole`.
            profile: its profile.
            role: its role.
            paths: the IAM paths of its profiles.
            is_given: whether the app gives the role or its name, so that it may give another one some day.
            is_named: whether the app gives the name of the profile.
        """
        self._owner, self._stack, self._paths, self._is_named = owner, stack_of(owner), paths, is_named
        profile_resource = profile.node.default_child
        assert isinstance(profile_resource, iam.CfnInstanceProfile)
        self._profile, self._role = profile_resource, role
        self._role_resource = _resource_of_role(role)
        self._name = DigestedName(_MAX_NAME)
        self._logical_id: str | None = None
        """The one that is given here; None for the plain one."""
        # Where the app may create no role, it gives the name with `iam.Role.customize_roles`.
        self._is_given = is_given or self._role_resource is None
        moves = self._is_given or is_named or bool(paths.former)
        name = profile_resource.instance_profile_name if is_named else None
        self._known = OwnProfile((paths.own, *paths.former), moves, name_pattern(self._stack, name))
        self._problems = Problems(owner)
        declare(profile, lambda: self._known)
        at_synthesis(owner, self._settle, first=True)

    def _settle(self) -> None:
        """Take over what Aspects have made of the role and the profile."""
        resources = resources_of(self._stack)
        logical_id, role_name = self._stack.resolve([self._profile.logical_id, self._role.role_name])
        if logical_id not in resources:
            return
        profile, (role_id, role) = _properties(resources, logical_id), self._find_role(resources)
        path, name = self._own_path(profile.get("Path", "/")), profile.get("InstanceProfileName")
        if self._is_given or role.get("RoleName") or role.get("Path") or self._is_overridden(role_id):
            digest = self._digest(role)
            self._derive_logical_id(logical_id, digest)
            name = self._rename(name, digest)
        is_own_id = logical_id in (self._plain_id, self._logical_id)
        moves = self._known.moves or bool(self._logical_id or name) or path != self._paths.own or not is_own_id
        self._known = OwnProfile(self._paths.under(path), moves, name_pattern(self._stack, name))
        self._problems.report(
            [
                *_path_problem(path),
                *_role_problem(profile.get("Roles"), role_name),
                *_name_problem(resources, logical_id),
                *_name_problem(resources, role_id),
                *_policies_problem(path_of(self._owner), role.get("ManagedPolicyArns")),
            ]
        )

    def _find_role(self, resources: Resources) -> tuple[str, Properties]:
        """Logical id of the role, if it is in this stack, and its properties, if it is not imported."""
        if self._role_resource is None:
            return "", {}
        stack = Stack.of(self._role_resource)
        logical_id = stack.resolve(self._role_resource.logical_id)
        if stack is self._stack:
            return logical_id, _properties(resources, logical_id)
        return "", _properties(resources_of(stack), logical_id)

    def _digest(self, role: Properties) -> str:
        """Of what a role is known by in its account and, if it belongs to the app, what CloudFormation replaces it for:
        https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html"""
        identity = [*resolve_unlinked(self._stack, [self._role.role_name])]
        if self._role_resource:
            stack_name = Stack.of(self._role_resource).stack_name
            identity += [stack_name, role.get("RoleName"), role.get("Path")]
        return hashlib.sha256(json.dumps(self._stack.resolve(identity)).encode()).hexdigest()[:8]

    def _derive_logical_id(self, current: str, digest: str) -> None:
        """Let the logical id follow from the role, unless the app has given the profile one itself."""
        if current in (self._plain_id, self._logical_id):
            self._logical_id = f"{self._plain_id}{digest}"
            if current != self._logical_id:
                self._profile.override_logical_id(self._logical_id)
                forget(self._stack)

    @property
    def _plain_id(self) -> str:
        """The logical id of the profile without an override."""
        return self._stack.get_logical_id(self._profile)

    def _is_overridden(self, role_id: str) -> bool:
        """Whether the role has another logical id than its construct gives it, and with another one is another role."""
        resource = self._role_resource
        return resource is not None and role_id not in ("", self._stack.get_logical_id(resource))

    def _rename(self, name: Any, digest: str) -> Any:
        """Add the digest to a name that an Aspect has set: the old profile has that name while the new one is made."""
        renewed = None if self._is_named else self._name.renewed(name, digest)
        if renewed is None or renewed == name:
            return name
        self._profile.add_property_override("InstanceProfileName", renewed)
        forget(self._stack)
        return renewed

    def _own_path(self, path: Any) -> Any:
        """The path of the profile, with its own path at the end: an Aspect may have set one that others have, too."""
        if not isinstance(path, str) or path.endswith(self._paths.own):
            return path
        own = f"{path.rstrip('/')}{self._paths.own}"
        self._profile.add_property_override("Path", own)
        forget(self._stack)
        return own


def _resource_of_role(role: iam.IRole) -> iam.CfnRole | None:
    """The resource of a role that the app defines, also where the role is made when it is used (`iam.LazyRole`), or is
    imported by a reference to the resource. Under `iam.Role.customize_roles` its name is no reference."""
    found = (role.node.default_child, *targets_of(role.role_name))
    return next((one for one in found if isinstance(one, iam.CfnRole)), None)


def _properties(resources: Resources, logical_id: str) -> Properties:
    properties: Properties = resources.get(logical_id, {}).get("Properties", {})
    return properties


def _path_problem(path: Any) -> Iterator[str]:
    if not isinstance(path, str) or len(path) > _MAX_PATH or not _PATH.fullmatch(path):
        yield (
            f"the IAM path of the instance profile is {path}, by an Aspect or an override, and the handler's "
            "permissions name its profiles by their path: set a path like /corp/ that is known at synthesis, of "
            f"letters, digits and _+=,.@-, at most {_MAX_PATH} characters in all"
        )


def _role_problem(roles: Any, role_name: Any) -> Iterator[str]:
    if roles != [role_name]:
        yield (
            f"the instance profile holds {roles} and not the role {role_name}, by an Aspect or an override: "
            "pass that role as role="
        )


def _policies_problem(owner: str, policies: Any) -> Iterator[str]:
    if isinstance(policies, list) and len(policies) > MAX_MANAGED_POLICIES:
        yield (
            f"the role of {owner} has {len(policies)} managed policies, and IAM allows 10, or up to "
            f"{MAX_MANAGED_POLICIES} where the quota is raised: put statements into fewer policies, or into inline ones"
        )


def _name_problem(resources: Resources, logical_id: str) -> Iterator[str]:
    """IAM tells names apart without regard to case:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
    name = _name(resources.get(logical_id, {}))
    if name is None:
        return
    alike = {other for other, resource in resources.items() if _name(resource) == name} | {logical_id}
    if len(alike) > 1:
        yield f"{', '.join(sorted(alike))} have the name {name[1]!r}: give each a name of its own"


def _name(resource: Mapping[str, Any]) -> tuple[str, str] | None:
    """Type and name of a resource that has one; none of one that a condition may leave out."""
    name = name_in(resource)
    return (resource["Type"], name.lower()) if isinstance(name, str) and "Condition" not in resource else None
