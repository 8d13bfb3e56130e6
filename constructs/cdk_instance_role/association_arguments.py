"""Checks of the arguments of an association, and their values as its resource has them."""

from functools import cache

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch

from .enforcement import Enforcement
from .replaceable import ReplaceableProfiles
from .rollout import Rollout
from .runtime.association.contract import DESTROY, MAX_TIMEOUT_SECONDS, RETAIN
from .selection import InstanceSelection
from .support.arns import is_token

SHORTEST_TIMEOUT, DEFAULT_TIMEOUT, MAX_TIMEOUT = 60, 1800, MAX_TIMEOUT_SECONDS
"""Seconds; the longest is the default with waves. CloudFormation waits for an hour at most."""
TIME_TO_GIVE_BACK = 600
"""Seconds that CloudFormation waits longer than the handler, so that a failure is reported before the time-out."""


def check_kinds(instances: object, replaces: object) -> None:
    if not isinstance(instances, InstanceSelection):
        raise ValueError(f"instances is {instances!r}: give InstanceSelection.by_ids(...) or by_tags(...)")
    if not isinstance(replaces, ReplaceableProfiles):
        raise ValueError(f"replaces is {replaces!r}: give ReplaceableProfiles.profiles(...), none() or any()")


def known_rollout(rollout: Rollout | None) -> Rollout:
    if rollout is None:
        return Rollout.all_at_once()
    if not isinstance(rollout, Rollout):
        raise ValueError(f"rollout is {rollout!r}: give Rollout.in_waves(...) or Rollout.all_at_once()")
    return rollout


def known_enforcement(enforcement: Enforcement | None, removal: str) -> Enforcement:
    """The enforcement of an association, none by default. An association that is retained can't have one.

    Args:
        enforcement: as it was given.
        removal: what becomes of the associations when the resource is removed.
    """
    if enforcement is None:
        return Enforcement.none()
    if not isinstance(enforcement, Enforcement):
        raise ValueError(f"enforcement is {enforcement!r}: give Enforcement.report(...), repair(...) or none()")
    if enforcement.is_on and removal == RETAIN:
        raise ValueError(
            f"enforcement is {enforcement.mode} and removal_policy retains the associations: the handler does not "
            "learn that a retained resource is removed, so use RemovalPolicy.DESTROY or Enforcement.none()"
        )
    return enforcement


def timeout_seconds(timeout: Duration | None, rollout: Rollout) -> int:
    if timeout is None:
        return MAX_TIMEOUT if rollout.is_in_waves else DEFAULT_TIMEOUT
    seconds = int(timeout.to_seconds())
    if not SHORTEST_TIMEOUT <= seconds <= MAX_TIMEOUT:
        raise ValueError(f"timeout is {timeout.to_human_string()}: it must be from 1 minute to 1 hour")
    return seconds


_REMOVALS = {
    RemovalPolicy.DESTROY: DESTROY,
    RemovalPolicy.RETAIN: RETAIN,
    RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE: RETAIN,
}


def rendered_removal(removal_policy: RemovalPolicy) -> str:
    if removal_policy not in _REMOVALS:
        name = getattr(removal_policy, "name", removal_policy)
        raise ValueError(f"removal_policy {name} means nothing for an association: use DESTROY or RETAIN")
    return _REMOVALS[removal_policy]


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


@cache
def service_timeout(timeout: int) -> Duration:
    """How long CloudFormation waits for an answer."""
    return Duration.seconds(min(timeout + TIME_TO_GIVE_BACK, MAX_TIMEOUT))
