"""What enforcement keeps up: the properties of the last operation that has succeeded, as an item of its own.

The item counts for as long as the operation of the association is the one that wrote it, and has succeeded. So whatever
begins another operation turns enforcement off, in the same write.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..contract import LEDGER_SORT_KEY, Property
from ..request.event import Request
from .operations import Operation
from .table import Table

KIND = "desired"
"""Kind of the ledger's entries for desired states; their ids are those of their associations."""
FORMAT = 1
ENFORCEMENT_STATE_KIND = "enforcement"
"""Kind of the ledger's entries for what enforcement remembers of an association."""


@dataclass(frozen=True, slots=True)
class DesiredState:
    """What one association wants, since its last operation has succeeded."""

    association: str
    request_id: str
    """The event of that operation."""
    first_at: float
    """When the first operation of the association began, in seconds since the epoch."""
    since: float
    """When the operation ended, in seconds since the epoch."""
    format: int
    properties: Mapping[str, Any]
    """Of the custom resource."""

    @property
    def is_known(self) -> bool:
        """Whether this release can read it."""
        return self.format == FORMAT

    @property
    def stack_id(self) -> str:
        return self.association.partition("|")[0]

    @property
    def logical_id(self) -> str:
        return self.association.partition("|")[2]


class DesiredStates:
    """The desired states of all associations that share a ledger."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def all(self) -> list[DesiredState]:
        """Those of all associations that enforce, or have enforced when their last operation began."""
        return [_state_of(item) for item in self._table.query(KIND)]

    def of(self, request: Request, operation: Operation, now: float) -> dict[str, Any] | None:
        """The write that turns enforcement on, to go with the one that ends an operation in success. None if the
        properties don't ask for it.

        Args:
            request: the event.
            operation: its operation.
            now: seconds since the epoch.
        """
        if Property.ENFORCEMENT not in request.properties:
            return None
        known = {key: request.properties[key] for key in sorted(Property) if key in request.properties}
        attributes = {
            "Format": FORMAT,
            "RequestId": request.id,
            "FirstAt": operation.first_at,
            "Since": now,
            "Properties": known,
        }
        return self._table.replacement(KIND, request.association, attributes)

    def removals(self, association: str) -> list[dict[str, Any]]:
        """The writes that remove what there is of an association."""
        return [self._table.removal(kind, association) for kind in (KIND, ENFORCEMENT_STATE_KIND)]


def _state_of(item: Mapping[str, Any]) -> DesiredState:
    """What an item says. One that can't be read has an unknown format."""
    try:
        return DesiredState(
            association=item[LEDGER_SORT_KEY],
            request_id=str(item["RequestId"]),
            first_at=float(item["FirstAt"]),
            since=float(item["Since"]),
            format=int(item["Format"]),
            properties=dict(item["Properties"]),
        )
    except (KeyError, TypeError, ValueError):
        return DesiredState(item[LEDGER_SORT_KEY], "", 0.0, 0.0, 0, {})
