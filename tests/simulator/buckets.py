"""AWS's side of throttling: a token bucket per action, shared by everyone in the account and Region."""

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.simulator.clock import VirtualClock
from tests.simulator.errors import AwsError, throttled

MOMENTS = 10
"""The average number of moments between two calls of a neighbour."""

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


class Neighbour:
    """Another caller in the account who calls one action, and does not repeat throttled calls."""

    def __init__(self, call: Callable[[], None], share: float, seed: int) -> None:
        self._call, self._share = call, share
        self._dice = random.Random(seed)  # noqa: S311 - no secret
        self.calls = self.throttled = 0

    @property
    def throttled_share(self) -> float:
        """Of the calls so far."""
        return self.throttled / max(1, self.calls)

    def may_call(self) -> None:
        """Call, or not: with a chance in every moment."""
        if self._dice.random() >= self._share:
            return
        self.calls += 1
        try:
            self._call()
        except AwsError:
            self.throttled += 1


class Buckets:
    """The token buckets of one account and Region."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._lock = clock, threading.Lock()
        now = clock()
        self._buckets = {action: Bucket(*limit, level=limit[0], filled_at=now) for action, limit in LIMITS.items()}

    def take(self, action: str, parameters: Mapping[str, Any]) -> None:
        """Let a call through.

        Raises:
            AwsError: it is throttled.
        """
        looks_at_all = action == "DescribeInstances" and not parameters.keys() & {"Filter", "MaxResults", "NextToken"}
        bucket = self._buckets.get(ALL_INSTANCES if looks_at_all else action)
        if bucket is None:
            return
        with self._lock:
            if not bucket.take(self._clock()):
                raise throttled()

    def share(self, action: str, others: float) -> None:
        """Let everyone else in the account make that many calls of an action per second, and get all of them."""
        self._buckets[action].others = others

    def add_neighbour(self, clock: VirtualClock, action: str, calls_per_second: float, *, seed: int) -> Neighbour:
        """Let somebody else call an action at the given average rate, and be throttled, too."""
        neighbour = Neighbour(lambda: self.take(action, {"MaxResults": "1000"}), 1 / MOMENTS, seed)
        clock.every(1 / (MOMENTS * calls_per_second), neighbour.may_call)
        return neighbour
