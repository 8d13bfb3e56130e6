"""The rule by which the rate of calls is reduced, in plain counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_instance_role.runtime.association.aws.adaptive_rate import CALLS_PER_EVALUATION, AdaptiveRate

assert CALLS_PER_EVALUATION == 60, "the figures below are for this many"


def call(rate: AdaptiveRate, *throttled: int) -> list[float]:
    """Make 60 calls for each number, so many of which are throttled. Returns the share after each 60."""
    shares = []
    for count in throttled:
        for number in range(60):
            if number < count:
                rate.count_throttled()
            rate.count_call()
        shares.append(rate.share)
    return shares


def test_uses_the_whole_refill_at_first() -> None:
    assert AdaptiveRate().share == 1.0


@pytest.mark.parametrize("few", [0, 1])
def test_a_few_throttled_calls_change_nothing(few: int) -> None:
    assert call(AdaptiveRate(), few, few, few) == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("throttled", "share"),
    [
        pytest.param(3, 1 - 3 / 57, id="one call in twenty"),
        pytest.param(12, 1 - 12 / 48, id="one call in five"),
        pytest.param(20, 1 - 20 / 40, id="one call in three"),
        pytest.param(60, 0.25, id="every call"),
    ],
)
def test_tries_the_share_at_which_nothing_would_be_throttled_if_others_were_the_cause(
    throttled: int, share: float
) -> None:
    """A bucket that fills by 5 and gets 6.25 calls a second lets 80 % through: 1.25 calls a second are too many."""
    assert call(AdaptiveRate(), throttled) == [pytest.approx(share)]


@pytest.mark.parametrize("then", [0, 3, 6])
def test_keeps_the_lower_share_if_it_halves_the_share_of_throttled_calls(then: int) -> None:
    assert call(AdaptiveRate(), 12, then) == [0.75, 0.75]


@pytest.mark.parametrize("then", [7, 12, 30])
def test_returns_to_the_old_share_if_as_many_calls_are_throttled_at_the_lower_one(then: int) -> None:
    assert call(AdaptiveRate(), 12, then) == [0.75, 1.0]


def test_tolerates_throttling_that_does_not_come_from_its_rate() -> None:
    assert call(AdaptiveRate(), 12, 12, *[12] * 7) == [0.75, *[1.0] * 8]


def test_tolerates_twice_as_much_throttling_and_not_more() -> None:
    assert call(AdaptiveRate(), 6, 6, 12)[-1] == 1.0
    assert call(AdaptiveRate(), 6, 6, 13)[-1] < 1.0


def test_tries_again_after_a_while_whether_throttling_comes_from_its_rate() -> None:
    assert call(AdaptiveRate(), 12, 12, *[12] * 9)[-2:] == [1.0, 0.75]


def test_raises_the_share_in_small_steps_while_few_calls_are_throttled() -> None:
    shares = call(AdaptiveRate(), 12, 0, 0, 1, 0, 1, 0, 0)
    assert shares == [0.75, 0.75, *map(pytest.approx, (0.805, 0.8545, 0.89905, 0.939145, 0.9752305, 1.0))]


def test_raises_the_share_while_it_tolerates_throttling() -> None:
    """A lower share that was kept by chance is tested again."""
    shares = call(AdaptiveRate(), 12, 6, 12, 12, 12)
    assert shares == [0.75, 0.75, 0.5, 0.75, pytest.approx(0.805)]


def test_leaves_tokens_to_others_at_the_beginning_of_a_trial_and_only_then() -> None:
    rate = AdaptiveRate()
    left = []
    for number in range(200):
        if number < 12:
            rate.count_throttled()
        left.append(rate.count_call())
    assert {number: tokens for number, tokens in enumerate(left) if tokens} == {59: 10.0}


@pytest.mark.parametrize(
    ("last", "empty"),
    [
        pytest.param("....x", False, id="one"),
        pytest.param("x...x", False, id="two"),
        pytest.param("x.x.x", True, id="three of five"),
        pytest.param("xxx..", True, id="three, and then two that went well"),
        pytest.param("xxx...", False, id="three, and then three that went well"),
        pytest.param("x..x.x", False, id="three of six"),
    ],
)
def test_assumes_an_empty_bucket_if_most_of_the_last_calls_were_throttled(last: str, empty: bool) -> None:
    rate = AdaptiveRate()
    for one in last:
        rate.count_call()
        if one == "x":
            rate.count_throttled()
    assert rate.bucket_seems_empty is empty


@given(st.lists(st.integers(0, 60), max_size=100))
def test_always_uses_at_least_a_quarter_and_at_most_all(throttled: list[int]) -> None:
    assert all(0.25 <= share <= 1.0 for share in call(AdaptiveRate(), *throttled))


@given(st.lists(st.integers(0, 60), max_size=30))
def test_uses_the_whole_refill_again_thirteen_evaluations_after_the_last_throttled_call(throttled: list[int]) -> None:
    assert call(AdaptiveRate(), *throttled, *[0] * 13)[-1] == 1.0
