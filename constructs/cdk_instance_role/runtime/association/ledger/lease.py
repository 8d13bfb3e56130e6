"""The lease of an association: only the invocation that has it works on the association's operation.

Two invocations for one event (a retry), or the last one of a cancelled Create and the first one of the Delete that
follows it, would otherwise undo each other's work.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, NoReturn

from botocore.exceptions import ClientError

from ..decide.record import Record
from ..decide.step import Step
from ..operation import SUCCEEDED, Operation
from ..request.event import Request, RequestType
from .desired_states import DesiredStates
from .lock import LOOK_AGAIN, Lock, Scope, Timing, holding
from .operations import KIND, operation_of
from .received_events import ClosedError, closing, has_other_physical_id, superseded
from .table import Table, reasons

_OPEN = Scope("attribute_not_exists(Ended)", {})


class BusyError(Exception):
    """Another invocation has the lease at this moment."""


class EndedError(Exception):
    """The operation of the event has ended."""

    def __init__(self, operation: Operation) -> None:
        super().__init__(operation.ended)
        self.operation = operation


def acquire(table: Table, request: Request, owner: str, timing: Timing) -> AbstractContextManager["Lease"]:
    """Keep every other invocation from working on the association meanwhile.

    Args:
        table: the ledger's.
        request: the event that the caller works for.
        owner: the caller, unique per invocation.
        timing: the clocks.

    Raises:
        BusyError: another invocation has the lease.
        ClosedError: the operation is over, and nothing is left of it.
        EndedError: the operation has ended.
        SupersededError: the caller's event is not the current one.
    """
    return holding(Lease(table, request, owner, timing), timing)


class Lease:
    """An association that no other invocation works on, and its operation."""

    operation: Operation

    def __init__(self, table: Table, request: Request, owner: str, timing: Timing) -> None:
        self._table, self._timing = table, timing
        self._lock = Lock(table, request.association, request.id, owner, timing, _OPEN)
        self.request = request

    def acquire(self) -> None:
        """Take the lease, if it is free or has run out. Raises what `acquire` does."""
        try:
            self.operation = self._lock.acquire()
        except self._table.ConditionFailed:
            self._explain()

    def renew(self) -> None:
        """Keep the lease for longer. If that fails, it runs out by itself."""
        self._lock.renew()

    def release(self) -> None:
        """Let other invocations in. Nothing is lost if that fails: the lease runs out. The operation goes on, so the
        next invocation observes again in any case."""
        self._lock.release_quietly()

    @property
    def allows_calls(self) -> bool:
        """Whether a call of EC2 may begin."""
        return self._lock.allows_calls

    @property
    def is_held(self) -> bool:
        """Whether it has not been released yet."""
        return self._lock.is_held

    def check(self) -> Any:
        """The condition that a transaction of the ledger has to check: the lease is still the caller's."""
        return self._lock.check()

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

    def write_desired_state(self) -> None:
        """Write the desired state before the operation ends, so that events of EC2 can ask for another look. It counts
        only once the operation has succeeded."""
        states = DesiredStates(self._table)
        state = states.of(self.request, self.operation, self._timing.clock())
        if state is None or (self.operation.enforces and states.selects_alike(self.request)):
            return
        if not self.operation.enforces:
            self._set("SET Enforces = :yes", {":yes": True})
        self._table.write([[state]], self.check())

    def accept_first_change(self) -> None:
        """EC2 has accepted a change."""
        self._set("SET FirstChangeAccepted = :yes", {":yes": True})

    def swap_to_renew(self) -> None:
        """It turned out that a replace does not renew an association with a profile that was created again."""
        self._set("SET SwapsToRenew = :yes", {":yes": True})

    def roll_back(self) -> None:
        """The operation is known to roll an update back. It has the time that a rollback has from now on."""
        values = {":yes": True, ":now": self._timing.clock()}
        self._set("SET RollingBack = :yes, RestoredAt = :now", values)

    def fail(self, reason: str) -> None:
        """The operation has failed and restores what it has changed so far."""
        now = self._timing.clock()
        self._set("SET Failure = :reason, RestoredAt = :now REMOVE LeftToRestore", {":reason": reason, ":now": now})

    def record_left(self, left: int) -> None:
        """So many instances are still to be restored. Restoring makes progress if these are fewer than ever before:
        where another automation reverts each change, EC2 accepts changes without end."""
        known, now = self.operation.left, self._timing.clock()
        if self.operation.is_restoring and (known is None or left < known):
            self._set("SET RestoredAt = :now, LeftToRestore = :left", {":now": now, ":left": left})

    def begin_waves(self, total: int) -> None:
        """This many targets are to be changed in waves."""
        self._set("SET TargetCount = :total, Wave = :none", {":total": total, ":none": 0})

    def bake(self, until: float | None) -> None:
        """All targets of the current wave are done: it is watched until then, in seconds since the epoch. None if they
        are not any more."""
        self._set("SET BakesUntil = :until", {":until": until})

    def end_wave(self) -> None:
        """The current wave is through."""
        self._set("SET Wave = :next REMOVE BakesUntil", {":next": self.operation.wave + 1})

    def save_progress(self, progress: Mapping[str, int]) -> None:
        """Leave to the next invocation how far it is."""
        self._set("SET Progress = :progress", {":progress": dict(progress)})

    def succeed(self, result: Mapping[str, str], *, looks_again: bool = True) -> bool:
        """End the operation, and release the lease. No later Update rolls a failed one back by its properties.

        The same write turns enforcement on, if the properties ask for it.

        Args:
            result: attributes of the resource.
            looks_again: whether the operation stays open if somebody has asked for another look meanwhile.

        Returns:
            Whether it has ended. If not, everything has to be observed again.
        """
        no_look_again = f" AND attribute_not_exists({LOOK_AGAIN})" if looks_again else ""
        condition, mine = self._lock.condition
        states = DesiredStates(self._table)
        state = states.of(self.request, self.operation, self._timing.clock())
        values = {**mine, ":succeeded": SUCCEEDED, ":result": dict(result)}
        removed = "LeaseOwner, LeaseUntil" if state else "LeaseOwner, LeaseUntil, Enforces"
        expression = f"SET Ended = :succeeded, ResultAttributes = :result REMOVE {removed}"
        change = self._table.change(KIND, self.request.association, expression, values, f"{condition}{no_look_again}")
        others = [state] if state else states.removals(self.request.association) if self.operation.enforces else []
        try:
            self._table.write([[change, *others]])
        except self._table.Cancelled as error:
            self._look_again_or_raise(error)
            return False
        self._lock.forget()
        return True

    def close(self) -> None:
        """Drop the operation: nothing of the association is left but the ids of its events."""
        association = self.request.association
        removal = self._table.removal(KIND, association, *self._lock.condition)
        states = DesiredStates(self._table).removals(association) if self.operation.enforces else []
        try:
            self._table.write([[removal, closing(self._table, self.request, self._timing.clock()), *states]])
        except self._table.Cancelled as error:
            self.raise_if_superseded(error)
            raise
        self._lock.forget()

    def _look_again_or_raise(self, error: ClientError) -> None:
        """Take note of the wish for another look, if that is what has kept the operation from ending."""
        current = self._table.get(KIND, self.request.association)
        if LOOK_AGAIN not in current:
            self.raise_if_superseded(error)
            raise error
        self._set(f"REMOVE {LOOK_AGAIN}", {})

    def _explain(self) -> NoReturn:
        """Raise why the lease can't be had, or is lost."""
        current = self._table.get(KIND, self.request.association)
        if not current:
            raise ClosedError from None
        operation = operation_of(current)
        if has_other_physical_id(self.request, operation.physical_id):
            raise ClosedError from None
        if operation.request_id != self.request.id:
            raise superseded() from None
        if operation.ended:
            raise EndedError(operation) from None
        raise BusyError from None

    def _set(self, expression: str, values: Mapping[str, Any]) -> None:
        """Change the operation, unless a later event has begun another one meanwhile."""
        try:
            self.operation = self._lock.set(expression, values)
        except self._table.ConditionFailed:
            self._explain()
