"""The queue of enforcement: what it holds for how long, who may send, and with which key it is encrypted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from ..runtime.association.contract import EVENT_SOURCE, MAX_ENFORCEMENT_SECONDS
from .encryption import SENDER_KEY_ACTIONS, add_to_key_policy, events_statement, sender_statement, service_statement
from .provider_settings import ProviderSettings
from .reconcilers import arn_of

VISIBILITY_SECONDS = 6 * MAX_ENFORCEMENT_SECONDS
"""As AWS recommends: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"""
MAX_RECEIVES = 100
"""A message that goes back to the queue counts as received each time."""
MESSAGE_DAYS, DEAD_LETTER_DAYS = 1, 14
_RECEIVE_ACTIONS = (
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
)
_SEND = "sqs:SendMessage"


@dataclass(frozen=True)
class Queues:
    """The queue and its dead-letter queue."""

    queue: sqs.Queue
    dead_letters: sqs.Queue
    key: kms.IKey | None
    """The customer's key that both are encrypted with; None for SSE-SQS."""

    @classmethod
    def of(cls, scope: Construct, settings: ProviderSettings) -> "Queues":
        """New queues.

        Args:
            scope: parent construct.
            settings: of the provider.
        """
        key = _key(Stack.of(scope), settings)
        encryption: dict[str, Any] = {
            "encryption": sqs.QueueEncryption.KMS if key else sqs.QueueEncryption.SQS_MANAGED,
            "encryption_master_key": key,
            "enforce_ssl": True,
        }
        dead_letters = sqs.Queue(scope, "DeadLetters", retention_period=Duration.days(DEAD_LETTER_DAYS), **encryption)
        queue = sqs.Queue(
            scope,
            "Queue",
            visibility_timeout=Duration.seconds(VISIBILITY_SECONDS),
            retention_period=Duration.days(MESSAGE_DAYS),
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead_letters, max_receive_count=MAX_RECEIVES),
            **encryption,
        )
        if key:
            _complete_key_policy(key, queue, settings)
        return cls(queue, dead_letters, key)

    def restrict_senders(self, rule_arn: str, schedule_role: iam.IRole, reconcilers: Sequence[iam.IGrantable]) -> None:
        """Let the rule, the schedule and the reconcilers send, and nobody else.

        The permissions are in the policy of the queue only: a policy of a role in another stack could not name the
        queue, whose policy names that role.

        Args:
            rule_arn: ARN of the event rule.
            schedule_role: role of the schedule, which has the permission itself.
            reconcilers: the principals that may start a sweep.
        """
        arns = [*dict.fromkeys(map(arn_of, reconcilers))]
        self.queue.add_to_resource_policy(
            iam.PolicyStatement(
                sid="EventRule",
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=[_SEND],
                resources=[self.queue.queue_arn],
                conditions={"ArnEquals": {"aws:SourceArn": rule_arn}},
            )
        )
        if arns:
            self.queue.add_to_resource_policy(
                iam.PolicyStatement(
                    sid="Reconcilers",
                    principals=[iam.ArnPrincipal(arn) for arn in arns],
                    actions=[_SEND, "sqs:GetQueueAttributes", "sqs:GetQueueUrl"],
                    resources=[self.queue.queue_arn],
                )
            )
        self.queue.add_to_resource_policy(self._deny_others([schedule_role.role_arn, *arns]))

    def _deny_others(self, arns: Sequence[str]) -> iam.PolicyStatement:
        """Deny all principals of IAM but these, whatever their own policies allow.

        AWS services are allowed by statements of their own. A request without credentials has neither of the keys: it
        is denied, because `BoolIfExists` and a negated operator hold for a key that is absent.
        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
        """
        return iam.PolicyStatement(
            sid="OtherSenders",
            effect=iam.Effect.DENY,
            principals=[iam.AnyPrincipal()],
            actions=[_SEND],
            resources=[self.queue.queue_arn],
            conditions={
                "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
                "ArnNotEquals": {"aws:PrincipalArn": [*arns]},
            },
        )


def enforcement_statements(stack: Stack, queue: sqs.IQueue) -> list[iam.PolicyStatement]:
    """What the handler needs besides for enforcement: messages of the queue, and events of this source.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html

    Args:
        stack: the stack of the queue.
        queue: the queue.
    """
    default_bus = stack.format_arn(service="events", resource="event-bus", resource_name="default")
    key = queue.encryption_master_key
    return [
        *([service_statement(key, stack, "sqs", "kms:Decrypt")] if key else []),
        iam.PolicyStatement(actions=[*_RECEIVE_ACTIONS], resources=[queue.queue_arn]),
        iam.PolicyStatement(
            actions=["events:PutEvents"],
            resources=[default_bus],
            conditions={"StringEquals": {"events:source": EVENT_SOURCE}},
        ),
    ]


def _key(stack: Stack, settings: ProviderSettings) -> kms.IKey | None:
    """The key of the queues. EventBridge can send only if the policy of the key says so, which is the owner's business:
    with an imported key the queues use it only where they are asked to."""
    key = settings.encryption_key
    if key is None or settings.encrypt_queues is False:
        return None
    if settings.encrypt_queues is None and not key.add_to_resource_policy(events_statement(stack)).statement_added:
        return None
    return key


def _complete_key_policy(key: kms.IKey, queue: sqs.Queue, settings: ProviderSettings) -> None:
    """Let EventBridge and the reconcilers use the key for messages.

    The policy of a key in the same stack can name a principal of any stack. A key elsewhere is granted in the policy of
    the principal, because its stack could not name what belongs to a stack that depends on it.
    """
    statements = [events_statement(queue.stack)] if settings.encrypt_queues else []  # otherwise it is there already
    if settings.reconcilers and Stack.of(key) == queue.stack:
        arns = [*dict.fromkeys(map(arn_of, settings.reconcilers))]
        statements.append(sender_statement([iam.ArnPrincipal(arn) for arn in arns]))
    else:
        for reconciler in settings.reconcilers:
            key.grant(reconciler, *SENDER_KEY_ACTIONS)
    add_to_key_policy(key, queue, statements)
