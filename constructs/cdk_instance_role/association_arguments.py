"""Checks of the arguments of an association, and their values as its resource has them."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch

from .enforcement import Enforcement
from .provider import AssociationProvider
from .replaceable import ReplaceableProfiles
from .rollout import Rollout
from .runtime.association.contract import DESTROY, MAX_TIMEOUT_SECONDS, RETAIN, OnConflict, Property
from .selection import InstanceSelection
from .support.argument_types import check_optional, check_type, whole_seconds
from .support.arns import is_token
from .support.at_synthesis import resolved

MIN_TIMEOUT, DEFAULT_TIMEOUT, MAX_TIMEOUT = 60, 1800, MAX_TIMEOUT_SECONDS
"""Seconds; the longest is the default with waves."""
SERVICE_TIMEOUT = Duration.seconds(MAX_TIMEOUT_SECONDS)
"""How long CloudFormation waits for an answer: as long as it can, whatever the timeout is. A rollback and a Delete may
concern more instances than any operation with that timeout."""


def check_types(
    *, instances: object, replaces: object, on_conflict: object, provider: object, rollout: object, enforcement: object
) -> None:
    """Refuse arguments of a wrong type.

    Raises:
        ValueError: one of them has a wrong type.
    """
    check_type("instances", instances, InstanceSelection, "InstanceSelection.by_ids(...) or by_tags(...)")
    check_type("on_conflict", on_conflict, OnConflict, "OnConflict.FAIL or OnConflict.KEEP")
    replaceable = "ReplaceableProfiles.profiles(...), none() or any()"
    check_optional("replaces", replaces, ReplaceableProfiles, replaceable)
    check_optional("provider", provider, AssociationProvider, "an AssociationProvider of the app")
    check_optional("rollout", rollout, Rollout, "Rollout.in_waves(...) or Rollout.all_at_once()")
    check_optional("enforcement", enforcement, Enforcement, "Enforcement.report(...), repair(...) or none()")


def enforcement_or_none(enforcement: Enforcement | None, removal: str) -> Enforcement:
    """The enforcement of an association, none by default. An association that is retained can't have one.

    Args:
        enforcement: as it was given.
        removal: what becomes of the associations when the resource is removed.
    """
    if enforcement is None:
        return Enforcement.none()
    if enforcement.is_on and removal == RETAIN:
        raise ValueError(_retained("removal_policy", enforcement))
    return enforcement


def _retained(what: str, enforcement: Enforcement) -> str:
    return (
        f"enforcement is {enforcement.mode} and {what} retains the associations: the handler does not "
        "learn that a retained resource is removed, so use RemovalPolicy.DESTROY or Enforcement.none()"
    )


def timeout_seconds(timeout: Duration | None, rollout: Rollout) -> int:
    if timeout is None:
        return MAX_TIMEOUT if rollout.is_in_waves else DEFAULT_TIMEOUT
    return whole_seconds("timeout", timeout, MIN_TIMEOUT, MAX_TIMEOUT, "from 1 minute to 1 hour")


_REMOVALS = {
    RemovalPolicy.DESTROY: DESTROY,
    RemovalPolicy.RETAIN: RETAIN,
    RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE: RETAIN,
}


_DELETION_POLICIES = {"Delete": DESTROY, "Retain": RETAIN, "RetainExceptOnCreate": RETAIN}


def rendered_removal(removal_policy: RemovalPolicy) -> str:
    check_type("removal_policy", removal_policy, RemovalPolicy, "RemovalPolicy.DESTROY or RETAIN")
    if removal_policy not in _REMOVALS:
        raise ValueError(
            f"removal_policy {removal_policy.name} means nothing for an association: use DESTROY or RETAIN"
        )
    return _REMOVALS[removal_policy]


def removal_in(resource: Mapping[str, Any]) -> str | None:
    """What happens to the associations by the deletion policy that a resource has in the template; None if it does not
    say: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html

    Args:
        resource: as the template has it once every Aspect has run.
    """
    return _DELETION_POLICIES.get(resource.get("DeletionPolicy", ""))


def removal_problems(resource: Mapping[str, Any], enforcement: Enforcement) -> list[str]:
    """What is wrong with the deletion policy of an association, in sentences: an Aspect may have set it."""
    policy = resource.get("DeletionPolicy", "Delete")
    if policy not in _DELETION_POLICIES:
        return [f"the association has the deletion policy {policy}, by an Aspect or an override: use Delete or Retain"]
    if enforcement.is_on and _DELETION_POLICIES[policy] == RETAIN:
        return [_retained(f"its deletion policy {policy}, by an Aspect or an override,", enforcement)]
    return []


_AS_DECLARED = sorted({"ServiceToken", *Property} - {Property.ON_CONFLICT, Property.TIMEOUT_SECONDS})
"""Properties that permissions of the handler or checks at synthesis depend on."""


def overrides(stack: Stack, properties: Mapping[str, Any], *expected: Mapping[str, Any]) -> list[str]:
    """The properties that an Aspect or an override has changed and must not change, in sentences.

    Args:
        stack: stack of the association.
        properties: those of the resource, as the template has them once every Aspect has run.
        expected: what they may be: as they were declared, and as the library itself has changed them.
    """

    def is_expected(key: str) -> bool:
        found, values = properties.get(key), [those.get(key) for those in expected]
        return found in values or found in [resolved(stack, value) for value in values]

    return [
        f"{key} of the association is changed by an Aspect or an override, and the permissions of the handler and the "
        "checks at synthesis follow the arguments of the construct: change the arguments"
        for key in _AS_DECLARED
        if not is_expected(key)
    ]


def refuse_elsewhere(alarm: cloudwatch.IAlarm, stack: Stack) -> None:
    """CloudWatch knows the alarms of its own account and Region only: one of the same name there may be another."""
    arn, env = alarm.alarm_arn, alarm.env
    region, account = (env.region, env.account) if is_token(arn) else arn.split(":")[3:5]
    for what, theirs, mine in (("account", account, stack.account), ("Region", region, stack.region)):
        if not is_token(theirs) and not is_token(mine) and theirs != mine:
            raise ValueError(
                f"alarm {alarm.node.path} is in {what} {theirs} and the association in {mine}: "
                f"watch an alarm in the same {what}"
            )
