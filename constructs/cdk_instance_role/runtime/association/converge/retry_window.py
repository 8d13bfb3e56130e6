"""How long errors of AWS are tried again before they are believed."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..aws.errors import error_kind_of
from ..decide.outcome import ErrorKind, is_terminal

GAP_SECONDS = 30.0
"""An error that was not seen for so long had passed if a look or a change has succeeded meanwhile: it is counted anew.
A look at thousands of instances takes longer until it meets the error again."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """When a kind of error was seen, in seconds since the epoch."""

    first: float
    last: float
    has_passed: bool = False
    """What was tried after that has succeeded."""


class RetryWindow:
    """Remembers since when each kind of error has been seen."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """
        Args:
            clock: seconds since the epoch.
        """
        self._clock = clock
        self._seen: dict[ErrorKind, _Seen] = {}

    def is_over(self, error: Exception) -> bool:
        """Whether this kind of error has been seen for longer than it may take to pass."""
        kind, now = error_kind_of(error), self._clock()
        known = self._seen.get(kind)
        is_same = known is not None and (not known.has_passed or now - known.last <= GAP_SECONDS)
        first = known.first if known and is_same else now
        self._seen[kind] = _Seen(first, now)
        return is_terminal(kind, now - first)

    def passed(self) -> None:
        """Take note that what was tried has succeeded: a look with all that follows from it, or a batch of changes."""
        self._seen = {kind: replace(seen, has_passed=True) for kind, seen in self._seen.items()}
