"""Virtual time: an hour of a rollout runs in a second. And real time, where others take part whose time is real."""

import threading
import time
from collections.abc import Callable
from typing import Protocol

START = 1_800_000_000.0


class Clock(Protocol):
    """What the simulator asks for the time."""

    def __call__(self) -> float: ...

    def sleep(self, seconds: float, /) -> None: ...


class RealClock:
    """The time that it really is."""

    def __call__(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class VirtualClock:
    """Time that passes only when someone sleeps. Threads that sleep at the same time sleep side by side."""

    def __init__(self) -> None:
        self._now, self._lock = START, threading.Lock()
        self.wait_for_others: Callable[[float], None] = lambda _: None
        """Called by whoever sleeps, with the time at which they wake: lets go first who wakes earlier.

        Default: time passes at once, so that of several threads only those sleep side by side which happen to look at
        the clock at the same moment.
        """

    def __call__(self) -> float:
        with self._lock:
            return self._now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        until = self() + seconds
        self.wait_for_others(until)
        with self._lock:
            self._now = max(self._now, until)

    @property
    def elapsed(self) -> float:
        return self() - START
