"""Errors on demand, interruptions, and a record of everything that was called."""

import random
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeVar

from botocore.exceptions import ConnectionError as NoConnectionError
from botocore.exceptions import HTTPClientError

from tests.simulator.clock import Clock
from tests.simulator.errors import AwsError, throttled

T = TypeVar("T")
FOR_EVER = sys.maxsize
Failure = AwsError | HTTPClientError | NoConnectionError
"""What a call can end with: an error that AWS answers with, or no answer at all."""


class KilledError(BaseException):
    """The process has ended, as when Lambda kills it: no exception handler sees this."""


class KillSwitch:
    """Counts the points at which an invocation could be killed, and kills it at one of them.

    A killed invocation can't do anything any more, not even clean up: every later call ends the same way.
    """

    def __init__(self) -> None:
        self.points: list[str] = []
        self.kill_at: int | None = None
        self._killed, self._lock = False, threading.Lock()
        self._writes, self._may_differ = 0, True
        self._different: list[int] = []

    def check(self) -> None:
        with self._lock:
            if self._killed:
                raise KilledError

    def reach(self, point: str) -> None:
        with self._lock:
            if self._killed:
                raise KilledError
            if self._may_differ:
                self._different.append(len(self.points))
            self._may_differ = self._writes > 0
            self.points.append(point)
            if len(self.points) - 1 == self.kill_at:
                self._killed = True
                raise KilledError

    @contextmanager
    def write(self) -> Iterator[None]:
        """Something is written meanwhile, or refused."""
        with self._lock:
            self._writes, self._may_differ = self._writes + 1, True
        try:
            yield
        finally:
            with self._lock:
                self._writes -= 1

    def different(self, first: int) -> list[int]:
        """Numbers of the kill points with different outcomes, from a number on.

        A killed invocation leaves only what it has written. So if nothing was written since the point before, the
        outcome is the same.
        """
        return [first, *(number for number in self._different if number > first)]

    def restart(self) -> None:
        """Begin another invocation."""
        with self._lock:
            self._killed = False


@dataclass
class Fault:
    """A fault of some calls."""

    error: Failure | None = None
    times: int = 1
    skip: int = 0
    after_effect: bool = False
    """The call takes effect and only its answer is lost."""
    seconds: float = 0.0
    """How long the answer takes."""
    when: Callable[[Mapping[str, Any]], bool] = lambda _: True

    def strikes(self, parameters: Mapping[str, Any]) -> bool:
        if self.times <= 0 or not self.when(parameters):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True


@dataclass
class Call:
    """A call that AWS has received."""

    action: str
    at: float
    parameters: Mapping[str, Any]
    error: str | None = None

    def __deepcopy__(self, _: dict[int, Any]) -> "Call":
        """It is over, so it never changes again."""
        return self


@dataclass
class Traffic:
    """All calls, and the faults that happen to them."""

    clock: Clock
    kill_switch: KillSwitch = field(default_factory=KillSwitch)
    calls: list[Call] = field(default_factory=list)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    latency: Callable[[str], float] = lambda _: 0.0
    """Seconds from a call of an action to its answer. It takes effect half-way."""
    _counts: Counter[str] = field(default_factory=Counter)
    _meanwhile: dict[str, list[tuple[int, Callable[[], None]]]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def fail(self, action: str, error: Failure, **how: Any) -> Fault:
        """Let calls of an action fail."""
        return self._add(action, Fault(error, **how))

    def throttle(self, action: str, times: int = 1, **how: Any) -> Fault:
        return self.fail(action, throttled(), times=times, **how)

    def throttle_at_random(self, *actions: str, share: float, seed: int) -> None:
        """Let a share of the calls of some actions be throttled, whatever is left in their buckets.

        Args:
            actions: the actions.
            share: how many of their calls, 1 for all of them.
            seed: makes the same calls fail in every run.
        """
        dice = random.Random(seed)  # noqa: S311 - no secret
        for action in actions:
            self.throttle(action, FOR_EVER, when=lambda _: dice.random() < share)

    def delay(self, action: str, seconds: float, times: int = 1, **how: Any) -> Fault:
        """Delay answers to an action."""
        return self._add(action, Fault(seconds=seconds, times=times, **how))

    def meanwhile(self, action: str, happens: Callable[[], None], *, nth: int = 1) -> None:
        """Let something happen just before the nth call of an action from now on."""
        self._meanwhile.setdefault(action, []).append((self.count(action) + nth, happens))

    def carry(self, action: str, parameters: Mapping[str, Any], effect: Callable[[], T], *, writes: bool) -> T:
        """Take a call to AWS: count it, let happen what shall happen, and give the answer.

        An invocation can be killed before every call, and after those that write something.
        """
        call = Call(action, self.clock.true_time(), parameters)
        self.kill_switch.check()
        with self._lock:
            self.calls.append(call)
            self._counts[action] += 1
        self._let_happen(action)
        self.kill_switch.reach(f"before {action}")
        try:
            with self.kill_switch.write() if writes else nullcontext():
                answer = self._answer_in_time(action, parameters, effect)
        except AwsError as error:
            call.error = error.code
            raise
        except (HTTPClientError, NoConnectionError) as error:
            call.error = type(error).__name__
            raise
        if writes:
            self.kill_switch.reach(f"after {action}")
        return answer

    def _add(self, action: str, fault: Fault) -> Fault:
        self.faults.setdefault(action, []).append(fault)
        return fault

    def _answer_in_time(self, action: str, parameters: Mapping[str, Any], effect: Callable[[], T]) -> T:
        one_way = self.latency(action) / 2
        if not one_way:
            return self._answer(action, parameters, effect)
        self.clock.sleep(one_way)
        try:
            return self._answer(action, parameters, effect)
        finally:
            self.clock.sleep(one_way)

    def _answer(self, action: str, parameters: Mapping[str, Any], effect: Callable[[], T]) -> T:
        with self._lock:
            struck = next((fault for fault in self.faults.get(action, ()) if fault.strikes(parameters)), None)
            if struck and struck.error and not struck.after_effect:
                raise struck.error
            answer = effect()
        if struck:
            self.clock.sleep(struck.seconds)
            if struck.error:
                raise struck.error
        return answer

    def _let_happen(self, action: str) -> None:
        with self._lock:
            count, planned = self.count(action), self._meanwhile.get(action, [])
            due = [happens for nth, happens in planned if nth <= count]
            self._meanwhile[action] = [item for item in planned if item[0] > count]
        for happens in due:  # without the lock: it may call AWS, too
            happens()

    @property
    def has_plans(self) -> bool:
        """A test has planned a fault, or something that is to happen meanwhile."""
        return bool(self.faults) or any(self._meanwhile.values())

    def count(self, *actions: str) -> int:
        with self._lock:
            return sum(self._counts[action] for action in actions)

    @property
    def counts(self) -> Counter[str]:
        with self._lock:
            return self._counts.copy()

    def refused(self, *actions: str) -> list[Call]:
        with self._lock:
            return [call for call in self.calls if call.error and call.action in actions]
