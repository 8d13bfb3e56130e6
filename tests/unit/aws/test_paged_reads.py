"""Reads that are repeated until they are answered, against a service whose failures are scripted."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from cdk_instance_role.runtime.association.aws.paged_reads import answer, pages
from cdk_instance_role.runtime.association.aws.rate_limiter import RateLimiter
from tests.unit.clock import Clock

ACTION = "DescribeInstances"


class Service:
    """Gives the pages of a list, after the failures that a test wants."""

    def __init__(self, items: Sequence[int] = (), failures: Iterable[Exception | None] = ()) -> None:
        self.items, self.failures = items, iter(failures)
        self.asked: list[Mapping[str, Any]] = []

    def read(self, **parameters: Any) -> Any:
        self.asked.append(parameters)
        failure = next(self.failures, None)
        if failure:
            raise failure
        start = int(parameters.get("NextToken", "0"))
        following = {"NextToken": str(start + 2)} if start + 2 < len(self.items) else {}
        return {"Items": self.items[start : start + 2], **following}


def error(code: str, status: int = 400) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, ACTION)  # type: ignore[typeddict-item]


THROTTLED = error("RequestLimitExceeded", 503)
TRANSIENT = [
    pytest.param(error("InternalError", 500), id="an error of AWS"),
    pytest.param(error("Whatever", 502), id="an unknown error of AWS"),
    pytest.param(EndpointConnectionError(endpoint_url="https://ec2"), id="no connection"),
    pytest.param(ReadTimeoutError(endpoint_url="https://ec2"), id="no answer in time"),
]
LASTING = [
    pytest.param(error("UnauthorizedOperation", 403), id="not allowed"),
    pytest.param(error("InvalidParameterValue"), id="refused"),
    pytest.param(error("NoSuchEntity", 404), id="not there"),
    pytest.param(NoCredentialsError(), id="no credentials"),
]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rate_limiter(clock: Clock) -> RateLimiter:
    return RateLimiter(clock=clock, sleep=clock.sleep)


def items(service: Service, rate_limiter: RateLimiter) -> list[int]:
    return [item for page in pages(service.read, ACTION, rate_limiter) for item in page["Items"]]


def test_reads_all_pages_with_the_same_parameters(rate_limiter: RateLimiter) -> None:
    service = Service([1, 2, 3, 4, 5])
    found = list(pages(service.read, ACTION, rate_limiter, Filters=["f"]))
    assert [page["Items"] for page in found] == [[1, 2], [3, 4], [5]]
    assert service.asked == [
        {"Filters": ["f"]},
        {"Filters": ["f"], "NextToken": "2"},
        {"Filters": ["f"], "NextToken": "4"},
    ]


@given(st.integers(0, 9), st.lists(st.sampled_from([None, THROTTLED]), max_size=15))
def test_skips_no_page_and_reads_none_twice(count: int, failures: list[Exception | None]) -> None:
    clock = Clock()
    assert items(Service(range(count), failures), RateLimiter(clock=clock, sleep=clock.sleep)) == list(range(count))


@pytest.mark.parametrize("times", [1, 5, 15])
def test_repeats_a_throttled_call_and_reports_it_to_the_rate_limiter(
    rate_limiter: RateLimiter, clock: Clock, times: int
) -> None:
    service = Service([1], [THROTTLED] * times)
    assert items(service, rate_limiter) == [1]
    assert len(service.asked) == 1 + times
    assert rate_limiter.throttled == times
    assert clock.now > 1000.0


def test_does_not_repeat_a_throttled_call_for_ever(rate_limiter: RateLimiter, clock: Clock) -> None:
    service = Service([1], [THROTTLED] * 1000)
    with pytest.raises(ClientError, match="RequestLimitExceeded"):
        items(service, rate_limiter)
    assert 25 <= clock.now - 1000.0 <= 30
    assert len(service.asked) < 30


@pytest.mark.parametrize("failure", TRANSIENT)
def test_repeats_a_call_without_an_answer_twice(rate_limiter: RateLimiter, failure: Exception) -> None:
    assert items(Service([1, 2, 3], [failure, failure]), rate_limiter) == [1, 2, 3]
    service = Service([1], [failure] * 3)
    with pytest.raises(type(failure)):
        items(service, rate_limiter)
    assert len(service.asked) == 3


@pytest.mark.parametrize("failure", LASTING)
def test_does_not_repeat_a_call_that_would_fail_again(
    rate_limiter: RateLimiter, clock: Clock, failure: Exception
) -> None:
    service = Service([1], [failure])
    with pytest.raises(type(failure)):
        items(service, rate_limiter)
    assert (len(service.asked), clock.now) == (1, 1000.0)


def test_every_attempt_takes_a_token(clock: Clock) -> None:
    rate_limiter = RateLimiter(clock=clock, sleep=lambda _: None)
    before = rate_limiter.levels()[ACTION]
    items(Service([1, 2, 3], [THROTTLED, THROTTLED]), rate_limiter)
    assert before - rate_limiter.levels()[ACTION] == 4


def test_actions_without_a_documented_limit_are_repeated_too(rate_limiter: RateLimiter, clock: Clock) -> None:
    service = Service([1], [error("Throttling")] * 3)
    assert answer(service.read, "GetInstanceProfile", rate_limiter)["Items"] == [1]
    assert clock.now - 1000.0 == pytest.approx(0.1 + 0.2 + 0.4)
    assert rate_limiter.throttled == 3
