"""The policies that the app attaches to the role of an association's profile, elsewhere than in the role's construct.

An association waits for them, so that no instance gets the role before they are attached, or keeps it after them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from aws_cdk import Annotations, CfnResource, Stack, Stage
from aws_cdk import aws_iam as iam
from constructs import Construct

from ..support.arns import Arns
from ..support.at_synthesis import at_synthesis, stage_of
from ..support.locations import path_of, stack_of, stack_of_targets, targets_in, targets_of
from .deployment_order import DeploymentOrder, declared_roots, is_within, roots_of

_POLICIES = iam.CfnPolicy | iam.CfnManagedPolicy | iam.CfnRolePolicy
_ROLES = "Roles"
_ROLES_BY_TYPE = {"AWS::IAM::Policy": _ROLES, "AWS::IAM::ManagedPolicy": _ROLES, "AWS::IAM::RolePolicy": "RoleName"}
"""The property that names the roles of a policy which is a `CfnResource` of no class of its own."""
_MEANS = "instances may have the role without this policy"
_IN_ANOTHER_STACK = (
    f"is in another stack: {_MEANS}. Define it in the stack of the association, or let the association depend on it "
    "with association.node.add_dependency(...)"
)
_WAITS = f"may wait for the association itself: {_MEANS}. Let it wait for nothing that waits for the association"
_WARNING = "cdk-instance-role:policyAttachedLater"


def wait_for_policies(association: Construct, resource: CfnResource, role: iam.IRole) -> None:
    """Let an association wait for all policies of its stack that are attached to a role.

    A warning is added for a policy that it can't wait for: one of another stack, or one that waits for the association.

    Args:
        association: the association.
        resource: its resource.
        role: the role in its profile.
    """
    stage = stage_of(stack_of(association))
    if stage not in _PENDING:
        _PENDING[stage] = []
        at_synthesis(association, partial(_add_dependencies, stage, _PENDING[stage]))
    _PENDING[stage].append(_PendingAssociation(association, resource, role))


@dataclass(frozen=True)
class _PendingAssociation:
    """An association that waits."""

    association: Construct
    resource: CfnResource
    role: iam.IRole


_PENDING: dict[Stage, list[_PendingAssociation]] = {}
"""By stage. jsii keeps every construct for as long as the process lives, so nothing is kept alive by this."""


@dataclass(frozen=True)
class _NamedRole:
    """The role of an association, asked of Node.js once for all policies."""

    role: iam.IRole
    stack: Stack
    """That of the association."""
    name: str
    """With tokens."""
    resolved: Any
    """The same as it stands in the template of the stack."""
    targets: Sequence[Any]
    """What the name refers to."""

    @classmethod
    def of(cls, role: iam.IRole, stack: Stack) -> "_NamedRole":
        name = role.role_name
        return cls(role, stack, name, stack.resolve(name), targets_of(name))


@dataclass(frozen=True)
class _Attached:
    """A policy, and the roles that it is attached to."""

    policy: CfnResource
    stack: Stack
    roles: Any
    """A list with tokens, or as in a template; or a token or a function in place of the list."""
    names: Any
    """The same as it stands in the template. It is no list if the deployment makes the list."""

    def has(self, one: _NamedRole) -> bool:
        """Whether it is attached to a role from outside."""
        return self._names(one) and not is_within(path_of(self.policy), roots_of(one.role))

    def _names(self, one: _NamedRole) -> bool:
        """Whether it names a role. Two stacks can have two roles of one logical id.

        A list that the deployment makes holds the roles to which it refers.
        """
        if not isinstance(self.names, list):
            return bool(one.targets) and self._refers_to(one.targets)
        if one.resolved not in self.names:
            return False
        if not one.targets:
            mine, theirs = Arns.of(one.stack).account, Arns.of(self.stack).account
            return self.stack is one.stack or (mine is not None and mine == theirs)
        if self.stack is stack_of_targets(one.name) and self._has_logical_id(one.resolved):
            return True
        return self._refers_to(one.targets)

    def _refers_to(self, targets: Sequence[Any]) -> bool:
        return set(map(path_of, targets)) <= set(map(path_of, targets_in(self.roles, self.stack)))

    def _has_logical_id(self, reference: Any) -> bool:
        """Whether it names a role of its stack by the logical id, without the construct."""
        one_by_one = isinstance(self.roles, list)  # else one token stands for all
        roles = self.roles if one_by_one else [self.roles] * len(self.names)
        pairs = zip(roles, self.stack.resolve(self.roles), strict=True)
        return any(found == reference and not targets_in([role], self.stack) for role, found in pairs)


def _add_dependencies(stage: Stage, pending: Sequence[_PendingAssociation]) -> None:
    attached = [*_attached_in(stage)]
    orders: dict[Stack, DeploymentOrder] = {}
    for one in pending:
        stack = stack_of(one.association)
        role = _NamedRole.of(one.role, stack)
        for other in (found for found in attached if found.has(role)):
            if other.stack is not stack:
                _warn_unless_first(other, one, stack)
                continue
            order = orders.get(stack) or orders.setdefault(stack, DeploymentOrder(stack))
            if order.may_wait(other.policy, one.resource):
                _warn(one, other, _WAITS)
            else:
                one.resource.node.add_dependency(other.policy)


def _attached_in(stage: Stage) -> Iterator[_Attached]:
    """The policies of a stage, asked of Node.js once for every stack."""
    by_stack: dict[Stack, list[Any]] = {}
    found: list[Any] = [*stage.node.find_all()]
    for one in found:
        if _is_policy(one):
            by_stack.setdefault(stack_of(one), []).append(one)
    for stack, policies in by_stack.items():
        if path_of(stage_of(stack)) != path_of(stage):
            continue
        roles = [{_ROLES: _roles_of(policy)} for policy in policies]
        for policy, texts, names in zip(policies, roles, stack.resolve(roles), strict=True):
            yield _Attached(policy, stack, texts[_ROLES], names.get(_ROLES, []))


def _is_policy(construct: Any) -> bool:
    return isinstance(construct, _POLICIES) or (
        _is_generic(construct) and construct.cfn_resource_type in _ROLES_BY_TYPE
    )


def _is_generic(construct: Any) -> bool:
    """Whether it is a resource that is known by its type only, not by the class of a service."""
    return isinstance(construct, CfnResource) and not type(construct).__module__.startswith("aws_cdk.aws_")


def _roles_of(policy: Any) -> Any:
    """The roles of a policy: a list of them, or what stands for one."""
    match policy:
        case iam.CfnRolePolicy():
            return [policy.role_name]
        case iam.CfnPolicy() | iam.CfnManagedPolicy():
            return policy.roles or []
    # The CDK shows what a resource has been given to subclasses only.
    name = _ROLES_BY_TYPE[policy.cfn_resource_type]
    roles = policy._cfn_properties.get(name) or []
    return [roles] if roles and (name != _ROLES or isinstance(roles, str)) else roles


def _warn_unless_first(attached: _Attached, pending: _PendingAssociation, stack: Stack) -> None:
    """Warn of a policy of another stack, unless it is deployed before the association."""
    owner = stack_of_targets(pending.role.role_name)
    is_awaited = attached.stack in (owner, *stack.dependencies) and not _is_in(stack, attached.stack)
    if not is_awaited and not is_within(path_of(attached.policy), declared_roots(pending.resource, path_of(stack))):
        _warn(pending, attached, _IN_ANOTHER_STACK)


def _is_in(stack: Stack, other: Stack) -> bool:
    """Whether a stack is nested in another one."""
    parent = stack.nested_stack_parent
    return parent is not None and (parent is other or _is_in(parent, other))


def _warn(pending: _PendingAssociation, attached: _Attached, reason: str) -> None:
    Annotations.of(pending.association).add_warning_v2(
        f"{_WARNING}:{path_of(attached.policy)}",
        f"{path_of(attached.policy)} is attached to the role that {path_of(pending.association)} gives to instances, "
        f"but {reason}",
    )
