"""Threads on virtual time: one of them runs, the others sleep, and the thread that wakes first continues.

So threads that wait for answers side by side take as long as the slowest of them and not as long as all together, and
the same run takes the same steps every time, whatever the machine does meanwhile.
"""

import heapq
import itertools
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar
from unittest.mock import patch

from tests.simulator.clock import VirtualClock

T = TypeVar("T")
RUNTIME = "cdk_instance_role.runtime."


class Turns:
    """Decides which thread runs. The one that makes it is the first.

    Every thread that it knows may wait for the clock, and for the futures of its executors, but for nothing else.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self._clock, self._order = clock, itertools.count()
        self._queue: list[tuple[float, int, threading.Event]] = []
        clock.wait_for_others = self._wait_until

    def executor(self, max_workers: int, thread_name_prefix: str = "") -> "TurnsExecutor":
        """What takes the place of a ``ThreadPoolExecutor``."""
        return TurnsExecutor(self, max_workers, thread_name_prefix)

    def join(self, turn: threading.Event) -> None:
        """Wait for the next turn from now on. The event is set when it comes."""
        heapq.heappush(self._queue, (self._clock(), next(self._order), turn))

    def leave(self) -> None:
        """Let the next thread continue."""
        if not self._queue:
            raise RuntimeError("every thread waits for another one")
        heapq.heappop(self._queue)[-1].set()

    def _wait_until(self, at: float) -> None:
        if not self._queue or at < self._queue[0][0]:
            return
        turn = threading.Event()
        heapq.heappush(self._queue, (at, next(self._order), turn))
        self.leave()
        turn.wait()


class TurnsFuture(Future[T]):
    """A future that is waited for in virtual time."""

    def __init__(self, turns: Turns) -> None:
        super().__init__()
        self._turns = turns

    def result(self, timeout: float | None = None) -> T:
        self.wait()
        return super().result(timeout)

    def wait(self) -> None:
        """Let others continue until it is done."""
        if self.done():
            return
        turn = threading.Event()
        self.add_done_callback(lambda _: self._turns.join(turn))
        self._turns.leave()
        turn.wait()


class TurnsExecutor(Executor):
    """Runs what is submitted in threads that take turns, so many at a time."""

    def __init__(self, turns: Turns, max_workers: int, name: str = "") -> None:
        self._turns, self._free, self._name = turns, max_workers, name
        self._todo = deque[tuple[TurnsFuture[Any], Callable[[], Any]]]()
        self._futures: list[TurnsFuture[Any]] = []

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future = TurnsFuture[T](self._turns)
        self._futures.append(future)
        self._todo.append((future, lambda: fn(*args, **kwargs)))
        if self._free:
            self._free -= 1
            turn = threading.Event()
            self._turns.join(turn)
            threading.Thread(target=self._work, args=(turn,), name=self._name, daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        if cancel_futures:
            self._todo.clear()
        elif wait:
            for future in self._futures:
                future.wait()

    def _work(self, turn: threading.Event) -> None:
        turn.wait()
        while self._todo:
            future, call = self._todo.popleft()
            try:
                answer = call()
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(answer)
        self._free += 1
        self._turns.leave()


@contextmanager
def taking_turns(clock: VirtualClock) -> Iterator[Turns]:
    """Let this thread and those that the handler starts take turns on a clock."""
    before = clock.wait_for_others
    turns = Turns(clock)
    with ExitStack() as stack:
        for name, module in list(sys.modules.items()):
            if name.startswith(RUNTIME) and hasattr(module, "ThreadPoolExecutor"):
                stack.enter_context(patch.object(module, "ThreadPoolExecutor", turns.executor))
        try:
            yield turns
        finally:
            clock.wait_for_others = before
