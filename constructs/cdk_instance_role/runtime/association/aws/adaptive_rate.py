"""How fast calls go out while some of them are throttled. Pure: it counts calls, and knows neither time nor AWS.

A throttled call has one of two causes. If others in the account use the same bucket, fewer of our calls are throttled
once we make fewer, and the others need what we leave. If EC2 throttles for reasons of its own, calling more slowly only
takes longer. Nothing in the answer tells the two apart, so it is tried out.
"""

from collections import deque

CALLS_PER_EVALUATION = 60
TOLERATED_SHARE = 0.03
"""Share of throttled calls that is put up with."""
MIN_SHARE = 0.25
RECOVERY, MIN_RECOVERY = 0.1, 0.03
"""How the share rises after `CALLS_PER_EVALUATION` calls of which few were throttled: by so much of what is missing,
and so much more."""
RETRIAL_FACTOR = 2.0
"""So many times the share of throttled calls that does not come from our rate is a reason for another trial."""
EVALUATIONS_BETWEEN_TRIALS = 8
"""After so many evaluations another trial is due in any case."""
LEFT_TO_OTHERS = 10.0
"""Tokens that stay in the bucket at the beginning of a trial, so that it does not measure an empty bucket."""
RECENT_CALLS, MIN_RECENT_THROTTLED = 5, 3


class AdaptiveRate:
    """The share of a bucket's refill that is used: all of it, until a lower share is seen to end the throttling.

    A trial takes `CALLS_PER_EVALUATION` calls at the share at which none would be throttled if only others' calls were
    the cause. If it halves the share of throttled calls, it is kept. Otherwise the throttling is put up with for a
    while.
    """

    def __init__(self) -> None:
        self.share = 1.0
        self._calls = self._throttled = 0
        self._recent = deque([False] * RECENT_CALLS, RECENT_CALLS)
        self._before: tuple[float, float] | None = None
        """During a trial: the share, and the share of throttled calls, from before it."""
        self._tolerated, self._evaluations_left = 0.0, 0
        """The share of throttled calls that did not depend on our rate, and for how many evaluations that counts."""

    def count_call(self) -> float:
        """Count a call that goes out. Returns how many tokens have to be left to others from now on."""
        self._calls += 1
        self._recent.append(False)
        if self._calls < CALLS_PER_EVALUATION:
            return 0.0
        throttled = min(self._throttled / self._calls, 0.95)
        self._calls = self._throttled = 0
        return self._evaluate(throttled)

    def count_throttled(self) -> None:
        """Count a call that was throttled."""
        self._throttled += 1
        # It was one of the last calls. That it was the very last is as good a guess as any.
        place = next((place for place in reversed(range(RECENT_CALLS)) if not self._recent[place]), 0)
        self._recent[place] = True

    @property
    def bucket_seems_empty(self) -> bool:
        """Most of the last calls were throttled. A single one says little: EC2 also throttles now and then."""
        return sum(self._recent) >= MIN_RECENT_THROTTLED

    def _evaluate(self, throttled: float) -> float:
        if self._before is not None:
            self._end_trial(*self._before, throttled)
        elif throttled > max(TOLERATED_SHARE, RETRIAL_FACTOR * self._tolerated):
            return self._begin_trial(throttled)
        else:
            self._recover()
        return 0.0

    def _begin_trial(self, throttled: float) -> float:
        self._before = self.share, throttled
        # With d calls a second for a bucket that fills by r, the throttled share is 1 - r / d. So this is (d - r) / r.
        too_many = throttled / (1 - throttled)
        self.share = max(MIN_SHARE, self.share - too_many)
        return LEFT_TO_OTHERS

    def _end_trial(self, share: float, before: float, throttled: float) -> None:
        self._before = None
        if throttled <= before / 2:
            self._tolerated = 0.0
        else:
            self.share = share
            self._tolerated, self._evaluations_left = (before + throttled) / 2, EVALUATIONS_BETWEEN_TRIALS

    def _recover(self) -> None:
        self.share = min(1.0, self.share + MIN_RECOVERY + RECOVERY * (1 - self.share))
        self._evaluations_left -= 1
        if self._evaluations_left <= 0:
            self._tolerated = 0.0
