"""The operation that is going on for an association, on behalf of one event."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ..request.event import Request, RequestType, max_seconds
from .items import reading
from .received_events import RENEWED, check, receive, refuse_other_physical_id, superseded
from .table import Table, reasons

KIND = "operation"
"""Kind of the ledger's entries for operations; their ids are those of their associations."""

SUCCEEDED, FAILED = "succeeded", "failed"
"""How an operation has ended. It is open from its beginning until it has succeeded."""

MIN_PATIENCE_SECONDS = 240.0
"""How long restoring goes on at least without progress: three tries, each a minute after a call without an answer, or
after the lease of a killed function has run out."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What is being done for an association, on behalf of one event."""

    started_at: float
    """Seconds since the epoch."""
    request_id: str = ""
    type: RequestType | None = None
    rolling_back: bool = False
    """It rolls a failed update back."""
    came_from: str = ""
    """Digest of the properties before the last ordinary Update, until an operation has succeeded; else empty."""
    returns: bool = False
    """An Update asks for the properties that the last ordinary Update before it came from, as its rollback would."""
    undoes: str | None = None
    """Id of the Create that a Delete rolls back. None: the Delete restores all that the association did."""
    first_change_accepted: bool = False
    """EC2 has accepted a change of this operation: it knows the profile, and the handler may act."""
    swaps_to_renew: bool = False
    """A replace does not renew an association with a profile that was created again under its name."""
    failure: str | None = None
    """Why the operation has failed. From then on it restores what it has changed so far."""
    restored_at: float = 0.0
    """When restoring began after the failure, or last made progress, in seconds since the epoch."""
    left: int | None = None
    """Instances that are still to be restored, the fewest so far; None if it is not known yet."""
    progress: Mapping[str, int] = field(default_factory=dict)
    """How far the last look has found it, by metric."""
    total: int | None = None
    """Targets that were to be changed when the first wave began; None before it."""
    wave: int = 0
    """Waves that are through."""
    bakes_until: float | None = None
    """Until when the current wave is only watched, in seconds since the epoch; None before all its targets are done."""
    ended: str = ""
    """``SUCCEEDED`` or ``FAILED``; empty while it goes on."""
    result: Mapping[str, str] = field(default_factory=dict)
    """Attributes of the resource, once it has succeeded."""
    reason: str = ""
    """Why it has failed, once it has ended so."""
    first_at: float = 0.0
    """When the first operation of the association began, in seconds since the epoch."""
    enforces: bool = False
    """An earlier operation has written a desired state for enforcement."""

    @property
    def is_restoring(self) -> bool:
        """It is a Delete or a rollback, or it has failed and undoes its own changes."""
        return bool(self.failure) or self.rolling_back or self.type is RequestType.DELETE

    def seconds(self, timeout: float) -> float:
        """How long it may take, by the timeout of its association. Restoring may take as long as CloudFormation waits:
        it may concern more instances than any operation with this timeout, and without it the stack is stuck."""
        longest = float(max_seconds(self.type))
        return longest if self.is_restoring else min(timeout, longest)

    def ends_at(self, timeout: float) -> float:
        """When it ends at the latest, in seconds since the epoch."""
        return self.started_at + self.seconds(timeout)

    def exceeded(self, now: float, timeout: float) -> float | None:
        """The seconds that were not enough for it; None while its time is not over. An undo that makes progress goes
        on. It is given up after the timeout without progress: so a missing permission is named then."""
        if now > self.ends_at(timeout):
            return self.seconds(timeout)
        unchanged, patience = now - max(self.started_at, self.restored_at), max(timeout, MIN_PATIENCE_SECONDS)
        return patience if self.is_restoring and unchanged > patience else None

    @property
    def restores(self) -> str | None:
        """Id of the Create that is rolled back, by itself or by the Delete after it."""
        return self.request_id if self.type is RequestType.CREATE else self.undoes


class Operations:
    """The operations of all associations that share a ledger."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, association: str) -> Operation | None:
        """The latest operation of an association; None if there is none."""
        item = self._table.get(KIND, association)
        return operation_of(item) if item else None

    def begin(self, request: Request, now: float, *, stack_rolls_back: Callable[[], bool] = lambda: False) -> Operation:
        """Make an event's operation the current one; an older one that still runs stops at its next invocation.

        Args:
            request: the event.
            now: seconds since the epoch.
            stack_rolls_back: whether the stack rolls an update back; asked once for a new Update.

        Raises:
            SupersededError: the event is an old one that was delivered again.
            ClosedError: it is a Delete of an association that is gone, and was created again since, if at all.
        """
        stack_rolls_back = cache(stack_rolls_back)
        while (current := self._table.get(KIND, request.association)).get("RequestId") != request.id:
            create_id = self.receive(request, now)
            if current:
                refuse_other_physical_id(request, current, create_id)
            rolling_back = request.type is RequestType.UPDATE and (_is_rollback(request, current) or stack_rolls_back())
            self._replace(request, current, now, rolling_back=rolling_back, create_id=create_id)
        return operation_of(current)

    def receive(self, request: Request, now: float) -> str | None:
        """Note that an event has come, before anything is done for it; see `received_events.receive`."""
        return receive(self._table, request, now)

    def roll_back(self, request: Request) -> Operation:
        """An Update that has begun is known to roll another one back.

        Raises:
            SupersededError: a later event has begun.
        """
        expression, values = "SET RollingBack = :yes", {":yes": True, ":id": request.id}
        try:
            item = self._table.update(KIND, request.association, expression, values, condition="RequestId = :id")
        except self._table.ConditionFailed:
            raise superseded() from None
        return operation_of(item)

    def end_in_failure(self, request: Request, reason: str) -> None:
        """The operation of an event has ended, and not succeeded. It stays open for the event that rolls it back."""
        values = {":failed": FAILED, ":reason": reason, ":id": request.id}
        expression = "SET Ended = :failed, Reason = :reason"
        with suppress(self._table.ConditionFailed):  # a later event has begun
            self._table.update(KIND, request.association, expression, values, condition="RequestId = :id")

    def _replace(
        self, request: Request, current: Mapping[str, Any], now: float, *, rolling_back: bool, create_id: str | None
    ) -> None:
        """Write the operation of an event, unless another event has come or begun meanwhile."""
        former = current.get("RequestId")
        came_from = current.get("CameFrom", "") if rolling_back else request.digests[0]
        change = self._table.change(
            KIND,
            request.association,
            "SET RequestId = :id, RequestType = :type, StartedAt = :now, RollingBack = :back, CameFrom = :from, "
            "IsReturn = :returns, UndoneRequestId = :undone, PhysicalId = :physical, FirstAt = :first "
            "REMOVE FirstChangeAccepted, Failure, RestoredAt, Progress, TargetCount, Wave, BakesUntil, SwapsToRenew, "
            "Ended, ResultAttributes, Reason, LookAgain, LeftToRestore",
            {
                ":id": request.id,
                ":type": request.type.value,
                ":now": now,
                ":first": current.get("FirstAt", now),
                ":back": rolling_back,
                ":from": came_from if request.type is RequestType.UPDATE else "",
                ":returns": _returns(request, current),
                ":undone": _undone(request, current, create_id) if request.type is RequestType.DELETE else None,
                ":physical": request.generated_physical_id or current.get("PhysicalId"),
                **({":former": former} if former else {}),
            },
            "RequestId = :former" if former else "attribute_not_exists(RequestId)",
        )
        try:
            self._table.write([[change]], check(self._table, request))
        except self._table.Cancelled as error:
            if "ConditionalCheckFailed" not in reasons(error):
                raise


def operation_of(item: Mapping[str, Any]) -> Operation:
    """The operation that an item of the ledger says.

    Raises:
        AssociationError: somebody has changed the item so that it can't be read; the message names it.
    """
    with reading(item, RENEWED):
        return Operation(
            started_at=float(item["StartedAt"]),
            request_id=item["RequestId"],
            type=RequestType(item["RequestType"]),
            rolling_back=bool(item.get("RollingBack")),
            came_from="" if item.get("Ended") == SUCCEEDED else item.get("CameFrom", ""),
            returns=bool(item.get("IsReturn")),
            undoes=item.get("UndoneRequestId"),
            first_change_accepted=bool(item.get("FirstChangeAccepted")),
            swaps_to_renew=bool(item.get("SwapsToRenew")),
            failure=item.get("Failure"),
            restored_at=float(item.get("RestoredAt", 0)),
            left=None if (left := item.get("LeftToRestore")) is None else int(left),
            progress={metric: int(value) for metric, value in item.get("Progress", {}).items()},
            total=None if (total := item.get("TargetCount")) is None else int(total),
            wave=int(item.get("Wave", 0)),
            bakes_until=None if (until := item.get("BakesUntil")) is None else float(until),
            ended=item.get("Ended", ""),
            result=dict(item.get("ResultAttributes", {})),
            reason=item.get("Reason", ""),
            first_at=float(item.get("FirstAt", item["StartedAt"])),
            enforces=bool(item.get("Enforces")),
        )


def _is_rollback(request: Request, current: Mapping[str, Any]) -> bool:
    """Whether an Update rolls back the last ordinary one, which has failed and is still open: CloudFormation does that
    at once where successful resources are preserved, while the stack does not roll back."""
    return current.get("Ended") != SUCCEEDED and _returns(request, current)


def _returns(request: Request, current: Mapping[str, Any]) -> bool:
    """Whether an Update asks for the properties that the last ordinary one before it came from."""
    before, after = request.digests
    return before != after and current.get("CameFrom") == after


def _undone(request: Request, current: Mapping[str, Any], create_id: str | None) -> str | None:
    """Id of the Create that a Delete after this operation rolls back; None if it restores all. A Delete that has failed
    before it leaves the Create for the next one."""
    if not current:  # a cancelled Create has not begun: what there is, an earlier creation has left
        return None if request.generated_physical_id else create_id
    if current.get("Ended") == SUCCEEDED:
        return None
    match current.get("RequestType"):
        case RequestType.CREATE:
            return current.get("RequestId")
        case RequestType.DELETE:
            return current.get("UndoneRequestId")
    return None
