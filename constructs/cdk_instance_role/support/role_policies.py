"""What can be added to the role of an `InstanceRole`: policies and statements are added, or refused, never dropped."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import jsii
from aws_cdk import DefaultTokenResolver, StringConcat, Tokenization
from aws_cdk import aws_iam as iam
from constructs import Construct

from .arns import is_token, parts_of

_CUSTOMIZED = "@aws-cdk/iam:customizeRoles"
"""Key of the context that `iam.Role.customize_roles` sets: the CDK then reports what a role needs and adds nothing."""
_PROBE = "IsRoleMutable"


class RolePolicies:
    """Adds policies and statements to a role.

    The CDK drops what it can't add: managed policies that the app does not own where the role is imported, and all that
    is added to an immutable role.
    """

    def __init__(self, owner: Construct, role: iam.IRole, profile: iam.InstanceProfile) -> None:
        """
        Args:
            owner: the `InstanceRole`.
            role: its role.
            profile: its profile. It depends on the policies that attach themselves to an imported role, so that no
                instance gets the role before, or keeps it after them.
        """
        self._owner, self._role, self._profile = owner, role, profile

    def attach(self, policy: iam.IManagedPolicy) -> None:
        """Attach a managed policy.

        Raises:
            ValueError: the role is immutable, or both the role and the policy are imported.
        """
        if self._is_immutable:
            raise ValueError(f"{self._immutable}: attach {_name_of_policy(policy)} where the role is defined")
        if not self._is_own and not isinstance(policy, iam.ManagedPolicy):
            raise ValueError(
                f"the role {self._name} of {self._owner.node.path} is imported, and CloudFormation attaches managed "
                f"policies to roles that it owns only: attach {_name_of_policy(policy)} where the role is defined, or "
                "pass an iam.ManagedPolicy of this app"
            )
        self._role.add_managed_policy(_by_name_if_of_aws(policy))
        if not self._is_own:
            self._profile.node.add_dependency(policy)

    def add(self, statement: iam.PolicyStatement) -> iam.AddToPrincipalPolicyResult:
        """Add a statement to the role's own policy.

        Raises:
            ValueError: the role is immutable.
        """
        if self._is_immutable:
            raise ValueError(f"{self._immutable}: add the statement where the role is defined")
        return self._role.add_to_principal_policy(statement)

    @cached_property
    def principal(self) -> iam.IPrincipal:
        """That to which ``grant_*`` methods give permissions."""
        return _Immutable(self._role, self._refuse_grant) if self._is_immutable else self._role.grant_principal

    def _refuse_grant(self) -> None:
        raise ValueError(
            f"{self._immutable}: leave the grant out and give the permissions where the role is defined, or make the "
            "role with add_grants_to_resources=True to have them in the policy of the resource"
        )

    @property
    def _immutable(self) -> str:
        return f"the role {self._name} of {self._owner.node.path} is immutable, and the CDK would drop this"

    @property
    def _name(self) -> str:
        name = self._role.role_name
        return self._role.node.path if is_token(name) else name

    @property
    def _is_own(self) -> bool:
        """Whether the role takes everything: one that the app defines, of a class of the app's own, or one that
        `iam.Role.customize_roles` reports on."""
        is_defined = isinstance(self._role, iam.Role | iam.LazyRole)
        return is_defined or not type(self._role).__module__.startswith(("aws_cdk", "jsii")) or self._is_customized

    @cached_property
    def _is_customized(self) -> bool:
        return self._owner.node.try_get_context(_CUSTOMIZED) is not None

    @cached_property
    def _is_immutable(self) -> bool:
        """Whether the role drops what is added. No role says so, therefore a policy is tried, and removed again."""
        if self._is_own:
            return False
        policy = iam.ManagedPolicy(self._owner, _PROBE)
        self._role.add_managed_policy(policy)
        resource: Any = policy.node.default_child
        # The name of the role is left alone: it may be known at synthesis only.
        resolver = _WithoutTexts(StringConcat())
        attached = Tokenization.resolve(resource.roles, resolver=resolver, scope=self._owner, preparing=False)
        self._owner.node.try_remove_child(_PROBE)
        return not attached


class _WithoutTexts(DefaultTokenResolver):
    """Resolves lists, but not the texts in them."""

    def resolve_string(self, s: Any, context: Any) -> Any:
        """Any text instead of one with tokens."""
        del s, context
        return "a text"


def _by_name_if_of_aws(policy: iam.IManagedPolicy) -> iam.IManagedPolicy:
    """A policy of AWS by its name, also where the ARN is given. The CDK attaches policies that read the same once, and
    CloudFormation refuses one that is attached twice."""
    *_, account, resource = parts_of(policy.managed_policy_arn)
    if account != "aws" or resource is None:
        return policy
    return iam.ManagedPolicy.from_aws_managed_policy_name(resource.removeprefix("policy/"))


def _name_of_policy(policy: iam.IManagedPolicy) -> str:
    name = policy.managed_policy_arn.rpartition(":policy/")[2]
    return policy.node.path if is_token(name) else name


@jsii.implements(iam.IPrincipal)
class _Immutable:
    """An immutable role, as a principal that does not pretend to have taken a statement."""

    def __init__(self, role: iam.IRole, refuse: Callable[[], None]) -> None:
        self._role, self._refuse = role, refuse

    @property
    def grant_principal(self) -> iam.IPrincipal:
        return self

    @property
    def assume_role_action(self) -> str:
        return self._role.assume_role_action

    @property
    def policy_fragment(self) -> iam.PrincipalPolicyFragment:
        return self._role.policy_fragment

    @property
    def principal_account(self) -> str | None:
        return self._role.principal_account

    def add_to_principal_policy(self, statement: iam.PolicyStatement) -> iam.AddToPrincipalPolicyResult:
        """Take no statement. A role that leaves grants to the policies of resources says so itself."""
        result = self._role.add_to_principal_policy(statement)
        if result.statement_added:
            self._refuse()
        return result
