"""How a rollout has used its time, derived from its tokens."""

import pytest

from benchmarks.tokens import uses
from cdk_instance_role.runtime.association.aws.rate_limiter import CAPACITY_SHARE, REFILL_SHARE
from tests.simulator.clock import START
from tests.simulator.ec2 import ASSOCIATE, REPLACE
from tests.simulator.faults import Call


def calls(action: str, *seconds: float) -> list[Call]:
    return [Call(action, START + at, {}) for at in seconds]


def test_tokens_are_lost_before_the_first_call_and_between_two_bursts() -> None:
    burst = int(50 * CAPACITY_SHARE)  # the rest of the bucket is left to others
    (use,) = uses(calls(REPLACE, *[2.0] * burst, *[100.0] * burst))
    refilled_after = burst / (5 * REFILL_SHARE)
    assert (use.calls, use.last_seconds, use.full_at_first_seconds) == (2 * burst, 100, 2)
    assert use.full_seconds == pytest.approx(98 - refilled_after)


def test_every_second_is_accounted_for_if_no_token_is_left_over() -> None:
    rate_limiter = 5 * REFILL_SHARE
    times = [1.0] * int(100 * CAPACITY_SHARE) + [1.0 + number / rate_limiter for number in range(1, 201)]
    (use,) = uses(calls(ASSOCIATE, *times))
    known = use.least_seconds + use.share_seconds + use.full_at_first_seconds + use.full_seconds
    assert known == pytest.approx(use.last_seconds)


def test_the_bucket_that_was_used_last_comes_first() -> None:
    found = uses([*calls(ASSOCIATE, 1, 2, 9), *calls(REPLACE, 3)])
    assert [use.action for use in found] == [ASSOCIATE, REPLACE]
