"""What enforcement keeps up: the properties of the last operation that has succeeded, as an item of its own.

The item counts for as long as the operation of the association is the one that wrote it, and has succeeded. So whatever
begins another operation turns enforcement off, in the same write.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..contract import LEDGER_SORT_KEY, Property
from ..exceptions import AssociationError
from ..operation import Operation
from ..request.event import Request
from ..value_types import COUNT, MAP, TEXT, TIME, Structure
from .items import reading
from .table import Table

KIND = "desired"
"""Kind of the ledger's entries for desired states; their ids are those of their associations."""
FORMAT = 1
UPGRADE = "deploy with the current release"
"""What to do about what this release can't read."""
RENEWED = "or deploy a change of the association with the current release: that writes a new one"
"""What else people can do than restore an item of enforcement that can't be read."""
ENFORCEMENT_STATE_KIND = "enforcement"
"""Kind of the ledger's entries for what enforcement remembers of an association."""

_SELECTION = (Property.INSTANCE_IDS, Property.INSTANCE_TAGS)
"""Properties that events of EC2 are matched against."""

_FORMAT = Structure({"Format": ("format", COUNT)})
_STATE = Structure(
    {
        "RequestId": ("request_id", TEXT),
        "FirstAt": ("first_at", TIME),
        "Since": ("since", TIME),
        "Properties": ("properties", MAP),
    }
)


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
    properties: Mapping[str, Any]
    """Of the custom resource."""
    problem: str = ""
    """Why it can't be read, in a sentence; empty if it can."""

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

    def selects_alike(self, request: Request) -> bool:
        """Whether what there is of an association selects instances in the same way as an event wants it."""
        properties = self._table.get(KIND, request.association).get("Properties")
        known = properties if isinstance(properties, dict) else {}
        return all(known.get(key) == request.properties.get(key) for key in _SELECTION)

    def removals(self, association: str) -> list[dict[str, Any]]:
        """The writes that remove what there is of an association."""
        return [self._table.removal(kind, association) for kind in (KIND, ENFORCEMENT_STATE_KIND)]


def _state_of(item: Mapping[str, Any]) -> DesiredState:
    """What an item says. If it can't be read, it says why."""
    association = item[LEDGER_SORT_KEY]
    try:
        with reading(item, RENEWED):
            number = _FORMAT.read(item)["format"]
            if number == FORMAT:
                return DesiredState(association, **_STATE.read(item))
            problem = f"its desired state has the format {number}, which this release can't read: {UPGRADE}"
    except AssociationError as error:
        problem = str(error)
    return DesiredState(association, "", 0.0, 0.0, {}, problem)
