"""Waiting for EC2 to confirm associations. Only those are looked at that it has not confirmed yet: one call for all.

EC2 confirms an association after two seconds or after a minute. The fewer are left, the likelier each look finds the
last one confirmed, so looks come the more often, in proportion to the time that has passed already.
"""

from collections.abc import Mapping
from math import log2
from typing import TYPE_CHECKING

from ..aws.instances import with_associations
from ..aws.rate_limiter import RateLimiter
from ..decide.model import Instance, Instances
from ..decide.step import Plan

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

MIN_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.5, 3.0
SHARE_FOR_LAST, SHARE_PER_DOUBLING = 0.02, 0.1
"""How long to wait before the next look, as a share of the time since the last change: for the last instance, and more
each time that twice as many are left."""


def pause_seconds(since_change: float, pending: int) -> float:
    """How long to wait before the next look.

    Args:
        since_change: seconds since the last change.
        pending: how many associations EC2 has not confirmed yet.
    """
    share = SHARE_FOR_LAST + SHARE_PER_DOUBLING * log2(pending)
    return min(max(MIN_PAUSE_SECONDS, share * since_change), MAX_PAUSE_SECONDS)


def unconfirmed(plan: Plan, instances: Instances) -> dict[str, Instance]:
    """The instances that are waited for, if all of them lack nothing but EC2's confirmation; otherwise none."""
    waiting = {step.instance_id: instances.get(step.instance_id) for step in plan.waiting}
    found = {id_: instance for id_, instance in waiting.items() if instance and _is_unconfirmed(instance)}
    return found if len(found) == len(waiting) else {}


def await_confirmation(
    pending: Mapping[str, Instance],
    ec2: "EC2Client",
    rate_limiter: RateLimiter,
    *,
    changed_at: float,
    until: float,
) -> None:
    """Wait until EC2 has confirmed all of these associations, or one of them has become another one.

    Args:
        pending: the instances with the associations that EC2 has not confirmed.
        ec2: client for reading.
        rate_limiter: decides when a call may go out, and lets time pass.
        changed_at: when the last change was made, in seconds since the epoch.
        until: when to look at everything again in any case, in seconds since the epoch.
    """
    left, looked_for = dict(pending), 0.0
    while left:
        pause = max(pause_seconds(rate_limiter.clock() - changed_at, len(left)), looked_for)
        remaining = until - rate_limiter.clock()
        if pause >= remaining:
            rate_limiter.sleep(max(0.0, remaining))
            return
        rate_limiter.sleep(pause)
        began = rate_limiter.clock()
        seen = with_associations(ec2, left, rate_limiter)
        looked_for = rate_limiter.clock() - began
        if any(_is_another(seen[id_], before) for id_, before in left.items()):
            return
        left = {id_: instance for id_, instance in seen.items() if _is_unconfirmed(instance)}


def _is_unconfirmed(instance: Instance) -> bool:
    return instance.association is not None and not instance.association.established


def _is_another(instance: Instance, before: Instance) -> bool:
    return instance.association is None or instance.association.profile_arn != before.carries
