"""Virtual time: an hour of a rollout runs in a second."""

import threading

START = 1_800_000_000.0


class VirtualClock:
    """Time that passes only when someone sleeps. Threads that sleep at the same time sleep side by side."""

    def __init__(self) -> None:
        self._now, self._lock = START, threading.Lock()

    def __call__(self) -> float:
        with self._lock:
            return self._now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        until = self() + seconds
        with self._lock:
            self._now = max(self._now, until)

    @property
    def elapsed(self) -> float:
        return self() - START
