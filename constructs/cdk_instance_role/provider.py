"""The custom-resource provider behind the associations of a stack."""

from collections.abc import Iterator
from pathlib import Path

from aws_cdk import Duration, RemovalPolicy, Stack, custom_resources
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct, IDependable

from .arns import is_token
from .handler_policies import HandlerPolicies
from .permissions import Permissions, observe_statement
from .runtime.association.contract import (
    LEDGER_PARTITION_KEY,
    LEDGER_SORT_KEY,
    LEDGER_TABLE_VARIABLE,
    LONGEST_INVOCATION_SECONDS,
)

_RUNTIME = Path(__file__).parent / "runtime"
_ID = "InstanceProfileAssociationProvider"
_POLICIES_ID = "InstanceProfileHandlerPolicies"
QUERY_SECONDS = 5
MEMORY_MIB = 1769
"""With so much a function has a whole processor, and a look at thousands of instances takes one some seconds:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""
MOST_POLICIES = 10
"""Managed policies of a role: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""


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

    def __init__(self, scope: Construct, id: str) -> None:
        """
        Args:
            scope: parent construct.
            id: id within the parent.
        """
        super().__init__(scope, id)
        log_group = logs.LogGroup(self, "Log", retention=logs.RetentionDays.THREE_MONTHS)
        ledger = self._ledger()
        self._role = self._handler_role(ledger, log_group)
        handler = self._handler(ledger, log_group)
        framework = custom_resources.Provider(
            self,
            "Framework",
            on_event_handler=handler,
            is_complete_handler=handler,
            query_interval=Duration.seconds(QUERY_SECONDS),
            total_timeout=Duration.hours(1),
            log_group=log_group,
            # The framework asks again by throwing the whole event, and Lambda logs what is thrown: with the signed URL
            # by which anyone could answer CloudFormation. What there is to say, the handler says.
            framework_lambda_logging_level=lambda_.ApplicationLogLevel.FATAL,
            framework_complete_and_timeout_role=self._framework_role(log_group),
        )
        self._service_token = framework.service_token
        self._policies: dict[Stack, HandlerPolicies] = {}
        self._granted: list[Permissions] = []
        self._selected: dict[str, str] = {}

    @classmethod
    def of(cls, scope: Construct) -> "AssociationProvider":
        """The provider of the scope's stack, made on first use.

        Args:
            scope: any construct in the stack.
        """
        stack = Stack.of(scope)
        found = stack.node.try_find_child(_ID)
        return found if isinstance(found, AssociationProvider) else cls(stack, _ID)

    @property
    def service_token(self) -> str:
        """What a custom resource names its provider by."""
        return self._service_token

    @property
    def handler_role(self) -> iam.IRole:
        """Role of the function."""
        return self._role

    def grant(self, association: Construct, permissions: Permissions) -> IDependable:
        """Give the handler the rights for one association.

        The policies live in the association's stack: one in the provider's stack could not name what belongs to a
        stack that depends on it.

        Args:
            association: the association.
            permissions: its rights.

        Returns:
            The policies, on which the association has to depend.

        Raises:
            ValueError: the provider is elsewhere, an instance is selected by another association of this provider
                already, or the rights don't fit into a policy or into as many as the handler's role can have.
        """
        stack = Stack.of(association)
        self._refuse_selected_twice(association, permissions)
        policies = self._policies.get(stack) or self._new_policies(stack)
        policies.add(association, permissions)
        self._granted.append(permissions)
        self._refuse_too_many()
        return policies

    def _new_policies(self, stack: Stack) -> HandlerPolicies:
        self._refuse_elsewhere(stack)
        is_default = self.node.scope is stack and self.node.id == _ID
        id_ = _POLICIES_ID if is_default else f"{_POLICIES_ID}{self.node.addr[-8:]}"
        self._policies[stack] = HandlerPolicies(stack, id_, role=self._role)
        return self._policies[stack]

    def _ledger(self) -> dynamodb.Table:
        return dynamodb.Table(
            self,
            "Ledger",
            partition_key=dynamodb.Attribute(name=LEDGER_PARTITION_KEY, type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name=LEDGER_SORT_KEY, type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.AWS_MANAGED,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            # Once the associations are gone everything has been given back. DynamoDB keeps a backup for 35 days.
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _handler_role(self, ledger: dynamodb.Table, log_group: logs.LogGroup) -> iam.Role:
        write_ledger = iam.PolicyStatement(
            actions=[
                "dynamodb:DeleteItem",
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                "dynamodb:Query",
                "dynamodb:UpdateItem",
            ],
            resources=[ledger.table_arn],
        )
        statements = [observe_statement(), write_ledger, _write_log(log_group)]
        return iam.Role(
            self,
            "HandlerRole",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description="Associates instance profiles with existing EC2 instances",
            inline_policies={"Handler": iam.PolicyDocument(statements=statements)},
        )

    def _handler(self, ledger: dynamodb.Table, log_group: logs.LogGroup) -> lambda_.Function:
        return lambda_.Function(
            self,
            "Handler",
            description="Associates instance profiles with existing EC2 instances, and gives back what they had",
            runtime=lambda_.Runtime.PYTHON_3_14,
            handler="association.entry.handle",
            # Bytecode is not source: it would change the asset's hash from one synthesis to the next.
            code=lambda_.Code.from_asset(str(_RUNTIME), exclude=["**/__pycache__", "**/*.pyc"]),
            role=self._role,
            timeout=Duration.seconds(LONGEST_INVOCATION_SECONDS),
            memory_size=MEMORY_MIB,
            environment={LEDGER_TABLE_VARIABLE: ledger.table_name},
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
        )

    def _framework_role(self, log_group: logs.LogGroup) -> iam.Role:
        """One role for two of the framework's functions, which do the same job with the same rights."""
        return iam.Role(
            self,
            "WaiterRole",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            inline_policies={"Log": iam.PolicyDocument(statements=[_write_log(log_group)])},
        )

    def _refuse_elsewhere(self, stack: Stack) -> None:
        own = Stack.of(self)
        for what, mine, theirs in (("account", own.account, stack.account), ("Region", own.region, stack.region)):
            if mine != theirs and not is_token(mine) and not is_token(theirs):
                raise ValueError(
                    f"the provider is in {what} {mine} and the association in {theirs}: "
                    f"use a provider in the same {what}"
                )

    def _refuse_too_many(self) -> None:
        """While the deployment of a stack runs, the role has the old and the new policies of that stack."""
        counts = [policies.count for policies in self._policies.values()]
        if sum(counts) + max(counts) > MOST_POLICIES:
            stacks = ", ".join(stack.stack_name for stack in self._policies)
            raise ValueError(
                f"the instance ids, profiles and alarms of {stacks} need {sum(counts)} IAM policies, and a role "
                f"can have {MOST_POLICIES}, old and new ones together while a stack is deployed: "
                f"{', or '.join(self._ways_to_need_fewer())}"
            )

    def _ways_to_need_fewer(self) -> Iterator[str]:
        if any(permissions.lists_many_ids for permissions in self._granted):
            yield "select the instances by tags"
        if any(permissions.lists_several_profiles for permissions in self._granted):
            yield "list fewer profiles in `replaces`"
        if any(permissions.lists_many_alarms for permissions in self._granted):
            yield "watch a composite alarm of the alarms"
        if len(self._policies) > 1:
            yield "use a provider for each stack"
        elif len(self._granted) > 1:
            yield "spread the associations over several stacks"

    def _refuse_selected_twice(self, association: Construct, permissions: Permissions) -> None:
        path = association.node.path
        for instance_id in permissions.instances.instance_ids:
            other = self._selected.setdefault(instance_id, path)
            if other != path:
                raise ValueError(
                    f"instance {instance_id} is selected by {other} already: an instance carries one profile only"
                )


def _write_log(log_group: logs.LogGroup) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group.log_group_arn]
    )
