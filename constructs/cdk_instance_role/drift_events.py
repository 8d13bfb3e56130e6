"""The event that enforcement sends about drift, for rules of the app."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import CfnResource, CustomResource, ScopedAws, Stack
from aws_cdk import aws_events as events
from constructs import Construct

from .enforcement import Enforcement
from .runtime.association.contract import EVENT_SOURCE, EventType
from .support.argument_types import check_optional

_STACK, _ASSOCIATION = "stackId", "association"
_OURS = ("source", "detail_type")


class DriftEvents:
    """What an association with enforcement sends to the default event bus of its account and Region. Without
    enforcement it sends nothing, and the methods raise a ``ValueError``.

    Example:
        ::

            association = web.associate_with("Fleet", instances, enforcement=Enforcement.report())
            association.on_drift("Drift", target=targets.SnsTopic(topic))
            association.on_pause("Pause", target=targets.SnsTopic(topic))
    """

    _resource: CustomResource
    _enforcement: Enforcement

    def on_drift(
        self,
        id: str,
        *,
        target: events.IRuleTarget | None = None,
        description: str | None = None,
        rule_name: str | None = None,
        event_pattern: events.EventPattern | None = None,
        cross_stack_scope: Construct | None = None,
    ) -> events.Rule:
        """Send an event to a target when drift of this association opens, changes or closes.

        Defines an ``AWS::Events::Rule`` on the default event bus. There is one event for each transition, and none for
        drift that goes on: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rules.html

        Example:
            ::

                association.on_drift("Drift", target=targets.SnsTopic(topic))

        Args:
            id: id of the rule within the association.
            target: what gets the event. Default: none yet; add one with ``rule.add_target(...)``.
            description: description of the rule. Default: none.
            rule_name: physical name of the rule. Default: CloudFormation makes one.
            event_pattern: what else has to be in the ``detail`` of the event. Default: nothing.
            cross_stack_scope: scope of the rule, to have it in another stack. Default: the association.

        Returns:
            The rule.

        Raises:
            ValueError: the association has no enforcement, or ``event_pattern`` is about what the rule says itself:
                ``source``, ``detail_type``, and ``stackId`` and ``association`` of the detail.
        """
        rule = self._rule(id, cross_stack_scope, description, rule_name, event_pattern, target)
        return _about(rule, EventType.DRIFT, self._resource)

    def on_pause(
        self,
        id: str,
        *,
        target: events.IRuleTarget | None = None,
        description: str | None = None,
        rule_name: str | None = None,
        event_pattern: events.EventPattern | None = None,
        cross_stack_scope: Construct | None = None,
    ) -> events.Rule:
        """Send an event to a target when enforcement of this association pauses. A pause needs people: it ends with
        ``instance-role reconcile --resume``, or with the next deployment that changes the association.

        Defines an ``AWS::Events::Rule`` on the default event bus:
        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rules.html

        Example:
            ::

                association.on_pause("Pause", target=targets.SnsTopic(topic))

        Args:
            id: id of the rule within the association.
            target: what gets the event. Default: none yet; add one with ``rule.add_target(...)``.
            description: description of the rule. Default: none.
            rule_name: physical name of the rule. Default: CloudFormation makes one.
            event_pattern: what else has to be in the ``detail`` of the event. Default: nothing.
            cross_stack_scope: scope of the rule, to have it in another stack. Default: the association.

        Returns:
            The rule.

        Raises:
            ValueError: as for `on_drift`.
        """
        rule = self._rule(id, cross_stack_scope, description, rule_name, event_pattern, target)
        return _about(rule, EventType.PAUSED, self._resource)

    def _rule(
        self,
        id: str,
        scope: Construct | None,
        description: str | None,
        rule_name: str | None,
        event_pattern: events.EventPattern | None,
        target: events.IRuleTarget | None,
    ) -> events.Rule:
        """A rule that does not say yet what it is about."""
        assert isinstance(self, Construct)
        if not self._enforcement.is_on:
            raise ValueError(
                f"{self.node.path} has no enforcement, so nothing reports its drift: give it "
                "enforcement=Enforcement.report() or Enforcement.repair()"
            )
        check_optional("target", target, "bind", "a target of aws_cdk.aws_events_targets, like SnsTopic(topic)")
        check_optional("event_pattern", event_pattern, events.EventPattern, "an EventPattern")
        _check_pattern(event_pattern)
        return events.Rule(
            scope or self,
            id,
            description=description,
            rule_name=rule_name,
            event_pattern=event_pattern,
            targets=[target] if target else None,
        )


def _about(rule: events.Rule, event_type: EventType, resource: CustomResource) -> events.Rule:
    """The rule, about one type of event of one association."""
    rule.add_event_pattern(source=[EVENT_SOURCE], detail_type=[event_type.value], detail=_detail(resource))
    return rule


def _detail(resource: CustomResource) -> Mapping[str, Any]:
    found = resource.node.default_child
    assert isinstance(found, CfnResource)
    return {_STACK: [ScopedAws(Stack.of(resource)).stack_id], _ASSOCIATION: [found.logical_id]}


def _check_pattern(pattern: events.EventPattern | None) -> None:
    """The CDK would add what is given to what the rule says itself, so that it matches more events and not fewer."""
    if pattern is None:
        return
    given = [name for name in _OURS if getattr(pattern, name) is not None]
    given += [name for name in (_STACK, _ASSOCIATION) if name in (pattern.detail or {})]
    if given:
        raise ValueError(f"event_pattern has {', '.join(given)}, which the rule sets itself: leave it out")
