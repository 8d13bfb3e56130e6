"""The events of an association, in the order in which they have come. Each of them outdates those before it.

An event is noted before anything else is done for it. So an event that CloudFormation has cancelled meanwhile, and one
that is delivered again, begin nothing: a later event has come, or a Delete has ended the association.

AWS Lambda may deliver an asynchronous event again, for six hours at most:
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from collections.abc import Mapping
from typing import Any

from ..contract import LEDGER_EXPIRY
from ..exceptions import SupersededError
from ..request.event import Request, RequestType
from .items import reading
from .table import Table

KIND = "events"
"""Kind of the ledger's entries for the events of associations; their ids are those of the associations."""
KEPT_SECONDS = 24 * 3600
MAX_EVENTS = 100
"""An association that is created and deleted again and again keeps the latest of its events only."""
RENEWED = "or delete it: the next event of the association writes a new one"
"""What else people can do than restore an item that can't be read."""


class ClosedError(Exception):
    """The operation has ended, and nothing of the association is left."""


def receive(table: Table, request: Request, now: float) -> str | None:
    """Note that an event has come, unless it is known. From then on, those before it begin nothing.

    Args:
        table: of the ledger.
        request: the event.
        now: seconds since the epoch.

    Returns:
        Id of the latest Create: a Delete is about it whose physical id CloudFormation has invented. None: not known.

    Raises:
        SupersededError: a later event has come, or the association was ended by this one.
        ClosedError: the same, for a Delete.
        AssociationError: the item of the events can't be read; the message names it.
    """
    while True:
        item = table.get(KIND, request.association)
        with reading(item, RENEWED):
            latest, past = item.get("RequestId"), [str(one) for one in item.get("PastRequestIds", ())]
        if request.id in (*past, item.get("ClosedBy")):
            raise ClosedError if request.type is RequestType.DELETE else outdated()
        if latest == request.id:
            return item.get("CreateId")
        create_id = request.id if request.type is RequestType.CREATE else item.get("CreateId")
        past = [*past, *([latest] if latest else ())][-MAX_EVENTS:]
        try:
            table.update(
                KIND,
                request.association,
                f"SET RequestId = :id, PastRequestIds = :past, CreateId = :create, {LEDGER_EXPIRY} = :expiry",
                {
                    ":id": request.id,
                    ":past": past,
                    ":create": create_id,
                    ":expiry": int(now + KEPT_SECONDS),
                    **({":latest": latest} if latest else {}),
                },
                condition="RequestId = :latest" if latest else "attribute_not_exists(RequestId)",
            )
        except table.ConditionFailed:  # another event has come meanwhile
            continue
        return create_id


def check(table: Table, request: Request) -> dict[str, Any]:
    """The condition that the beginning of an operation has to check: the event is not outdated."""
    condition = "RequestId = :id AND (attribute_not_exists(ClosedBy) OR ClosedBy <> :id)"
    return table.check(KIND, request.association, condition, {":id": request.id})


def closing(table: Table, request: Request, now: float) -> dict[str, Any]:
    """The write that ends the association with an event, to go with the removal of its operation. The event, delivered
    again, begins nothing any more."""
    values = {":id": request.id, ":expiry": int(now + KEPT_SECONDS)}
    return table.change(KIND, request.association, f"SET ClosedBy = :id, {LEDGER_EXPIRY} = :expiry", values)


def superseded() -> SupersededError:
    """A later event has begun."""
    return SupersededError("a later event for this association has taken over")


def outdated() -> SupersededError:
    """A later event has come already."""
    return SupersededError("a later event for this association was handled already: this one is ignored")


def refuse_other_physical_id(request: Request, current: Mapping[str, Any], create_id: str | None) -> None:
    """Refuse an event about another creation of the association than that of the current operation; the arguments are
    those of `has_other_physical_id`.

    Raises:
        SupersededError: it is an Update.
        ClosedError: it is a Delete.
    """
    if has_other_physical_id(request, current, create_id):
        raise ClosedError
    if request.type is RequestType.UPDATE and request.generated_physical_id not in (None, current.get("PhysicalId")):
        raise outdated()


def has_other_physical_id(request: Request, current: Mapping[str, Any], create_id: str | None = None) -> bool:
    """Whether a Delete is about another creation of the association than that of the current operation.

    Args:
        request: the event.
        current: the item of the operation.
        create_id: id of the Create that a Delete with an invented id is about. Default: unknown.
    """
    physical_id = request.generated_physical_id or (request.physical_id_for(create_id) if create_id else None)
    return request.type is RequestType.DELETE and physical_id not in (None, current.get("PhysicalId"))
