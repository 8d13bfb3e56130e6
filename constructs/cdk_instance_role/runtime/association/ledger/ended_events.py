"""The events of associations that were deleted. One of them that is delivered again begins nothing.

AWS Lambda may deliver an asynchronous event again, for six hours at most:
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from collections.abc import Mapping
from typing import Any

from ..contract import LEDGER_EXPIRY
from .table import Table

KIND = "ended"
"""Kind of the ledger's entries for the events of deleted associations; their ids are those of the associations."""
KEPT_SECONDS = 24 * 3600
MAX_EVENTS = 100
"""An association that is created and deleted again and again keeps the latest of its events only."""


def is_ended(table: Table, association: str, request_id: str) -> bool:
    """Whether an event belongs to a life of the association that was ended by a Delete."""
    return request_id in table.get(KIND, association).get("Past", ())


def ending(table: Table, association: str, operation: Mapping[str, Any], now: float) -> dict[str, Any]:
    """What remembers the events of an association that is deleted, to be written together with the removal of its
    operation.

    Args:
        table: of the ledger.
        association: the key of the association.
        operation: the item of its last operation.
        now: seconds since the epoch.
    """
    events = [*table.get(KIND, association).get("Past", ()), *operation.get("Past", ()), operation["RequestId"]]
    return table.replacement(KIND, association, {"Past": events[-MAX_EVENTS:], LEDGER_EXPIRY: int(now + KEPT_SECONDS)})
