"""AWS's side of throttling: a token bucket per action, shared by everyone in the account and Region."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.simulator.errors import throttled

ALL_INSTANCES = "DescribeInstances without a filter or a page size"
"""It has a smaller bucket of its own."""
LIMITS: dict[str, tuple[float, float]] = {
    "AssociateIamInstanceProfile": (100, 5),
    "DisassociateIamInstanceProfile": (100, 5),
    "ReplaceIamInstanceProfileAssociation": (50, 5),
    "DescribeIamInstanceProfileAssociations": (100, 20),
    "DescribeInstances": (100, 20),
    ALL_INSTANCES: (50, 10),
}
"""Capacity, and refill per second: https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html"""


@dataclass
class Bucket:
    capacity: float
    refill: float
    level: float
    filled_at: float
    others: float = 0.0
    """Calls per second of everyone else in the account."""

    def take(self, now: float, count: int = 1) -> bool:
        gained = (now - self.filled_at) * (self.refill - self.others)
        self.level, self.filled_at = max(0.0, min(self.capacity, self.level + gained)), now
        if self.level < count:
            return False
        self.level -= count
        return True


class Buckets:
    """The token buckets of one account and Region."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._lock = clock, threading.Lock()
        now = clock()
        self._buckets = {action: Bucket(*limit, level=limit[0], filled_at=now) for action, limit in LIMITS.items()}

    def take(self, action: str, parameters: Mapping[str, Any]) -> None:
        """Let a call through.

        Raises:
            AwsError: it came too fast.
        """
        looks_at_all = action == "DescribeInstances" and not parameters.keys() & {"Filter", "MaxResults", "NextToken"}
        bucket = self._buckets.get(ALL_INSTANCES if looks_at_all else action)
        if bucket is None:
            return
        with self._lock:
            if not bucket.take(self._clock()):
                raise throttled()

    def share(self, action: str, others: float) -> None:
        """Let everyone else in the account make that many calls of an action per second."""
        self._buckets[action].others = others
