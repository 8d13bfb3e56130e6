"""Client-side token buckets, so that thousands of calls stay under EC2's limits instead of running into them.

Limits: https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html. They are per account and Region
and shared with everyone in the account, so a part of each is left to others.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock

from .adaptive_rate import AdaptiveRate

CAPACITY_SHARE = 0.98
REFILL_SHARE = 0.995


@dataclass(frozen=True, slots=True)
class Limit:
    capacity: float
    """Calls that may come at once."""
    refill: float
    """Calls per second after that."""


LIMITS: Mapping[str, Limit] = {
    "AssociateIamInstanceProfile": Limit(100, 5),
    "DisassociateIamInstanceProfile": Limit(100, 5),
    "ReplaceIamInstanceProfileAssociation": Limit(50, 5),
    "DescribeIamInstanceProfileAssociations": Limit(100, 20),
    "DescribeInstances": Limit(100, 20),
}


class RateLimiter:
    """Hands out the right to call, action by action. Safe to share between threads.

    Actions without a documented limit are not held up.
    """

    def __init__(
        self,
        levels: Mapping[str, float] | None = None,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """
        Args:
            levels: tokens left per action, as `levels` returned them with the time; missing actions start full.
            clock: seconds since the epoch.
            sleep: waits for seconds.
        """
        self.clock, self.sleep, self._lock = clock, sleep, Lock()
        now = clock()
        self._levels = {action: (levels or {}).get(action, _capacity(action)) for action in LIMITS}
        self._filled_at = dict.fromkeys(LIMITS, now)
        self._rates = {action: AdaptiveRate() for action in LIMITS}
        self.throttled = 0
        """Calls that AWS has refused for coming too fast."""

    def acquire(self, action: str, *, until: float = float("inf")) -> bool:
        """Wait for the right to make one call.

        Returns:
            False, at once, if it would not come before ``until`` (seconds since the epoch).
        """
        if action not in LIMITS:
            return True
        with self._lock:
            self._fill(action)
            wait = max(0.0, (1 - self._levels[action]) / self._refill(action))
            if self.clock() + wait > until:
                return False
            self._levels[action] -= 1 + self._rates[action].count_call()
        if wait:
            self.sleep(wait)
        return True

    def was_throttled(self, action: str) -> None:
        """Count a call that AWS has refused for coming too fast. The next ones may have to come more slowly."""
        with self._lock:
            self.throttled += 1
            if action not in LIMITS:
                return
            self._fill(action)
            self._rates[action].count_throttled()
            if self._rates[action].bucket_seems_empty:
                self._levels[action] = min(self._levels[action], 0.0)

    def levels(self) -> dict[str, float]:
        """Tokens left per action now."""
        with self._lock:
            for action in LIMITS:
                self._fill(action)
            return dict(self._levels)

    def _fill(self, action: str) -> None:
        now = self.clock()
        gained = (now - self._filled_at[action]) * self._refill(action)
        self._levels[action] = min(_capacity(action), self._levels[action] + gained)
        self._filled_at[action] = now

    def _refill(self, action: str) -> float:
        return _refill(action) * self._rates[action].share


def refilled(levels: Mapping[str, float], seconds: float) -> dict[str, float]:
    """What buckets that were left at ``levels`` hold ``seconds`` later."""
    return {
        action: min(_capacity(action), level + max(0.0, seconds) * _refill(action))
        for action, level in levels.items()
        if action in LIMITS
    }


def least_seconds(calls: Mapping[str, int]) -> float:
    """The least time in which EC2's documented throttling lets calls through, by action, if nobody else calls."""
    waits = (max(0.0, count - LIMITS[action].capacity) / LIMITS[action].refill for action, count in calls.items())
    return max(waits, default=0.0)


def _capacity(action: str) -> float:
    return LIMITS[action].capacity * CAPACITY_SHARE


def _refill(action: str) -> float:
    return LIMITS[action].refill * REFILL_SHARE
