"""How long errors of AWS are tried again before they are believed."""

from collections.abc import Callable

from ..aws.errors import error_kind_of
from ..decide.outcome import ErrorKind, is_terminal

GAP_SECONDS = 30.0
"""An error that was not seen for so long had passed: it is counted anew."""


class RetryWindow:
    """Remembers since when each kind of error has been seen."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """
        Args:
            clock: seconds since the epoch.
        """
        self._clock = clock
        self._seen: dict[ErrorKind, tuple[float, float]] = {}
        """By kind: when it was first and last seen."""

    def is_over(self, error: Exception) -> bool:
        """Whether this kind of error has been seen for longer than it may take to pass."""
        kind, now = error_kind_of(error), self._clock()
        first, last = self._seen.get(kind, (now, now))
        first = now if now - last > GAP_SECONDS else first
        self._seen[kind] = (first, now)
        return is_terminal(kind, now - first)
