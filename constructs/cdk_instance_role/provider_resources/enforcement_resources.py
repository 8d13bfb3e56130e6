"""What a provider needs for enforcement: events and a schedule, a queue for both, and a function behind it."""

import json
import math
from collections.abc import Callable
from typing import Any

import jsii
from aws_cdk import IAnyProducer, IResolveContext, Lazy, Stack, Token
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from ..enforcement import Enforcement
from ..runtime.association.contract import SWEEP, Message
from ..selection import InstanceSelection
from .encryption import SENDER_KEY_ACTIONS, service_statement
from .event_pattern import event_pattern
from .functions import Functions
from .provider_settings import ProviderSettings
from .queues import Queues

BATCH_SIZE = 10
MAX_CONCURRENCY = 5
"""Invocations at a time. An association is changed by one of them only, so many more would only wait."""
_SCHEDULE_GROUP = "default"


class EnforcementResources(Construct):
    """Rule, schedule, queue and function, which all associations of a provider share.

    A rule and a schedule send to one standard queue. Lambda hands its messages to the function, which deletes them one
    by one. The pattern of the rule, and how often the schedule sends, are known at synthesis: they depend on all
    associations of all stacks that use the provider.
    """

    def __init__(self, scope: Construct, id: str, settings: ProviderSettings, functions: Functions) -> None:
        """
        Args:
            scope: the provider.
            id: id within the provider.
            settings: its settings.
            functions: its functions.
        """
        super().__init__(scope, id)
        self._enforced: list[tuple[Enforcement, InstanceSelection]] = []
        self.queues = Queues.of(self, settings)
        rule = self._rule()
        role = self._schedule_role()
        self._schedule(role)
        self.queues.restrict_senders(rule.attr_arn, role, settings.reconcilers)
        self.function = functions.new_enforcer(self, self.queues.queue, MAX_CONCURRENCY)
        lambda_.EventSourceMapping(
            self,
            "Messages",
            target=self.function,
            event_source_arn=self.queues.queue.queue_arn,
            batch_size=BATCH_SIZE,
            max_concurrency=MAX_CONCURRENCY,
            report_batch_item_failures=True,
        )

    def add(self, enforcement: Enforcement, instances: InstanceSelection) -> None:
        """Have an association enforced.

        Args:
            enforcement: how.
            instances: its targets.
        """
        self._enforced.append((enforcement, instances))

    def _rule(self) -> events.CfnRule:
        return events.CfnRule(
            self,
            "Rule",
            description="Instances that may need another instance profile",
            event_pattern=_later(self._pattern),
            targets=[events.CfnRule.TargetProperty(id="Queue", arn=self.queues.queue.queue_arn)],
        )

    def _schedule_role(self) -> iam.Role:
        """https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html"""
        stack = Stack.of(self)
        group = stack.format_arn(service="scheduler", resource="schedule-group", resource_name=_SCHEDULE_GROUP)
        ours = {"StringEquals": {"aws:SourceAccount": stack.account, "aws:SourceArn": group}}
        statements = [iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[self.queues.queue.queue_arn])]
        if self.queues.key:
            statements.append(service_statement(self.queues.key, stack, "sqs", *SENDER_KEY_ACTIONS))
        return iam.Role(
            self,
            "ScheduleRole",
            assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com", conditions=ours),
            description="Starts sweeps over the targets of instance profile associations",
            inline_policies={"Send": iam.PolicyDocument(statements=statements)},
        )

    def _schedule(self, role: iam.Role) -> None:
        scheduler.CfnSchedule(
            self,
            "Schedule",
            description="Sweeps over the targets of instance profile associations",
            schedule_expression=Token.as_string(_later(lambda: _rate(self._minutes))),
            flexible_time_window=_later(lambda: _window(self._minutes)),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=self.queues.queue.queue_arn,
                role_arn=role.role_arn,
                input=json.dumps({Message.KIND.value: SWEEP}),
                # What is not sent by the time of the next sweep is not needed any more.
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_event_age_in_seconds=Token.as_number(_later(lambda: self._minutes * 60))
                ),
            ),
        )

    def _pattern(self) -> dict[str, Any]:
        return event_pattern(key for _, instances in self._enforced for key, _ in instances.tags)

    @property
    def _minutes(self) -> int:
        """Time between two sweeps: a rate is in minutes."""
        return math.ceil(min(enforcement.every_seconds for enforcement, _ in self._enforced) / 60)


def _rate(minutes: int) -> str:
    """https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html"""
    return f"rate({minutes} minute{'' if minutes == 1 else 's'})"


def _window(minutes: int) -> dict[str, Any]:
    """Up to a tenth of the time between two sweeps, so that those of many providers don't begin together."""
    window = minutes // 10
    return {"mode": "FLEXIBLE", "maximumWindowInMinutes": window} if window else {"mode": "OFF"}


def _later(value: Callable[[], Any]) -> Any:
    return Lazy.uncached_any(_Producer(value))


@jsii.implements(IAnyProducer)
class _Producer:
    """A value that is known at synthesis."""

    def __init__(self, value: Callable[[], Any]) -> None:
        self._value = value

    def produce(self, context: IResolveContext) -> Any:
        del context
        return self._value()
