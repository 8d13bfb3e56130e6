"""The custom-resource provider behind the associations of a stack."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct, IDependable

from .enforcement import Enforcement
from .handler_permissions.capacity import DEFAULT_MAX_POLICIES, check_max_policies
from .handler_permissions.grants import Grants
from .handler_permissions.statements import Permissions
from .provider_resources.enforcement_resources import EnforcementResources
from .provider_resources.functions import Functions
from .provider_resources.provider_settings import ProviderSettings
from .provider_resources.storage import new_ledger, new_log_group
from .selection import InstanceSelection
from .support.locations import path_of, stack_of

_POLICIES_ID = "InstanceProfileHandlerPolicies"


class AssociationProvider(Construct):
    """The function, the ledger and the provider framework that associations of a stack share.

    An association makes it on first use, so most apps never name it. Name one to share it between several stacks
    of an app, in one account and Region, and do so from the start: CloudFormation lets no resource that exists change
    its provider. It touches instances only when an association asks it to.

    It defines a Lambda function with a role of its own, a DynamoDB table (on demand, encrypted, point-in-time
    recovery) that holds what every instance carried before, a log group that outlives the stack, and the CDK
    provider framework with its waiter.

    Example:
        ::

            provider = AssociationProvider(shared_stack, "Provider")
            web.associate_with("Fleet", instances, provider=provider)
    """

    DEFAULT_ID = "InstanceProfileAssociationProvider"
    """Id of the provider that the associations of a stack make. Make one with this id, before the first association of
    the stack, to give it settings: its resources, and the deployed associations, keep their provider."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        vpc: ec2.IVpc | None = None,
        vpc_subnets: ec2.SubnetSelection | None = None,
        security_groups: Sequence[ec2.ISecurityGroup] | None = None,
        encryption_key: kms.IKey | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
        log_removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
        runtime: lambda_.Runtime = lambda_.Runtime.PYTHON_3_14,
        architecture: lambda_.Architecture | None = None,
        tracing: lambda_.Tracing | None = None,
        reserved_concurrent_executions: int | None = None,
        ledger_removal_policy: RemovalPolicy = RemovalPolicy.DESTROY,
        ledger_deletion_protection: bool = False,
        max_policies: int = DEFAULT_MAX_POLICIES,
        encrypt_queues: bool | None = None,
        reconcilers: Sequence[iam.IGrantable] = (),
    ) -> None:
        """
        Each setting reaches all functions, or all resources that it is about, and adds the permissions that it needs.
        ``docs/restricted-accounts.md`` shows each of them at work.

        Args:
            scope: parent construct.
            id: id within the parent.
            vpc: where all functions run. They need a way to AWS: ``docs/restricted-accounts.md`` lists
                the endpoints. Default: no VPC.
            vpc_subnets: subnets of the VPC. Default: the private ones.
            security_groups: of all functions, at least one. Default: one new group that lets connections out and none
                in.
            encryption_key: a symmetric KMS key of this Region for the ledger, the log group, the environment variables
                and the waiter. If it is imported, its owner has to let CloudWatch Logs use it: a note shows the
                statement. Default: keys that AWS owns.
            log_retention: how long log events are kept. Default: three months.
            log_removal_policy: what becomes of the log group when the stack is deleted: ``RETAIN``, ``DESTROY`` or
                ``RETAIN_ON_UPDATE_OR_DELETE``, because a log group has no snapshot. Default: it stays.
            runtime: Python of the handler, 3.11 or newer. The functions of the CDK's framework run on the Node.js that
                the CDK chooses. Default: Python 3.14.
            architecture: processor of all functions. Default: x86-64, as Lambda has it.
            tracing: AWS X-Ray for all functions, and with ``Tracing.ACTIVE`` for the waiter. Default: none.
            reserved_concurrent_executions: executions that Lambda reserves for each of the functions, and does not go
                beyond, from 1 to 1,000,000. A call that it refuses fails the deployment, so give at least the number of
                associations that are deployed at the same time. The function that enforces gets five, whatever the
                number: its event source never runs more, and with fewer it would be refused. Default: no reservation.
            ledger_removal_policy: what becomes of the ledger when the stack is deleted: ``DESTROY``, ``RETAIN`` or
                ``RETAIN_ON_UPDATE_OR_DELETE``, because CloudFormation makes no snapshot of a table. All instances have
                their previous profiles back by then, unless an association has ``RemovalPolicy.RETAIN``. Default: it is
                deleted; DynamoDB keeps a backup for 35 days.
            ledger_deletion_protection: refuse to delete the ledger. Together with ``RemovalPolicy.DESTROY`` it lets
                the deletion of the stack fail. Default: False.
            max_policies: managed policies that a role of the account can have, from 2 to 25. Half of them are for the
                associations, because old and new ones are attached together while a stack is deployed. Stacks that
                share the provider are deployed one after the other unless all of their policies fit in twice. Raise the
                quota of IAM "Managed policies attached to an IAM role" first. Default: 10, which is the quota of an
                account in which nobody has raised it.
            encrypt_queues: whether the queues of enforcement use ``encryption_key``, too. With ``False`` they use
                SSE-SQS, keys that SQS owns. With ``True`` and an imported key, its owner has to let EventBridge use it,
                or no event arrives: a note shows the statement. Default: they use a key of the app, and with an
                imported key SSE-SQS.
            reconcilers: roles or users that may start a sweep with ``instance-role reconcile``, by the policy of the
                queue. Nobody else in the account can, whatever their own policies allow. They exist before the
                deployment, because SQS refuses unknown principals. Default: none.

        Raises:
            ValueError: ``vpc_subnets`` or ``security_groups`` without ``vpc``; a VPC of another account or Region; an
                empty list of security groups; an alias, or a key of another Region or partition; a runtime that is not
                Python 3.11 or newer; a number out of range; ``encrypt_queues`` without a key; a reconciler that is
                neither a role nor a user; or the stack has this provider already.
        """
        _check_first(scope, id)
        super().__init__(scope, id)
        check_max_policies(max_policies)
        settings = ProviderSettings(
            vpc=vpc,
            vpc_subnets=vpc_subnets,
            security_groups=security_groups,
            encryption_key=encryption_key,
            log_retention=log_retention,
            log_removal_policy=log_removal_policy,
            runtime=runtime,
            architecture=architecture,
            tracing=tracing,
            reserved_concurrent_executions=reserved_concurrent_executions,
            ledger_removal_policy=ledger_removal_policy,
            ledger_deletion_protection=ledger_deletion_protection,
            encrypt_queues=encrypt_queues,
            reconcilers=reconcilers,
        )
        settings.check(stack_of(self))
        self._settings = settings
        self._enforcement: EnforcementResources | None = None
        self._log_group = new_log_group(self, settings)
        self._ledger = new_ledger(self, settings)
        self._functions = Functions(self, settings, self._ledger, self._log_group)
        is_default = id == self.DEFAULT_ID and isinstance(scope, Stack)
        policies_id = _POLICIES_ID if is_default else f"{_POLICIES_ID}{self.node.addr[-8:]}"
        self._grants = Grants(self, self._functions.handler_role, policies_id, max_policies)

    @classmethod
    def of(cls, scope: Construct) -> "AssociationProvider":
        """The provider of the scope's stack, made on first use.

        Args:
            scope: any construct in the stack.

        Returns:
            The provider with the id `DEFAULT_ID`.
        """
        return _default_of(stack_of(scope))

    @property
    def service_token(self) -> str:
        """ARN of the function that CloudFormation calls: the ``ServiceToken`` of the custom resource."""
        return self._functions.service_token

    @property
    def handler_role(self) -> iam.IRole:
        """Role of the handler. The library generates its permissions."""
        return self._functions.handler_role

    @property
    def function(self) -> lambda_.IFunction:
        """The function that changes associations, for alarms and outputs. Nobody but the provider framework has to
        invoke it: a principal that may invoke it can do all that any association may do."""
        return self._functions.handler

    @property
    def ledger(self) -> dynamodb.ITable:
        """The table that holds what every instance carried before, for grants to read it."""
        return self._ledger

    @property
    def log_group(self) -> logs.ILogGroup:
        """The log group of all functions of the provider, for outputs, metric filters and grants to read it."""
        return self._log_group

    def grant(self, permissions: Permissions) -> IDependable:
        """Give the handler the permissions for one association.

        The policies live in the association's stack: one in the provider's stack could not name what belongs to a
        stack that depends on it.

        Args:
            permissions: its permissions.

        Returns:
            The policies, on which the association has to depend.

        Raises:
            ValueError: the provider is in another account or Region, an instance is selected by another association
                of the account and Region already, or the permissions don't fit into as many policies as the handler's
                role can have.
        """
        return self._grants.add(permissions)

    def enforce(self, enforcement: Enforcement, instances: InstanceSelection) -> None:
        """Have an association enforced between deployments. The first one makes the resources for all: an event rule, a
        schedule with its role, two queues with their policies, a function and its event source.

        Args:
            enforcement: how it is enforced.
            instances: its targets.
        """
        if self._enforcement is None:
            self._enforcement = EnforcementResources(self, "Enforcement", self._settings, self._functions)
        self._enforcement.add(enforcement, instances)


def _check_first(scope: Construct, id: str) -> None:
    """Refuse a provider that an association has made already."""
    if isinstance(scope.node.try_find_child(id), AssociationProvider):
        raise ValueError(
            f"{path_of(scope)} has the provider {id} already: make it once, before the first association of the stack, "
            "to give it settings"
        )


@cache  # jsii keeps every construct for as long as the process lives, so nothing is kept alive by this
def _default_of(stack: Any) -> AssociationProvider:
    found = stack.node.try_find_child(AssociationProvider.DEFAULT_ID)
    return (
        found if isinstance(found, AssociationProvider) else AssociationProvider(stack, AssociationProvider.DEFAULT_ID)
    )
