"""Keeps the operation of an association in the ledger."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import Any

from ..operation import FAILED, SUCCEEDED, Operation
from ..request.event import Request, RequestType
from ..value_types import COUNT, FLAG, TEXT, TIME, Structure, mapped, nullable, one_of
from .items import reading
from .received_events import RENEWED, check, receive, refuse_other_physical_id, superseded
from .table import Table, reasons

KIND = "operation"
"""Kind of the ledger's entries for operations; their ids are those of their associations."""

_OPERATION = Structure(
    {
        "StartedAt": ("started_at", TIME),
        "RequestId": ("request_id", TEXT),
        "RequestType": ("type", one_of(*RequestType)),
        "RollingBack": ("rolling_back", FLAG),
        "UndoneRequestId": ("undoes", nullable(TEXT)),
        "FirstAt": ("first_at", TIME),
        "PhysicalId": ("physical_id", nullable(TEXT)),
    },
    {
        "CameFrom": ("before_update", TEXT),
        "IsReturn": ("returns", FLAG),
        "FirstChangeAccepted": ("first_change_accepted", FLAG),
        "SwapsToRenew": ("swaps_to_renew", FLAG),
        "Failure": ("failure", TEXT),
        "RestoredAt": ("restored_at", TIME),
        "LeftToRestore": ("left", COUNT),
        "Progress": ("progress", mapped(COUNT)),
        "TargetCount": ("total", COUNT),
        "Wave": ("wave", COUNT),
        "BakesUntil": ("bakes_until", nullable(TIME)),
        "Ended": ("ended", one_of(SUCCEEDED, FAILED)),
        "ResultAttributes": ("result", mapped(TEXT)),
        "Reason": ("reason", TEXT),
        "Enforces": ("enforces", FLAG),
        "LeaseUntil": ("lease_until", TIME),
    },
)


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
            AssociationError: the item of the former operation can't be read; the message names it.
        """
        stack_rolls_back = cache(stack_rolls_back)
        nothing = Operation(now, first_at=now)
        while (former := self.get(request.association) or nothing).request_id != request.id:
            create_id = self.receive(request, now)
            if former.request_id:
                refuse_other_physical_id(request, former.physical_id, create_id)
            reverses = _returns_to(former.came_from, request)
            rolling_back = request.type is RequestType.UPDATE and (reverses or stack_rolls_back())
            self._replace(request, former, now, rolling_back=rolling_back, create_id=create_id)
        return former

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
        self, request: Request, former: Operation, now: float, *, rolling_back: bool, create_id: str | None
    ) -> None:
        """Write the operation of an event, unless another event has come or begun meanwhile."""
        came_from = former.before_update if rolling_back else request.digests[0]
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
                ":first": former.first_at,
                ":back": rolling_back,
                ":from": came_from if request.type is RequestType.UPDATE else "",
                ":returns": _returns_to(former.before_update, request),
                ":undone": _undone(request, former, create_id) if request.type is RequestType.DELETE else None,
                ":physical": request.generated_physical_id or former.physical_id,
                **({":former": former.request_id} if former.request_id else {}),
            },
            "RequestId = :former" if former.request_id else "attribute_not_exists(RequestId)",
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
        return Operation(**_OPERATION.read(item))


def _returns_to(digest: str, request: Request) -> bool:
    """Whether an Update changes the properties to those of a digest."""
    before, after = request.digests
    return before != after == digest


def _undone(request: Request, former: Operation, create_id: str | None) -> str | None:
    """Id of the Create that a Delete after this operation rolls back; None if it restores all. A Delete that has failed
    before it leaves the Create for the next one."""
    if not former.request_id:  # a cancelled Create has not begun: what there is, an earlier creation has left
        return None if request.generated_physical_id else create_id
    return None if former.ended == SUCCEEDED else former.restores
