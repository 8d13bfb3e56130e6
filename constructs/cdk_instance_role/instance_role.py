"""A role for EC2 instances, with its instance profile."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import jsii
from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from .arns import is_token
from .association import InstanceProfileAssociation
from .known_profile import OwnProfile, declare
from .names import NAME, POLICY_ARN
from .profile_paths import ProfilePaths
from .selection import InstanceSelection

ManagedPolicy = iam.IManagedPolicy | str
"""A managed policy, the name of one that AWS manages, or an ARN."""


@jsii.implements(iam.IGrantable)
class InstanceRole(Construct):
    """A role that EC2 instances can assume, and the instance profile that carries it to them.

    Defines an ``AWS::IAM::Role`` and an ``AWS::IAM::InstanceProfile``. It touches no instance: `associate_with`
    does. With another role or role name the profile is another resource, too, so that its associations move the
    instances on to it: what changes inside a profile, an instance does not see for an hour or more.

    Example:
        ::

            web = InstanceRole(self, "Web", managed_policies=["AmazonS3ReadOnlyAccess"])
            bucket.grant_read(web)
            web.associate_with("Fleet", InstanceSelection.by_tags({"app": ["web"]}))
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        managed_policies: Sequence[ManagedPolicy] = (),
        role: iam.IRole | None = None,
        inline_policies: Mapping[str, iam.PolicyDocument] | None = None,
        permissions_boundary: iam.IManagedPolicy | None = None,
        role_name: str | None = None,
        instance_profile_name: str | None = None,
        description: str | None = None,
        former_ids: Sequence[str] = (),
    ) -> None:
        """
        Args:
            scope: parent construct.
            id: id within the parent.
            managed_policies: policies to attach: constructs, names of AWS managed policies
                (``"AmazonS3ReadOnlyAccess"``, with a path where they have one: ``"service-role/..."``), or ARNs.
                Default: none.
            role: an existing role to carry instead of a new one. Its trust policy must let EC2 assume it; the
                deployment checks that. A role whose name is a token, say a parameter, is taken for the same one
                whatever the token comes to. Default: a new role that ``ec2.amazonaws.com`` may assume.
            inline_policies: inline policies by name. Default: none.
            permissions_boundary: upper bound of what the new role may do. Default: none.
            role_name: physical name of the new role. Default: CloudFormation makes one, which is what allows it to
                replace the role.
            instance_profile_name: physical name of the profile. Change it whenever you change ``role`` or
                ``role_name``: the new profile is created before the old one is deleted, and CloudFormation can't
                create a second one of that name. Default: CloudFormation makes one.
            description: description of the new role, up to 1000 characters. Default: none.
            former_ids: ids that this construct had before, in the same scope, like ``("Web",)``. The IAM path of the
                profile is made of the id, and the handler may move instances between profiles on paths of the same
                `InstanceRole` only. With the former ids it may move them from the profile of the former id in the
                deployment that renames the construct. Without them that takes two deployments: one that adds the
                construct with the new id and takes the instances out of the association of the old one, and one
                that adds them to the association of the new one. Default: none.

        Raises:
            ValueError: a policy name that is none, a property of a new role together with ``role``, or a former id
                that is none or that another `InstanceRole` of the stack has or had.
        """
        super().__init__(scope, id)
        if isinstance(managed_policies, str):
            raise ValueError(f"managed_policies is the string {managed_policies!r}: pass a list")
        self._paths = ProfilePaths(self, former_ids)
        plain = role is None and role_name is None
        if role is None:
            role = iam.Role(
                self,
                "Role",
                assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
                inline_policies=dict(inline_policies or {}),
                permissions_boundary=permissions_boundary,
                role_name=role_name,
                description=description,
            )
        else:
            _refuse_new_role_properties(
                inline_policies=inline_policies,
                permissions_boundary=permissions_boundary,
                role_name=role_name,
                description=description,
            )
        self._role = role
        for policy in managed_policies:
            self.add_managed_policy(policy)
        self._instance_profile = iam.InstanceProfile(
            self,
            "InstanceProfile",
            role=role,
            path=self._paths.own,
            instance_profile_name=instance_profile_name,
        )
        moves = not plain or instance_profile_name is not None or bool(self._paths.former)
        own = OwnProfile((self._paths.own, *self._paths.former), moves)
        declare(self._instance_profile, lambda: own)
        if not plain:
            _tie_to_role(self._instance_profile, role)

    @property
    def role(self) -> iam.IRole:
        """The role."""
        return self._role

    @property
    def instance_profile(self) -> iam.IInstanceProfile:
        """The instance profile."""
        return self._instance_profile

    @property
    def grant_principal(self) -> iam.IPrincipal:
        """The role, as that to which ``grant_*`` methods give rights."""
        return self._role.grant_principal

    def add_managed_policy(self, policy: ManagedPolicy) -> None:
        """Attach a managed policy.

        Args:
            policy: a construct, the name of an AWS managed policy, or an ARN.

        Raises:
            ValueError: a string that is neither a policy name nor an ARN.
        """
        self._role.add_managed_policy(self._managed_policy(policy))

    def add_to_principal_policy(self, statement: iam.PolicyStatement) -> iam.AddToPrincipalPolicyResult:
        """Add a statement to the role's own policy.

        Args:
            statement: the statement.
        """
        return self._role.add_to_principal_policy(statement)

    def associate_with(
        self, id: str, instances: InstanceSelection, **association_props: Any
    ) -> InstanceProfileAssociation:
        """Associate the profile with existing instances.

        Args:
            id: id of the association within this construct.
            instances: the targets.
            association_props: further properties of `InstanceProfileAssociation`.
        """
        return InstanceProfileAssociation(
            self, id, instance_profile=self._instance_profile, instances=instances, **association_props
        )

    def _managed_policy(self, policy: ManagedPolicy) -> iam.IManagedPolicy:
        if not isinstance(policy, str):
            return policy
        if is_token(policy) or POLICY_ARN.fullmatch(policy):
            return iam.ManagedPolicy.from_managed_policy_arn(self, f"ManagedPolicy{len(self.node.children)}", policy)
        if not NAME.fullmatch(policy):
            raise ValueError(
                f"{policy!r} is not the name of a managed policy: pass a name like 'AmazonS3ReadOnlyAccess', or an ARN"
            )
        return iam.ManagedPolicy.from_aws_managed_policy_name(policy)


def _tie_to_role(profile: iam.InstanceProfile, role: iam.IRole) -> None:
    """Let the logical id of a profile hold a digest of the role's identity, so that another role is another profile:
    CloudFormation would change the role in place, and nothing would tell the instances."""
    stack, resource = Stack.of(profile), profile.node.default_child
    assert isinstance(resource, iam.CfnInstanceProfile)
    identity = json.dumps(stack.resolve(_identity(role)))
    digest = hashlib.sha256(identity.encode()).hexdigest()[:8]
    resource.override_logical_id(f"{stack.get_logical_id(resource)}{digest}")


def _identity(role: iam.IRole) -> list[str | None]:
    """What a role is known by in its account and, if it belongs to the app, what CloudFormation replaces it for:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html"""
    resource = role.node.default_child
    if not isinstance(resource, iam.CfnRole):
        return [role.role_name]
    return [role.role_name, Stack.of(resource).stack_name, resource.role_name, resource.path]


def _refuse_new_role_properties(**properties: object) -> None:
    given = [name for name, value in properties.items() if value is not None]
    if given:
        raise ValueError(f"{', '.join(given)} can't be set together with role: set it where that role is defined")
