"""The lease of an association: only the invocation that has it works on the association.

Two invocations for one event (a retry), or the last one of a cancelled Create and the first one of the Delete that
follows it, would otherwise undo each other's work.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from ..decide.record import Record
from ..decide.step import Step
from ..request.event import Request, RequestType
from .ended_events import ending
from .operations import KIND, SUCCEEDED, ClosedError, Operation, is_outlived, operation_of, superseded
from .table import Table, reasons

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


class BusyError(Exception):
    """Another invocation has the lease at this moment."""


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


@contextmanager
def acquire(table: Table, request: Request, owner: str, timing: Timing) -> Iterator["Lease"]:
    """Keep every other invocation from working on the association meanwhile.

    Args:
        table: the ledger's.
        request: the event that the caller works for.
        owner: the caller, unique per invocation.
        timing: the clocks.

    Raises:
        BusyError: another invocation has the lease.
        ClosedError: the operation is over, and nothing is left of it.
        SupersededError: the caller's event is not the current one.
    """
    lease = Lease(table, request, owner, timing)
    lease.take()
    stop = timing.every(RENEWAL_SECONDS, lease.renew)
    try:
        yield lease
    finally:
        stop()
        lease.release()


class Lease:
    """An association that no other invocation works on, and its operation."""

    operation: Operation

    def __init__(self, table: Table, request: Request, owner: str, timing: Timing) -> None:
        self._table, self._owner, self._timing = table, owner, timing
        self.request = request
        self._valid_until = float("-inf")

    def take(self) -> None:
        """Take the lease, if it is free or has run out. Raises what `acquire` does."""
        try:
            self.operation = self._lease(_FREE)
        except self._table.ConditionFailed:
            self._take_over()

    def renew(self) -> None:
        """Keep the lease for longer. If that fails, it runs out by itself."""
        with suppress(ClientError, BotoCoreError):
            self._lease("LeaseOwner = :owner")

    def release(self) -> None:
        """Let other invocations in. Nothing is lost if that fails: the lease runs out."""
        self._valid_until = float("-inf")
        with suppress(ClientError, BotoCoreError):
            self._update("REMOVE LeaseOwner, LeaseUntil", {}, "LeaseOwner = :owner")

    @property
    def allows_calls(self) -> bool:
        """Whether a call of EC2 may begin."""
        return self._valid_until - self._timing.monotonic() >= MIN_SECONDS_LEFT

    def check(self) -> Any:
        """The condition that a transaction of the ledger has to check: the lease is still the caller's."""
        values = {":owner": self._owner, ":id": self.request.id}
        return self._table.check(KIND, self.request.association, "LeaseOwner = :owner AND RequestId = :id", values)

    def raise_if_superseded(self, error: ClientError) -> None:
        """Tell whether a transaction was cancelled because the lease is no longer the caller's.

        Raises what `acquire` does, if it was.
        """
        if next(iter(reasons(error)), "") == "ConditionalCheckFailed":
            self._explain()

    def claimed(self, record: Record, step: Step, now: float) -> Record:
        """The record that is written ahead of a step of this operation."""
        desired, creates = self.request.desired, self.request.type is RequestType.CREATE
        retain = desired is not None and desired.retain
        return record.claimed(
            self.request.association, step, now, request=self.request.id, creates=creates, retain=retain
        )

    def accept_first_change(self) -> None:
        """EC2 has accepted a change."""
        self._set("SET FirstChangeAccepted = :yes", {":yes": True})

    def swap_to_renew(self) -> None:
        """It turned out that a replace does not renew an association with a profile that was created again."""
        self._set("SET SwapsToRenew = :yes", {":yes": True})

    def fail(self, reason: str) -> None:
        """The operation has failed and restores what it has changed so far."""
        self._set("SET Failure = :reason", {":reason": reason})

    def begin_waves(self, total: int) -> None:
        """This many targets are to be changed in waves."""
        self._set("SET Targets = :total, Wave = :none", {":total": total, ":none": 0})

    def bake(self, until: float | None) -> None:
        """All targets of the current wave are done: it is watched until then, in seconds since the epoch. None if they
        are not any more."""
        self._set("SET BakesUntil = :until", {":until": until})

    def end_wave(self) -> None:
        """The current wave is through."""
        self._set("SET Wave = :next REMOVE BakesUntil", {":next": self.operation.wave + 1})

    def save_progress(self, levels: Mapping[str, float], progress: Mapping[str, int], now: float) -> None:
        """Leave the state of the buckets, and how far it is, to the next invocation."""
        left = {":levels": dict(levels), ":now": now, ":progress": dict(progress)}
        self._set("SET Levels = :levels, LevelsAt = :now, Progress = :progress", left)

    def succeed(self, result: Mapping[str, str]) -> None:
        """The operation has succeeded: no later Update takes a failed one back by its properties."""
        values = {":succeeded": SUCCEEDED, ":result": dict(result)}
        self._set("SET Ended = :succeeded, Outcome = :result REMOVE CameFrom", values)

    def close(self) -> None:
        """Drop the operation: nothing of the association is left but the ids of its events."""
        association, mine = self.request.association, {":owner": self._owner, ":id": self.request.id}
        current = self._table.get(KIND, association)
        if current.get("RequestId") != self.request.id:
            self._explain()
        removal = self._table.removal(KIND, association, "LeaseOwner = :owner AND RequestId = :id", mine)
        try:
            self._table.write([[removal, ending(self._table, association, current, self._timing.clock())]])
        except self._table.Cancelled as error:
            self.raise_if_superseded(error)
            raise

    def _take_over(self) -> None:
        try:
            self.operation = self._lease(_RUN_OUT)
        except self._table.ConditionFailed:
            self._explain()
        self._timing.sleep(TAKEOVER_SECONDS)

    def _explain(self) -> NoReturn:
        """Raise why the lease can't be had, or is lost."""
        current = self._table.get(KIND, self.request.association)
        if not current or is_outlived(self.request, current):
            raise ClosedError from None
        if current["RequestId"] != self.request.id:
            raise superseded() from None
        raise BusyError from None

    def _lease(self, condition: str) -> Operation:
        """Have the lease from now on, under a condition. Returns the operation as it is then."""
        sent_at, now = self._timing.monotonic(), self._timing.clock()
        values = {":until": now + LEASE_SECONDS, ":id": self.request.id}
        if condition == _RUN_OUT:
            values[":now"] = now
        expression = "SET LeaseOwner = :owner, LeaseUntil = :until"
        operation = self._update(expression, values, f"RequestId = :id AND ({condition})")
        self._valid_until = sent_at + LEASE_SECONDS
        return operation

    def _set(self, expression: str, values: Mapping[str, Any]) -> None:
        """Change the operation, unless a later event has begun another one meanwhile."""
        mine = {**values, ":id": self.request.id}
        try:
            self.operation = self._update(expression, mine, "LeaseOwner = :owner AND RequestId = :id")
        except self._table.ConditionFailed:
            self._explain()

    def _update(self, expression: str, values: Mapping[str, Any], condition: str) -> Operation:
        mine = {**values, ":owner": self._owner}
        item = self._table.update(KIND, self.request.association, expression, mine, condition=condition)
        return operation_of(item)
