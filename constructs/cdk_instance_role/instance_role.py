"""A role for EC2 instances, with its instance profile."""

from collections.abc import Mapping, Sequence
from typing import Any

import jsii
from aws_cdk import aws_iam as iam
from constructs import Construct

from .association import InstanceProfileAssociation
from .instance_profiles.own_profile import ProfileOfRole
from .instance_profiles.profile_paths import ProfilePaths
from .role_arguments import A_POLICY, check_description, check_names, check_types
from .selection import InstanceSelection
from .support.argument_types import check_type
from .support.arn_checks import Kind, check_account, check_arn, check_place
from .support.arns import Arns, is_list_token, is_token
from .support.locations import path_of, stack_of
from .support.lookups import is_dummy, without_dummy
from .support.names import NAME
from .support.role_policies import RolePolicies

ManagedPolicy = iam.IManagedPolicy | str
"""A managed policy, the name of one that AWS manages, or an ARN."""


@jsii.implements(iam.IGrantable)
class InstanceRole(Construct):
    """A role that EC2 instances can assume, and the instance profile that carries it to them.

    Defines an ``AWS::IAM::Role`` and an ``AWS::IAM::InstanceProfile``. It touches no instance: `associate_with`
    does.

    With another role, role name or role path, also one that an Aspect sets, the profile is another resource. The
    associations of its stack then move the instances to it at once, whereas a change inside a profile is not seen by an
    instance for an hour or more: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/iam-roles-for-amazon-ec2.html
    A name that is a token, such as a parameter, counts as unchanged whatever its value is. Keep an association in the
    stack of the `InstanceRole`: from another stack it would move the instances only after the old profile is deleted.

    The profile has an IAM path that no other profile of the stack has: ``/cdk-instance-role/<stack>/<digest>/``. The
    digest is made of the ids of the constructs from the stack to this one. The handler's permissions name the path, and
    so reach the profiles of this `InstanceRole` only.

    - Where an Aspect sets another path, such as ``/corp/``, this one comes after it: ``/corp/cdk-instance-role/...``.
    - When the construct gets another id, pass its former one in ``former_ids``. Without that, instances move in two
      deployments: the first adds the construct with the new id and takes the instances out of the association of the
      old one, the second adds them to the association of the new one.
    - Two stacks of one name in two Regions of an account share the path, because IAM is global. They are kept apart
      because each handler may pass the exact roles of its own stack only.

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
                An imported role can be given an ``iam.ManagedPolicy`` of the app only, because CloudFormation attaches
                other ones to roles that it owns only. Default: none.
            role: an existing role to carry instead of a new one, in the account of the stack. Its trust policy must let
                EC2 assume it; the deployment checks that. A role whose name is a token, such as a parameter,
                counts as unchanged, whatever the value of the token. Default: a new role that
                ``ec2.amazonaws.com`` may assume.
            inline_policies: inline policies by name. Default: none.
            permissions_boundary: upper bound of what the new role may do. Default: none.
            role_name: physical name of the new role, up to 64 characters. With another name the profile is another one,
                but not with another value of a token, such as a parameter: instances see the new role after an hour or
                more then. Default: CloudFormation makes one, which is what allows it to replace the role.
            instance_profile_name: physical name of the profile, up to 128 characters. Change it whenever you change
                ``role`` or ``role_name``: the new profile is created before the old one is deleted, and CloudFormation
                can't create a second one of that name. Default: CloudFormation makes one.
            description: description of the new role, up to 1000 characters of Latin-1, as IAM has it. Default: none.
            former_ids: ids that this construct had before in the same scope, like ``("Web",)``. The handler may then
                move instances from the profile that it had under such an id. Change ``role_name`` and
                ``instance_profile_name`` together with the id: CloudFormation creates the new role and profile before
                it deletes the old ones, and fails with "already exists" if they have the same names. Default: none.

        Raises:
            ValueError: a name, a description, an ARN or a former id that can't be one, or that another `InstanceRole`
                of the stack has or had; a role or a policy of another account or partition; a policy that the role
                can't be given; or a property of a new role together with ``role``. The synthesis fails if the role has
                more than 25 managed policies.
        """
        super().__init__(scope, id)
        check_types(managed_policies, role, inline_policies, permissions_boundary)
        check_names(role_name, instance_profile_name, inline_policies)
        role_name, instance_profile_name = without_dummy(role_name), without_dummy(instance_profile_name)
        check_description(description)
        self._arns = Arns.of(stack_of(self))
        paths = ProfilePaths(self, former_ids)
        self._role = self._new_role_or(
            role,
            inline_policies=inline_policies,
            permissions_boundary=permissions_boundary,
            role_name=role_name,
            description=description,
        )
        self._instance_profile = iam.InstanceProfile(
            self, "InstanceProfile", role=self._role, path=paths.own, instance_profile_name=instance_profile_name
        )
        self._policies = RolePolicies(self, self._role, self._instance_profile)
        for policy in managed_policies:
            self.add_managed_policy(policy)
        is_given, is_named = role is not None or role_name is not None, instance_profile_name is not None
        ProfileOfRole(self, self._instance_profile, self._role, paths, is_given=is_given, is_named=is_named)

    @property
    def role(self) -> iam.IRole:
        """The role that the profile holds: the new one, or the one given as ``role``."""
        return self._role

    @property
    def instance_profile(self) -> iam.IInstanceProfile:
        """The instance profile, on an IAM path of its own."""
        return self._instance_profile

    @property
    def grant_principal(self) -> iam.IPrincipal:
        """The role, as that to which ``grant_*`` methods give permissions.

        A grant to an immutable role fails, because the CDK would drop it; or it goes to the policy of the resource, if
        the role was made with ``add_grants_to_resources=True``.
        """
        return self._policies.principal

    def add_managed_policy(self, policy: ManagedPolicy) -> None:
        """Attach a managed policy.

        Args:
            policy: a construct, the name of an AWS managed policy, or an ARN. An imported role can be given an
                ``iam.ManagedPolicy`` of the app only.

        Raises:
            ValueError: a string that is neither a policy name nor an ARN, a policy of another account or partition, or
                one that the role can't be given.
        """
        found = self._managed_policy(policy)
        self._check_policy(found)
        self._policies.attach(found)

    def add_to_principal_policy(self, statement: iam.PolicyStatement) -> iam.AddToPrincipalPolicyResult:
        """Add a statement to the role's own policy.

        Args:
            statement: the statement.

        Returns:
            Whether the statement was added, and what a construct that needs the permission has to depend on.

        Raises:
            ValueError: the role is immutable, or the statement is none.
        """
        check_type("statement", statement, iam.PolicyStatement, "an iam.PolicyStatement")
        return self._policies.add(statement)

    def associate_with(
        self, id: str, instances: InstanceSelection, **association_props: Any
    ) -> InstanceProfileAssociation:
        """Associate the profile with existing instances.

        Args:
            id: id of the association within this construct.
            instances: the targets.
            association_props: further properties of `InstanceProfileAssociation`: ``replaces``, ``on_conflict``,
                ``removal_policy``, ``timeout``, ``provider``, ``rollout`` and ``enforcement``.

        Returns:
            The association.

        Raises:
            ValueError: as `InstanceProfileAssociation` does.
        """
        return InstanceProfileAssociation(
            self, id, instance_profile=self._instance_profile, instances=instances, **association_props
        )

    def _new_role_or(self, role: iam.IRole | None, **properties: Any) -> iam.IRole:
        """The given role, or a new one with these properties."""
        if role is None:
            return self._new_role(**properties)
        given = [name for name, value in properties.items() if value is not None]
        if given:
            raise ValueError(f"{', '.join(given)} can't be set together with role: set it where that role is defined")
        check_arn(Kind.ROLE, role.role_arn)
        check_place(Kind.ROLE, role.role_arn, self._arns, path_of(self))
        if is_token(role.role_arn):
            check_account(Kind.ROLE, role.role_arn, role.env.account, self._arns, path_of(self))
        return role

    def _new_role(self, *, inline_policies: Any, permissions_boundary: Any, **properties: Any) -> iam.Role:
        if permissions_boundary is not None:
            self._check_policy(permissions_boundary)
        return iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
            inline_policies=dict(inline_policies or {}),
            permissions_boundary=permissions_boundary,
            **properties,
        )

    def _managed_policy(self, policy: ManagedPolicy) -> iam.IManagedPolicy:
        if not isinstance(policy, str):
            check_type("a managed policy", policy, "managed_policy_arn", A_POLICY)
            return policy
        if is_list_token(policy):
            raise ValueError(
                "managed_policies is a list token, a list that only the deployment knows: pass the policies one by "
                "one, like *Fn.split(',', value, 3) for three of them"
            )
        if is_token(policy) or policy.startswith("arn:"):
            check_arn(Kind.POLICY, policy)
            return iam.ManagedPolicy.from_managed_policy_arn(self, f"ManagedPolicy{len(self.node.children)}", policy)
        if not NAME.fullmatch(policy) and not is_dummy(policy):
            raise ValueError(
                f"{policy!r} is not the name of a managed policy: pass a name like 'AmazonS3ReadOnlyAccess', or an ARN"
            )
        return iam.ManagedPolicy.from_aws_managed_policy_name(policy)

    def _check_policy(self, policy: iam.IManagedPolicy) -> None:
        arn = policy.managed_policy_arn
        check_arn(Kind.POLICY, arn)
        check_place(Kind.POLICY, arn, self._arns, path_of(self))
        if isinstance(policy, iam.ManagedPolicy):
            check_account(Kind.POLICY, policy.managed_policy_arn, policy.env.account, self._arns, path_of(self))
