"""The events of associations that were deleted. One of them that is delivered again begins nothing.

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

KIND = "ended"
"""Kind of the ledger's entries for the events of deleted associations; their ids are those of the associations."""
KEPT_SECONDS = 24 * 3600
MAX_EVENTS = 100
"""An association that is created and deleted again and again keeps the latest of its events only."""
RENEWED = "or delete it: the next event of the association writes a new one"
"""What else people can do than restore an item that can't be read."""


def is_ended(table: Table, association: str, request_id: str) -> bool:
    """Whether an event belongs to a life of the association that was ended by a Delete."""
    return request_id in past(table.get(KIND, association))


def past(item: Mapping[str, Any]) -> list[str]:
    """Ids of the former events that an item lists.

    Raises:
        AssociationError: it can't be read; the message names it.
    """
    with reading(item, RENEWED):
        return [str(one) for one in item.get("PastRequestIds", ())]


def ending(table: Table, association: str, operation: Mapping[str, Any], now: float) -> dict[str, Any]:
    """What remembers the events of an association that is deleted, to be written together with the removal of its
    operation.

    Args:
        table: of the ledger.
        association: the key of the association.
        operation: the item of its last operation.
        now: seconds since the epoch.
    """
    events = [*past(table.get(KIND, association)), *past(operation), operation["RequestId"]]
    return table.replacement(
        KIND, association, {"PastRequestIds": events[-MAX_EVENTS:], LEDGER_EXPIRY: int(now + KEPT_SECONDS)}
    )


def outdated() -> SupersededError:
    """A later event is over already."""
    return SupersededError("a later event for this association was handled already: this one is ignored")


def is_outlived(request: Request, current: Mapping[str, Any]) -> bool:
    """Whether a Delete is of an earlier life of the association, which has ended and was followed by another Create."""
    return request.type is RequestType.DELETE and request.life not in (None, current.get("PhysicalId"))
