"""Copies of a simulated AWS and of a story in it, so that many endings go on from one beginning."""

import copyreg
import threading
from copy import deepcopy
from typing import TypeVar

T = TypeVar("T")

# The copy of a lock is one that nobody holds.
copyreg.pickle(type(threading.Lock()), lambda _: (threading.Lock, ()))
copyreg.pickle(type(threading.RLock()), lambda _: (threading.RLock, ()))


class Numbers:
    """One, two, three and so on. A copy goes on where the original is, which Python does not promise of its own."""

    def __init__(self) -> None:
        self._last, self._lock = 0, threading.Lock()

    def __iter__(self) -> "Numbers":
        return self

    def __next__(self) -> int:
        with self._lock:
            self._last += 1
            return self._last


def copied(story: T) -> T:
    """A story with a world of its own, in which everything is as it is now in the world of this one.

    Args:
        story: what has a world, in which nothing is under way and no fault is planned.
    """
    return deepcopy(story)
