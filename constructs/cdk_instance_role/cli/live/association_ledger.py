"""The ledger, as one association sees it. It is only read."""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from ...runtime.association.decide.record import Record
from ...runtime.association.drift.breaker import EnforcementState
from ...runtime.association.drift.finding import Finding
from ...runtime.association.ledger.desired_states import DesiredState
from ...runtime.association.ledger.records import Ledger
from ...runtime.association.ledger.table import Table
from ...runtime.association.operation import Operation
from ..aws.partial_reader import PartialReader

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class AssociationLedger:
    """The ledger of one association. What can't be seen of it counts as empty."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, association: str, reader: PartialReader) -> None:
        """
        Args:
            dynamodb: client of the account and Region.
            table: name of the ledger table.
            association: key of the association.
            reader: remembers what could not be seen.
        """
        self._ledger, self.association = Ledger(Table(dynamodb, table)), association
        self.name, self._reader = f"ledger {table}", reader

    def records(self) -> dict[str, Record]:
        """What the association holds, by instance id."""
        return self._reader.fetch(self.name, lambda: self._ledger.records(self.association), {})

    def records_of(self, instance_ids: Collection[str]) -> dict[str, Record]:
        """The records of these instances, whichever associations hold them."""
        return self._reader.fetch(self.name, lambda: self._ledger.records_of(self.association, instance_ids), {})

    def operation(self) -> Operation | None:
        """The latest operation of the association; None if there is none."""
        return self._reader.fetch(self.name, lambda: self._ledger.operations.get(self.association), None)

    def desired_states(self) -> list[DesiredState]:
        """What all associations of the ledger want that are enforced. They are read once."""
        return self._reader.once(self.name, self._ledger.desired_states.all, list[DesiredState]())

    def desired_state(self) -> DesiredState | None:
        """What the association wants; None if nothing is enforced."""
        return self._own(self.desired_states())

    def desired_state_after(self, operation: Operation | None) -> DesiredState | None:
        """The same as `desired_state`, but read again if it is not that of this operation."""
        known = self.desired_state()
        if operation is None or (known and known.request_id == operation.request_id):
            return known
        return self._own(self._reader.fetch(self.name, self._ledger.desired_states.all, list[DesiredState]()))

    def _own(self, states: Iterable[DesiredState]) -> DesiredState | None:
        return next((one for one in states if one.association == self.association), None)

    def enforcement_state(self) -> EnforcementState:
        """What enforcement remembers of the association."""
        return self._reader.fetch(
            self.name, lambda: self._ledger.enforcement.state(self.association), EnforcementState()
        )

    def findings(self) -> dict[str, Finding]:
        """What enforcement remembers of its instances, by instance id."""
        return self._reader.fetch(self.name, lambda: self._ledger.enforcement.findings(self.association), {})
