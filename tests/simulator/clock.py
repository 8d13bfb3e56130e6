"""Virtual time: an hour of a rollout runs in a second. And real time, for programs outside of the simulator."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

START = 1_800_000_000.0
BOOTED = 4_000.0
"""What the monotonic clock shows at the start. Its zero has no meaning."""

Job = Callable[[], None]
Stop = Callable[[], None]
"""Ends a timer. Calling it again does nothing."""


class Clock(Protocol):
    """What the simulator asks for the time."""

    def __call__(self) -> float: ...

    def true_time(self) -> float:
        """Seconds since the epoch by AWS's own clock, which is never wrong."""

    def sleep(self, seconds: float, /) -> None: ...


class RealClock:
    """The real time."""

    def __call__(self) -> float:
        return time.time()

    def true_time(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def every(self, seconds: float, job: Job) -> Stop:
        """Run a job again and again in a thread, with a pause of so many seconds before each run."""
        stopped = threading.Event()

        def work() -> None:
            while not stopped.wait(seconds):
                job()

        threading.Thread(target=work, daemon=True).start()
        return stopped.set


@dataclass(eq=False)
class _Timer:
    seconds: float
    job: Job
    due: float
    running: bool = False


class VirtualClock:
    """Time that passes only when someone sleeps. Threads that sleep at the same time sleep side by side."""

    def __init__(self) -> None:
        self._now, self._jumped, self._lock = START, 0.0, threading.Lock()
        self._timers: list[_Timer] = []
        self.wait_for_others: Callable[[float], None] = lambda _: None
        """Called by a thread that sleeps, with the time at which it wakes: the thread that wakes first goes on first.

        Default: time passes at once, so that of several threads only those sleep side by side which happen to look at
        the clock at the same moment.
        """

    def __call__(self) -> float:
        """The wall clock of the handler: seconds since the epoch, unless it was set to something else."""
        with self._lock:
            return self._now + self._jumped

    def true_time(self) -> float:
        """Seconds since the epoch, as AWS knows them."""
        with self._lock:
            return self._now

    def monotonic(self) -> float:
        """A clock that can't be set."""
        with self._lock:
            return self._now - START + BOOTED

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward, or back. No time passes."""
        with self._lock:
            self._jumped += seconds

    def sleep(self, seconds: float) -> None:
        """Let time pass. The jobs that become due meanwhile run in this thread, each at the time at which it is due.

        So a thread must not sleep while it holds a lock that a job takes.
        """
        assert seconds >= 0
        jumped, wakes_at = self._jumped, self() + seconds
        self.wait_for_others(wakes_at)
        until = wakes_at - jumped
        while timer := self._next_due(until):
            self._run(timer)
        with self._lock:
            self._now = max(self._now, until)

    def every(self, seconds: float, job: Job) -> Stop:
        """Run a job again and again while time passes, with a pause of so many seconds before each run.

        It is what a thread of its own would do. An error of the job reaches the thread that sleeps, and ends the timer.
        """
        assert seconds > 0
        with self._lock:
            timer = _Timer(seconds, job, self._now + seconds)
            self._timers.append(timer)
        return lambda: self._end(timer)

    def stop_all(self) -> None:
        """End all timers, as the end of a process ends its threads."""
        with self._lock:
            self._timers.clear()

    @property
    def timers(self) -> int:
        """How many jobs run again and again."""
        with self._lock:
            return len(self._timers)

    @property
    def elapsed(self) -> float:
        with self._lock:
            return self._now - START

    def _next_due(self, until: float) -> _Timer | None:
        """The timer whose time comes first until then. Its time becomes the current time."""
        with self._lock:
            waiting = [timer for timer in self._timers if not timer.running and timer.due <= until]
            timer = min(waiting, key=lambda one: one.due, default=None)
            if timer:
                timer.running, self._now = True, max(self._now, timer.due)
            return timer

    def _run(self, timer: _Timer) -> None:
        try:
            timer.job()
        except BaseException:
            self._end(timer)
            raise
        with self._lock:
            timer.running, timer.due = False, self._now + timer.seconds

    def _end(self, timer: _Timer) -> None:
        with self._lock:
            if timer in self._timers:
                self._timers.remove(timer)
