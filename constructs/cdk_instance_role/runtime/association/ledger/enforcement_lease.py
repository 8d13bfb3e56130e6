"""The lease of enforcement: it works on an association only while the last operation has succeeded and no other begins.

It writes nothing of the operation but the lease itself, and the wish for another look.
"""

from contextlib import AbstractContextManager, suppress
from typing import Any

from botocore.exceptions import ClientError

from ..decide.record import Record
from ..decide.step import Step
from ..operation import SUCCEEDED
from .desired_states import DesiredState
from .lock import LOOK_AGAIN, Lock, Scope, Timing, holding
from .operations import KIND
from .table import Table, reasons

_SUCCEEDED = Scope("Ended = :ended", {":ended": SUCCEEDED})


class LostError(Exception):
    """The association can't be worked on, or not any more: an operation is open, or somebody else works on it."""


class StaleError(LostError):
    """Another operation has succeeded since the desired state was read: read it again."""


def acquire(
    table: Table, state: DesiredState, owner: str, timing: Timing
) -> AbstractContextManager["EnforcementLease"]:
    """Keep deployments and other invocations from working on an association meanwhile.

    Args:
        table: the ledger's.
        state: what the association wants, of its last operation.
        owner: the caller, unique per invocation.
        timing: the clocks.

    Raises:
        LostError: the association is busy, and the one who works on it observes again; or it is not enforced any more.
        StaleError: what the association wants is something else by now.
    """
    return holding(EnforcementLease(table, state, owner, timing), timing)


class EnforcementLease:
    """An association that no deployment and no other invocation works on."""

    def __init__(self, table: Table, state: DesiredState, owner: str, timing: Timing) -> None:
        self._table, self._state = table, state
        self._lock = Lock(table, state.association, state.request_id, owner, timing, _SUCCEEDED)

    @property
    def association(self) -> str:
        """Key of the association."""
        return self._state.association

    @property
    def allows_calls(self) -> bool:
        """Whether a call of EC2 may begin."""
        return self._lock.allows_calls

    def acquire(self) -> None:
        """Take the lease, or ask the one who has it to look again. Raises what `acquire` does."""
        while True:
            with suppress(self._table.ConditionFailed):
                self._lock.acquire()
                return
            if self._is_asked():
                raise LostError

    def renew(self) -> None:
        """Keep the lease for longer. If that fails, it runs out by itself."""
        self._lock.renew()

    def release_unless_asked(self) -> bool:
        """Release the lease, unless somebody has asked for another look meanwhile. Returns whether it was released."""
        try:
            self._lock.release(f"attribute_not_exists({LOOK_AGAIN})")
        except self._table.ConditionFailed:
            return False
        return True

    def begin_again(self) -> None:
        """Begin the look that was asked for.

        Raises:
            LostError: the lease is somebody else's.
        """
        try:
            self._lock.set(f"REMOVE {LOOK_AGAIN}", {})
        except self._table.ConditionFailed:
            raise LostError from None

    def release(self) -> None:
        """Let others in. Nothing is lost if that fails: the lease runs out."""
        self._lock.release_quietly()

    def check(self) -> Any:
        """The condition that a transaction of the ledger has to check: the lease is still the caller's, and no
        operation has begun."""
        return self._lock.check()

    def raise_if_superseded(self, error: ClientError) -> None:
        """Tell whether a transaction was cancelled because the lease is no longer the caller's.

        Raises:
            LostError: it was.
        """
        if next(iter(reasons(error)), "") == "ConditionalCheckFailed":
            raise LostError from None

    def claimed(self, record: Record, step: Step, now: float) -> Record:
        """The record that is written ahead of a step."""
        return record.claimed(self.association, step, now, request=self._state.request_id)

    def _is_asked(self) -> bool:
        """Ask the one who works on the association to look again.

        Returns:
            Whether the caller has nothing to do then. False: the lease has become free meanwhile.
        """
        values = {":yes": True, ":ended": SUCCEEDED}
        try:
            self._table.update(KIND, self.association, f"SET {LOOK_AGAIN} = :yes", values, _BUSY)
        except self._table.ConditionFailed:
            current = self._table.get(KIND, self.association)
            if current and current.get("RequestId") != self._state.request_id and "LeaseOwner" not in current:
                raise StaleError from None
            return not current
        return True


_BUSY = (
    "attribute_exists(RequestId) AND (attribute_exists(LeaseOwner) OR attribute_not_exists(Ended) OR Ended <> :ended)"
)
"""Somebody works on the association, or an operation is open."""
