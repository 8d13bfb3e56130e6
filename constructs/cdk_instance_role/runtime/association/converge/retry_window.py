"""How long errors of AWS are tried again before they are believed."""

from collections.abc import Callable
from dataclasses import dataclass

from ..aws.errors import error_kind_of
from ..decide.outcome import ErrorKind, is_terminal

GAP_SECONDS = 30.0
"""An error that was not seen for so long had passed: it is counted anew. The time that a try takes until it meets the
error comes on top, because a look at thousands of instances takes long."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """When a kind of error was seen, in seconds since the epoch."""

    first: float
    last: float
    took: float
    """Seconds that the last try took until it met the error."""


class RetryWindow:
    """Remembers since when each kind of error has been seen."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """
        Args:
            clock: seconds since the epoch.
        """
        self._clock, self._tried_at = clock, clock()
        self._seen: dict[ErrorKind, _Seen] = {}

    def is_over(self, error: Exception) -> bool:
        """Whether this kind of error has been seen for longer than it may take to pass."""
        kind, now = error_kind_of(error), self._clock()
        known, took = self._seen.get(kind), now - self._tried_at
        is_same = known is not None and now - known.last <= GAP_SECONDS + known.took
        first = known.first if known and is_same else now
        self._seen[kind], self._tried_at = _Seen(first, now, took), now
        return is_terminal(kind, now - first)
