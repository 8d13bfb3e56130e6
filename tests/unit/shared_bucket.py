"""A bucket of EC2 that others share with a `RateLimiter`: slow calls, neighbours, and random throttling."""

import heapq
import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from cdk_instance_role.runtime.association.aws.rate_limiter import RateLimiter

ACTION, CAPACITY, REFILL = "ReplaceIamInstanceProfileAssociation", 50.0, 5.0
SECONDS_PER_CALL = (0.3, 0.7)
MAX_CONCURRENCY = 10


@dataclass
class Calls:
    """What somebody has called."""

    made: int = 0
    throttled: int = 0
    last_accepted: float = 0.0

    @property
    def throttled_share(self) -> float:
        return self.throttled / max(1, self.made)


@dataclass
class SharedBucket:
    """The bucket, with its own clock. It decides half-way between a call and its answer."""

    seed: int = 0
    throttled_at_random: float = 0.0
    """Share of all calls."""
    now: float = 0.0
    _level: float = CAPACITY
    _filled_at: float = 0.0
    _events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)  # noqa: S311 - no secret

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass, and everything happen that is due."""
        until = self.now + seconds
        while self._events and self._events[0][0] <= until:
            self.now, _, happens = heapq.heappop(self._events)
            happens()
        self.now = until

    def wait(self) -> None:
        """Let time pass until something happens."""
        self.sleep(self._events[0][0] - self.now)

    def later(self, seconds: float, happens: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._order), happens))

    def accepts(self, calls: Calls) -> bool:
        """Whether a call gets through now."""
        calls.made += 1
        self._level = min(CAPACITY, self._level + (self.now - self._filled_at) * REFILL)
        self._filled_at = self.now
        if self._dice.random() < self.throttled_at_random or self._level < 1:
            calls.throttled += 1
            return False
        self._level -= 1
        calls.last_accepted = self.now
        return True

    def add_neighbour(self, pauses: Iterator[float]) -> Calls:
        """Let somebody else call, with these pauses between two calls, and never a second time."""
        calls = Calls()

        def call() -> None:
            self.accepts(calls)
            self.later(next(pauses), call)

        self.later(next(pauses), call)
        return calls

    def seconds_per_call(self) -> float:
        return self._dice.uniform(*SECONDS_PER_CALL)


def change(bucket: SharedBucket, count: int, *others: int) -> list[Calls]:
    """Make so many changes, each until it is accepted, at the rate of a `RateLimiter`. Others have rates of their own.

    Returns:
        What each of them has called.
    """
    pacers = [_Pacer(bucket, todo) for todo in (count, *others)]
    while sum(pacer.begins() for pacer in pacers):
        bucket.wait()
    return [pacer.calls for pacer in pacers]


class _Pacer:
    """Makes changes as the handler does, so many at a time."""

    def __init__(self, bucket: SharedBucket, todo: int) -> None:
        self._bucket, self._todo, self._in_flight = bucket, todo, 0
        self._rate_limiter = RateLimiter(clock=bucket.clock, sleep=self._defer)
        self._ready_at = 0.0
        self.calls = Calls()

    def begins(self) -> bool:
        """Begin the calls that may go out now. Returns whether anything is left to do."""
        while self._todo and self._in_flight < MAX_CONCURRENCY and self._bucket.now >= self._ready_at:
            self._todo -= 1
            self._in_flight += 1
            self._rate_limiter.acquire(ACTION)
            self._bucket.later(max(0.0, self._ready_at - self._bucket.now), self._send)
        return bool(self._todo or self._in_flight)

    def _defer(self, seconds: float) -> None:
        """Instead of a sleep: others continue meanwhile."""
        self._ready_at = self._bucket.now + seconds

    def _send(self) -> None:
        one_way = self._bucket.seconds_per_call() / 2
        self._bucket.later(one_way, lambda: self._arrive(one_way))

    def _arrive(self, one_way: float) -> None:
        accepted = self._bucket.accepts(self.calls)
        self._bucket.later(one_way, lambda: self._end(accepted))

    def _end(self, accepted: bool) -> None:
        self._in_flight -= 1
        if not accepted:
            self._todo += 1
            self._rate_limiter.was_throttled(ACTION)
