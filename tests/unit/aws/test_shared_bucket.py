"""A rate limiter beside other callers and with random throttling: the time of its changes, and the effect on others."""

import itertools
import random
from collections.abc import Callable, Iterator
from statistics import mean

import pytest

from tests.unit.shared_bucket import CAPACITY, REFILL, Calls, SharedBucket, change

RUNS = range(20)
COUNT = 1_000
LEAST_SECONDS = (COUNT - CAPACITY) / REFILL


def ratio(calls: Calls) -> float:
    """Time until the last change was accepted, over the least time that the bucket allows."""
    return calls.last_accepted / LEAST_SECONDS


def alone(seed: int, throttled_at_random: float = 0.0) -> Calls:
    (calls,) = change(SharedBucket(seed, throttled_at_random), COUNT)
    return calls


def test_uses_the_whole_bucket_when_it_is_alone() -> None:
    runs = [alone(seed) for seed in RUNS]
    assert max(map(ratio, runs)) <= 1.02
    assert sum(calls.throttled for calls in runs) == 0


@pytest.mark.parametrize(("share", "most"), [(0.01, 1.1), (0.05, 1.2), (0.2, 1.5)])
def test_random_throttling_costs_less_than_half_of_the_speed(share: float, most: float) -> None:
    assert mean(ratio(alone(seed, share)) for seed in RUNS) <= most


def regularly(_seed: int, calls_per_second: float) -> Iterator[float]:
    return itertools.repeat(1 / calls_per_second)


def by_chance(seed: int, calls_per_second: float) -> Iterator[float]:
    dice = random.Random(seed)  # noqa: S311 - no secret
    return (dice.expovariate(calls_per_second) for _ in itertools.count())


@pytest.mark.parametrize("how", [regularly, by_chance])
@pytest.mark.parametrize("throttled_at_random", [0.0, 0.05])
def test_a_neighbour_that_uses_a_fifth_of_the_bucket_is_hardly_throttled(
    how: Callable[[int, float], Iterator[float]], throttled_at_random: float
) -> None:
    denied, ratios = [], []
    for seed in RUNS:
        bucket = SharedBucket(seed, throttled_at_random)
        neighbour = bucket.add_neighbour(how(seed, REFILL / 5))
        (calls,) = change(bucket, COUNT)
        denied.append(neighbour.throttled_share)
        ratios.append(ratio(calls))
    assert mean(denied) <= 0.15
    assert mean(ratios) <= 1.25 * (1 + 2 * throttled_at_random) * 1.1, "four fifths of the bucket are left"


def test_a_neighbour_that_uses_most_of_the_bucket_is_not_starved() -> None:
    denied = []
    for seed in RUNS:
        bucket = SharedBucket(seed)
        neighbour = bucket.add_neighbour(by_chance(seed, 0.8 * REFILL))
        change(bucket, COUNT)
        denied.append(neighbour.throttled_share)
    assert mean(denied) <= 0.25


def test_the_speed_returns_when_a_neighbour_stops() -> None:
    bucket = SharedBucket()
    pauses = [*itertools.repeat(0.5, 120), 1e9]
    bucket.add_neighbour(iter(pauses))
    (calls,) = change(bucket, COUNT)
    alone_after_a_minute = (60 * 2 + COUNT - CAPACITY) / REFILL
    assert calls.last_accepted <= 1.15 * alone_after_a_minute


def test_two_operations_of_the_same_size_share_the_bucket() -> None:
    runs = [change(SharedBucket(seed), COUNT, COUNT) for seed in RUNS]
    ahead = [ratio(second) - ratio(first) for first, second in runs]
    assert abs(mean(ahead)) <= 0.5
    both = [max(ratio(first), ratio(second)) for first, second in runs]
    least = (2 * COUNT - CAPACITY) / (COUNT - CAPACITY)
    assert mean(both) <= 1.2 * least
    assert mean(calls.throttled_share for run in runs for calls in run) <= 0.1
