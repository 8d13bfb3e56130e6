"""The use of the tokens: why the changes have taken longer than the least time that EC2's buckets allow."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cdk_instance_role.runtime.association.aws.rate_limiter import CAPACITY_SHARE, REFILL_SHARE
from tests.simulator.buckets import LIMITS
from tests.simulator.clock import START
from tests.simulator.ec2 import MUTATING
from tests.simulator.faults import Call


@dataclass(frozen=True, slots=True)
class Use:
    """How the bucket of one action was used, as far as it was not left to others.

    What is left of the time until the last call, after all of this and the time in which the tokens must come in,
    are tokens that were left over.
    """

    action: str
    calls: int
    last_seconds: float
    """When the last call went out."""
    least_seconds: float
    """When it could have, with nothing left to others."""
    share_seconds: float
    """What it takes longer because a part of the bucket is left to others."""
    full_at_first_seconds: float
    """How long the bucket was full before the first call."""
    full_seconds: float
    """How long it was full after that: no call asked for tokens, and those that would have come in were lost."""


def uses(calls: Sequence[Call]) -> list[Use]:
    """How the buckets of all changes were used, the one whose last call was the latest first."""
    found = [_use(action, [call.at - START for call in calls if call.action == action]) for action in MUTATING]
    return sorted((use for use in found if use.calls), key=lambda use: -use.last_seconds)


def _use(action: str, times: Sequence[float]) -> Use:
    capacity, refill = LIMITS[action]
    own_capacity, own_refill = capacity * CAPACITY_SHARE, refill * REFILL_SHARE
    count, first, last = len(times), min(times, default=0.0), max(times, default=0.0)
    least = max(0.0, count - capacity) / refill
    own_least = max(0.0, count - own_capacity) / own_refill
    full = _full_seconds(sorted(times), own_capacity, own_refill)
    return Use(action, count, last, least, own_least - least, first, full - first)


def _full_seconds(times: Iterable[float], capacity: float, refill: float) -> float:
    """How long a bucket was full until the last of these calls."""
    level, before, full = capacity, 0.0, 0.0
    for now in times:
        gained = (now - before) * refill
        full += max(0.0, level + gained - capacity) / refill
        level, before = min(capacity, level + gained) - 1, now
    return full
