"""The lock behind a lease: who works on an association, until when, and on what condition.

It is in the item of the association's operation. So whatever begins another operation also ends the right to work on
the one before, in the same write.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from ..exceptions import AssociationError
from ..operation import Operation
from .operations import KIND, operation_of
from .table import Table

LEASE_SECONDS = 60.0
"""How long a lease is valid after the last successful renewal was sent."""
RENEWAL_SECONDS = 15.0
"""How often it is renewed."""
MIN_SECONDS_LEFT = 20.0
"""No call of EC2 begins with less than this left: it may take so long until it takes effect."""
TAKEOVER_SECONDS = 5.0
"""How long to wait before anything is done with a lease that has run out and was not released: clocks differ."""

_FREE = "attribute_not_exists(LeaseUntil) OR LeaseOwner = :owner"
_RUN_OUT = "LeaseUntil < :now"
_OWNED = "LeaseOwner = :owner"
LOOK_AGAIN = "LookAgain"
"""Attribute that asks the one who works on the association to observe again before they stop."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The clocks that a lease goes by."""

    clock: Callable[[], float]
    """Seconds since the epoch."""
    monotonic: Callable[[], float]
    """Seconds since some time; never set back or forward."""
    sleep: Callable[[float], None]
    """Waits for seconds."""
    every: Callable[[float, Callable[[], None]], Callable[[], None]]
    """Runs a job in the background every so many seconds; returns what stops that."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which state an operation has to be in for somebody to work on its association."""

    condition: str
    values: Mapping[str, Any]


class Holder(Protocol):
    """A lease that is held for some time."""

    def acquire(self) -> None: ...

    def renew(self) -> None: ...

    def release(self) -> None: ...


H = TypeVar("H", bound=Holder)


@contextmanager
def holding(lease: H, timing: Timing) -> Iterator[H]:
    """Take a lease, renew it in the background, and release it. Raises what taking it does."""
    lease.acquire()
    stop = timing.every(RENEWAL_SECONDS, lease.renew)
    try:
        yield lease
    finally:
        stop()
        lease.release()


class Lock:
    """Keeps others from working on an association, while its operation stays what it is."""

    def __init__(
        self, table: Table, association: str, request_id: str, owner: str, timing: Timing, scope: Scope
    ) -> None:
        """
        Args:
            table: the ledger's.
            association: key of the association.
            request_id: the event whose operation has to be the current one.
            owner: the caller, unique per invocation.
            timing: the clocks.
            scope: which state the operation has to be in.
        """
        self._table, self._association, self._timing, self._scope = table, association, timing, scope
        self._mine = {":owner": owner, ":id": request_id}
        self._valid_until = float("-inf")

    @property
    def allows_calls(self) -> bool:
        """Whether a call of EC2 may begin."""
        return self._valid_until - self._timing.monotonic() >= MIN_SECONDS_LEFT

    @property
    def condition(self) -> tuple[str, dict[str, Any]]:
        """The condition for a write of the operation, and its values: the lock is still the caller's."""
        return f"{_OWNED} AND RequestId = :id", dict(self._mine)

    @property
    def is_held(self) -> bool:
        """Whether it was taken, and not given up since."""
        return self._valid_until > float("-inf")

    def check(self) -> Any:
        """The condition that a transaction of the ledger has to check: the lock is still the caller's."""
        return self._table.check(KIND, self._association, *self.condition)

    def acquire(self) -> Operation:
        """Take the lock, if it is free or has run out.

        Raises:
            ConditionFailed: it is somebody else's, or the operation is another one or in another state.
        """
        try:
            return self._lease(_FREE, takes=True)
        except self._table.ConditionFailed:
            operation = self._lease(_RUN_OUT, takes=True)
        self._timing.sleep(TAKEOVER_SECONDS)
        return operation

    def renew(self) -> None:
        """Keep the lock for longer. If that fails, it runs out by itself."""
        with suppress(ClientError, BotoCoreError, AssociationError):
            self._lease(_OWNED)

    def release_quietly(self) -> None:
        """Let other invocations in. Nothing is lost if that fails: the lock runs out."""
        if self.is_held:
            with suppress(ClientError, BotoCoreError):
                self.release()
        self.forget()

    def release(self, condition: str = _OWNED) -> None:
        """Let other invocations in.

        Args:
            condition: what has to hold besides. Default: nothing.

        Raises:
            ConditionFailed: that does not hold. The lock is still the caller's, unless it has run out.
        """
        self._update("REMOVE LeaseOwner, LeaseUntil", {}, f"{_OWNED} AND ({condition})")
        self.forget()

    def forget(self) -> None:
        """It is not the caller's any more."""
        self._valid_until = float("-inf")

    def set(self, expression: str, values: Mapping[str, Any]) -> Operation:
        """Change the operation. Returns it as it is then.

        Raises:
            ConditionFailed: the lock is somebody else's, or another operation has begun.
        """
        condition, mine = self.condition
        return self._update(expression, {**values, ":id": mine[":id"]}, condition)

    def _lease(self, condition: str, *, takes: bool = False) -> Operation:
        """Have the lock from now on, under a condition. Returns the operation as it is then."""
        sent_at, now = self._timing.monotonic(), self._timing.clock()
        values = {**self._scope.values, ":until": now + LEASE_SECONDS, ":id": self._mine[":id"]}
        if condition == _RUN_OUT:
            values[":now"] = now
        # The invocation that takes it observes after that, which is the look that was asked for.
        expression = "SET LeaseOwner = :owner, LeaseUntil = :until" + (f" REMOVE {LOOK_AGAIN}" if takes else "")
        operation = self._update(expression, values, f"RequestId = :id AND {self._scope.condition} AND ({condition})")
        self._valid_until = sent_at + LEASE_SECONDS
        return operation

    def _update(self, expression: str, values: Mapping[str, Any], condition: str) -> Operation:
        mine = {**values, ":owner": self._mine[":owner"]}
        return operation_of(self._table.update(KIND, self._association, expression, mine, condition=condition))
