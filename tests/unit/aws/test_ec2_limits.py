"""The numbers that EC2 documents for its throttling, written down a second time: no table is read here.

https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
"""

import pytest

from cdk_instance_role.runtime.association.aws.rate_limiter import LIMITS, RateLimiter, least_seconds
from tests.unit.clock import Clock

MINUTE = 60
DOCUMENTED = pytest.mark.parametrize(
    ("action", "capacity", "refill"),
    [
        ("AssociateIamInstanceProfile", 100, 5),
        ("DisassociateIamInstanceProfile", 100, 5),
        ("ReplaceIamInstanceProfileAssociation", 50, 5),
        ("DescribeIamInstanceProfileAssociations", 100, 20),
        ("DescribeInstances", 100, 20),
    ],
)


def test_every_action_that_the_handler_repeats_has_a_rate_limit() -> None:
    assert len(LIMITS) == 5


@DOCUMENTED
def test_the_least_time_for_many_calls_follows_from_the_documented_limits(
    action: str, capacity: int, refill: int
) -> None:
    assert least_seconds({action: capacity}) == 0
    assert least_seconds({action: capacity + 1}) == pytest.approx(1 / refill)
    assert least_seconds({action: capacity + MINUTE * refill}) == MINUTE


@DOCUMENTED
def test_calls_stay_within_the_documented_bucket_and_use_nearly_all_of_it(
    action: str, capacity: int, refill: int
) -> None:
    clock = Clock()
    rate_limiter, level, filled_at = RateLimiter(clock=clock, sleep=clock.sleep), float(capacity), clock.now
    for _ in range(capacity + MINUTE * refill):
        assert rate_limiter.acquire(action)
        level, filled_at = min(capacity, level + (clock.now - filled_at) * refill), clock.now
        level -= 1
        assert level >= 0
    assert clock.now - 1000.0 <= 1.05 * MINUTE
