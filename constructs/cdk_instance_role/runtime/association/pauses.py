"""Pauses between two tries: each is twice as long as the one before."""

_MAX_DOUBLINGS = 64
"""More than enough for any pause. What is tried for months would exceed the numbers of floating point."""


def doubling_pause(first: float, times: int, *, longest: float) -> float:
    """The pause in seconds after so many others.

    >>> [doubling_pause(60, times, longest=300) for times in (0, 1, 2, 3, 5000)]
    [60.0, 120.0, 240.0, 300, 300]
    """
    return min(longest, first * 2.0 ** min(times, _MAX_DOUBLINGS))
