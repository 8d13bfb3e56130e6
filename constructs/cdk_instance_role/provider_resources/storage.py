"""Where a provider keeps what it has to remember: the ledger and the log group."""

import jsii
from aws_cdk import Stack, Tags
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct, IValidation

from ..runtime.association.contract import LEDGER_EXPIRY, LEDGER_PARTITION_KEY, LEDGER_SORT_KEY, LEDGER_TAG
from ..support.locations import stack_of
from .encryption import complete_key_policy
from .limits import MAX_LEDGER_TAGS
from .provider_settings import ProviderSettings

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


def new_ledger(scope: Construct, settings: ProviderSettings) -> dynamodb.Table:
    """The table that holds what every instance carried before.

    Args:
        scope: the provider.
        settings: its settings.
    """
    # Without a customer's key it is the one that AWS owns, not `aws/dynamodb`: the CDK's lookup role may not decrypt
    # with any key of the account, so `instance-role plan` could not read the ledger through it.
    key = settings.encryption_key
    table = dynamodb.Table(
        scope,
        "Ledger",
        partition_key=dynamodb.Attribute(name=LEDGER_PARTITION_KEY, type=dynamodb.AttributeType.STRING),
        sort_key=dynamodb.Attribute(name=LEDGER_SORT_KEY, type=dynamodb.AttributeType.STRING),
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        time_to_live_attribute=LEDGER_EXPIRY,
        encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED if key else None,
        encryption_key=key,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        removal_policy=settings.ledger_removal_policy,
        deletion_protection=settings.ledger_deletion_protection or None,
    )
    Tags.of(table).add(*LEDGER_TAG)
    table.node.add_validation(_TagsFit(table))
    return table


def new_log_group(scope: Construct, settings: ProviderSettings) -> logs.LogGroup:
    """The log group of all functions.

    Args:
        scope: the provider.
        settings: its settings.
    """
    group = logs.LogGroup(
        scope,
        "Log",
        retention=settings.log_retention,
        removal_policy=settings.log_removal_policy,
        encryption_key=settings.encryption_key,
    )
    if settings.encryption_key:
        complete_key_policy(settings.encryption_key, group)
    return group


def use_ledger(ledger: dynamodb.ITable) -> iam.PolicyStatement:
    """What the handler needs of the ledger."""
    return iam.PolicyStatement(actions=[*_LEDGER_ACTIONS], resources=[ledger.table_arn])


def write_log(group: logs.ILogGroup) -> iam.PolicyStatement:
    """What a function needs of its log group."""
    return iam.PolicyStatement(actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[group.log_group_arn])


@jsii.implements(IValidation)
class _TagsFit:
    """Refuses more tags on the ledger than DynamoDB takes, which those of a stack or an app may be with its own one.

    Tags that ``cdk deploy --tags`` adds are not known at synthesis.
    """

    def __init__(self, ledger: dynamodb.Table) -> None:
        self._ledger = ledger

    def validate(self) -> list[str]:
        table = self._ledger.node.default_child
        assert isinstance(table, dynamodb.CfnTable)
        count = len({*table.tags.tag_values(), *_passed_on(stack_of(table))})
        if count <= MAX_LEDGER_TAGS:
            return []
        excess = count - MAX_LEDGER_TAGS
        problem = (
            f"the ledger has {count} tags, one of which is its own, {LEDGER_TAG[0]!r}, and AWS takes {MAX_LEDGER_TAGS} "
            f"on a table: take {excess} from its stack or its app"
        )
        return [problem]


def _passed_on(stack: Stack) -> set[str]:
    """The keys of the tags that CloudFormation gives to all resources of a stack: its own, and those of the stack that
    it is nested in.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-resource-tags.html"""
    parent = stack.nested_stack_parent
    return {*stack.tags.tag_values(), *(_passed_on(parent) if parent else ())}
