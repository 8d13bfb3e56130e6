"""Client-side token buckets, on a clock of their own."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_instance_role.runtime.association.aws.rate_limiter import (
    CAPACITY_SHARE,
    LIMITS,
    REFILL_SHARE,
    RateLimiter,
    refilled,
)
from tests.unit.clock import Clock

ASSOCIATE, REPLACE = "AssociateIamInstanceProfile", "ReplaceIamInstanceProfileAssociation"
BURST = int(LIMITS[REPLACE].capacity * CAPACITY_SHARE)
RATE = LIMITS[REPLACE].refill * REFILL_SHARE


class StrictClock(Clock):
    """A sleep of zero seconds fails."""

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        super().sleep(seconds)


def pace_on(clock: StrictClock, levels: dict[str, float] | None = None) -> RateLimiter:
    return RateLimiter(levels, clock=clock, sleep=clock.sleep)


def take(rate_limiter: RateLimiter, count: int, action: str = REPLACE) -> None:
    for _ in range(count):
        assert rate_limiter.acquire(action)


def test_the_burst_is_sent_at_once() -> None:
    clock = StrictClock()
    take(pace_on(clock), BURST)

    assert clock.now == 1000.0


def test_after_the_burst_calls_come_at_the_rate_of_the_refill() -> None:
    clock = StrictClock()
    take(pace_on(clock), BURST + 49)

    assert clock.now - 1000.0 == pytest.approx(49 / RATE)


def test_one_throttled_call_costs_neither_tokens_nor_rate() -> None:
    """EC2 also throttles for reasons that have nothing to do with how fast calls come."""
    clock = StrictClock()
    rate_limiter = pace_on(clock)
    take(rate_limiter, 5)
    rate_limiter.was_throttled(REPLACE)
    take(rate_limiter, BURST - 5)
    assert clock.now == 1000.0
    take(rate_limiter, 49)
    assert clock.now - 1000.0 == pytest.approx(49 / RATE)


def test_uses_less_of_the_refill_while_many_calls_are_throttled() -> None:
    clock = StrictClock()
    rate_limiter = pace_on(clock, {REPLACE: 0.0})
    for _ in range(5):
        take(rate_limiter, 12)
        for _ in range(4):
            rate_limiter.was_throttled(REPLACE)
    began = clock.now
    take(rate_limiter, 30)
    assert clock.now - began > 2 * 30 / RATE


def test_uses_the_whole_refill_again_once_no_call_is_throttled() -> None:
    clock = StrictClock()
    rate_limiter = pace_on(clock)
    for _ in range(60):
        take(rate_limiter, 1)
        rate_limiter.was_throttled(REPLACE)
    take(rate_limiter, 13 * 60)
    began = clock.now
    take(rate_limiter, 50)

    assert clock.now - began == pytest.approx(50 / RATE, rel=0.01)


def test_every_action_has_a_bucket_of_its_own() -> None:
    clock = StrictClock()
    rate_limiter = pace_on(clock)
    take(rate_limiter, BURST)
    take(rate_limiter, 1, ASSOCIATE)

    assert clock.now == 1000.0


def test_refuses_at_once_a_call_that_would_have_to_wait_too_long() -> None:
    clock = StrictClock()
    rate_limiter = pace_on(clock, {REPLACE: 0.0})

    assert not rate_limiter.acquire(REPLACE, until=1000.0 + 0.9 / RATE)
    assert clock.now == 1000.0
    assert rate_limiter.levels()[REPLACE] == 0.0


def test_waits_for_tokens_that_come_in_time() -> None:
    clock = StrictClock()

    assert pace_on(clock, {REPLACE: 0.0}).acquire(REPLACE, until=1000.0 + 1.1 / RATE)
    assert clock.now == pytest.approx(1000.0 + 1 / RATE)


def test_assumes_an_empty_bucket_when_most_of_the_last_calls_were_throttled() -> None:
    rate_limiter = pace_on(StrictClock())
    rate_limiter.was_throttled(REPLACE)
    rate_limiter.was_throttled(REPLACE)
    assert rate_limiter.levels()[REPLACE] == BURST
    rate_limiter.was_throttled(REPLACE)

    assert rate_limiter.levels()[REPLACE] == 0.0
    assert rate_limiter.levels()[ASSOCIATE] > 0.0


def test_throttled_calls_are_counted() -> None:
    rate_limiter = pace_on(StrictClock())
    rate_limiter.was_throttled(REPLACE)
    rate_limiter.was_throttled(ASSOCIATE)

    assert rate_limiter.throttled == 2


def test_throttling_does_not_fill_a_bucket_that_is_overdrawn() -> None:
    rate_limiter = pace_on(StrictClock(), {REPLACE: -3.0})
    for _ in range(3):
        rate_limiter.was_throttled(REPLACE)

    assert rate_limiter.levels()[REPLACE] == -3.0


def test_a_bucket_holds_no_more_than_its_share() -> None:
    clock = StrictClock()
    rate_limiter = pace_on(clock)
    clock.sleep(3600)

    assert rate_limiter.levels() == {action: limit.capacity * CAPACITY_SHARE for action, limit in LIMITS.items()}


@pytest.mark.parametrize(
    ("seconds", "level"),
    [
        pytest.param(0.0, 1.0, id="at once"),
        pytest.param(2.0, 1.0 + 2 * RATE, id="later"),
        pytest.param(3600.0, float(BURST), id="much later"),
        pytest.param(-5.0, 1.0, id="by a clock that is behind"),
    ],
)
def test_the_next_invocation_finds_the_buckets_refilled(seconds: float, level: float) -> None:
    assert refilled({REPLACE: 1.0}, seconds) == {REPLACE: pytest.approx(level)}


def test_the_next_invocation_ignores_buckets_that_it_does_not_know() -> None:
    assert refilled({"StopInstances": 1.0}, 1.0) == {}


@given(
    action=st.sampled_from(sorted(LIMITS)),
    pauses=st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.01, 0.3, 7.0]), min_size=1, max_size=200),
)
def test_in_no_period_there_are_more_calls_than_aws_allows(action: str, pauses: list[float]) -> None:
    clock = StrictClock()
    rate_limiter, times = pace_on(clock), []
    for pause in pauses:
        clock.now += pause
        rate_limiter.acquire(action)
        times.append(clock.now)

    limit = LIMITS[action]
    for first, began in enumerate(times):
        calls = len(times) - first
        assert calls <= limit.capacity + limit.refill * (times[-1] - began) + 1e-6


@given(before=st.integers(0, 120), after=st.integers(0, 120), gap=st.sampled_from([0.0, 1.0, 30.0]))
def test_an_invocation_continues_with_the_levels_of_the_one_before(before: int, after: int, gap: float) -> None:
    def end(hand_over: Callable[[RateLimiter, StrictClock], RateLimiter]) -> float:
        clock = StrictClock()
        rate_limiter = pace_on(clock)
        take(rate_limiter, before)
        take(hand_over(rate_limiter, clock), after)
        return clock.now

    def another(rate_limiter: RateLimiter, clock: StrictClock) -> RateLimiter:
        levels = rate_limiter.levels()
        clock.now += gap
        return pace_on(clock, refilled(levels, gap))

    def the_same(rate_limiter: RateLimiter, clock: StrictClock) -> RateLimiter:
        clock.now += gap
        return rate_limiter

    assert end(another) == pytest.approx(end(the_same))
