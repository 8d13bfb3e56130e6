"""The custom-resource provider behind the associations of a stack."""

from functools import cache
from pathlib import Path
from typing import Any

from aws_cdk import Duration, RemovalPolicy, Stack, custom_resources
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct, IDependable

from .handler_permissions.attached_policies import Grants
from .handler_permissions.capacity import DEFAULT_MAX_POLICIES, check_max_policies
from .handler_permissions.statements import Permissions, observe_statement
from .runtime.association.contract import (
    LEDGER_EXPIRY,
    LEDGER_PARTITION_KEY,
    LEDGER_SORT_KEY,
    LEDGER_TABLE_VARIABLE,
    LOG_GROUP_VARIABLE,
    MAX_INVOCATION_SECONDS,
)
from .support.places import stack_of

_RUNTIME = Path(__file__).parent / "runtime"
_LEDGER_ACTIONS = (
    "dynamodb:BatchGetItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
)
"""A transaction needs the action of each of its parts:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html"""
_ID = "InstanceProfileAssociationProvider"
_POLICIES_ID = "InstanceProfileHandlerPolicies"
QUERY_SECONDS = 5
MEMORY_MIB = 1769
"""With so much a function has a whole processor, and a look at thousands of instances takes one some seconds:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""


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

    def __init__(self, scope: Construct, id: str, *, max_policies: int = DEFAULT_MAX_POLICIES) -> None:
        """
        Args:
            scope: parent construct.
            id: id within the parent.
            max_policies: managed policies that a role of the account can have, from 2 to 25. Half of them are for the
                associations, because old and new ones are attached together while a stack is deployed. Raise the
                quota of IAM "Managed policies attached to an IAM role" first. Default: 10, which is the quota of an
                account in which nobody has raised it.

        Raises:
            ValueError: ``max_policies`` is out of range.
        """
        super().__init__(scope, id)
        check_max_policies(max_policies)
        self._log_group = logs.LogGroup(self, "Log", retention=logs.RetentionDays.THREE_MONTHS)
        self._ledger = self._new_ledger()
        self._role = self._handler_role()
        self._function = self._handler()
        framework = custom_resources.Provider(
            self,
            "Framework",
            on_event_handler=self._function,
            is_complete_handler=self._function,
            query_interval=Duration.seconds(QUERY_SECONDS),
            total_timeout=Duration.hours(1),
            log_group=self._log_group,
            # The framework asks again by throwing the whole event, and Lambda logs what is thrown: with the signed URL
            # by which anyone could answer CloudFormation. What there is to say, the handler says.
            framework_lambda_logging_level=lambda_.ApplicationLogLevel.FATAL,
            framework_on_event_role=self._framework_role("OnEventRole"),
            # The functions behind the waiter do the same job with the same permissions.
            framework_complete_and_timeout_role=self._framework_role("WaiterRole"),
        )
        self._service_token = framework.service_token
        is_default = self.node.id == _ID and isinstance(self.node.scope, Stack)
        policies_id = _POLICIES_ID if is_default else f"{_POLICIES_ID}{self.node.addr[-8:]}"
        self._grants = Grants(self, self._role, policies_id, max_policies)

    @classmethod
    def of(cls, scope: Construct) -> "AssociationProvider":
        """The provider of the scope's stack, made on first use.

        Args:
            scope: any construct in the stack.
        """
        return _default_of(stack_of(scope))

    @property
    def service_token(self) -> str:
        """What a custom resource names its provider by."""
        return self._service_token

    @property
    def handler_role(self) -> iam.IRole:
        """Role of the function."""
        return self._role

    @property
    def function(self) -> lambda_.IFunction:
        """The function that changes associations, for alarms and outputs. Nobody but the provider framework has to
        invoke it: a principal that may invoke it can do all that any association may do."""
        return self._function

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
                of this provider already, or the permissions don't fit into as many policies as the handler's role can
                have.
        """
        return self._grants.add(permissions)

    def _new_ledger(self) -> dynamodb.Table:
        return dynamodb.Table(
            self,
            "Ledger",
            partition_key=dynamodb.Attribute(name=LEDGER_PARTITION_KEY, type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name=LEDGER_SORT_KEY, type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute=LEDGER_EXPIRY,
            encryption=dynamodb.TableEncryption.AWS_MANAGED,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            # Once the associations are gone everything has been given back. DynamoDB keeps a backup for 35 days.
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _handler_role(self) -> iam.Role:
        use_ledger = iam.PolicyStatement(actions=[*_LEDGER_ACTIONS], resources=[self._ledger.table_arn])
        statements = [observe_statement(), use_ledger, self._write_log()]
        return iam.Role(
            self,
            "HandlerRole",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description="Associates instance profiles with existing EC2 instances",
            inline_policies={"Handler": iam.PolicyDocument(statements=statements)},
        )

    def _handler(self) -> lambda_.Function:
        return lambda_.Function(
            self,
            "Handler",
            description="Associates instance profiles with existing EC2 instances, and gives back what they had",
            runtime=lambda_.Runtime.PYTHON_3_14,
            handler="association.entry.handle",
            # Bytecode is not source: it would change the asset's hash from one synthesis to the next.
            code=lambda_.Code.from_asset(str(_RUNTIME), exclude=["**/__pycache__", "**/*.pyc"]),
            role=self._role,
            timeout=Duration.seconds(MAX_INVOCATION_SECONDS),
            memory_size=MEMORY_MIB,
            environment={
                LEDGER_TABLE_VARIABLE: self._ledger.table_name,
                LOG_GROUP_VARIABLE: self._log_group.log_group_name,
            },
            log_group=self._log_group,
            logging_format=lambda_.LoggingFormat.JSON,
        )

    def _framework_role(self, id: str) -> iam.Role:
        """A role for functions of the framework. Those that the CDK makes may write to every log group."""
        return iam.Role(
            self,
            id,
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            inline_policies={"Log": iam.PolicyDocument(statements=[self._write_log()])},
        )

    def _write_log(self) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[self._log_group.log_group_arn]
        )


@cache  # jsii keeps every construct for as long as the process lives, so nothing is kept alive by this
def _default_of(stack: Any) -> AssociationProvider:
    found = stack.node.try_find_child(_ID)
    return found if isinstance(found, AssociationProvider) else AssociationProvider(stack, _ID)
