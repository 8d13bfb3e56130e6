"""The durable record of what every instance carried before.

One DynamoDB table. An instance that associations hold has one record (``<instance id>`` / ``record``), the only item
with a revision, and a copy of it for each of these associations (``<association>`` / ``<instance id>``). So an
association reads what it holds with one query, however many others share the ledger. A record and its copies are
written in one transaction, on the condition that the writer has read the latest revision: two associations can't
overrule each other unawares.

What an instance carried is written before the first change of it, and only by the holder of the association's lease.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import chain
from typing import Any

from ..aws.errors import denied_role
from ..contract import LEDGER_PARTITION_KEY, LEDGER_SORT_KEY
from ..decide.outcome import ErrorKind, Outcome, is_terminal
from ..decide.record import Record, Records
from ..decide.step import Step
from ..exceptions import AssociationError
from ..request.event import Request
from . import enforcement_lease
from .bucket_levels import BucketLevels
from .desired_states import DesiredState, DesiredStates
from .enforcement_lease import EnforcementLease
from .enforcement_states import EnforcementStates
from .items import RECORD, RESTORED, attributes_of, record_of, unreadable
from .lease import Lease, acquire
from .lock import Timing
from .operations import Operations
from .shared_budget import SharedBudget
from .table import Table, reasons

AnyLease = Lease | EnforcementLease

TRIES = 5
"""How often an outcome is written again because another association has written the record meanwhile."""


class Ledger:
    """The ledger of all associations that share a provider.

    Every method that writes raises ``table.Cancelled`` if another association has written one of the records since they
    were read. What is not written then has to be looked at anew. It raises AssociationError if an item can't be read.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self.operations = Operations(table)
        self.budget = SharedBudget(table)
        self.levels = BucketLevels(table)
        self.desired_states = DesiredStates(table)
        self.enforcement = EnforcementStates(table)

    def lease(self, request: Request, owner: str, timing: Timing) -> AbstractContextManager[Lease]:
        """Keep every other invocation from working on an association meanwhile; see `lease.acquire`."""
        return acquire(self._table, request, owner, timing)

    def enforcement_lease(
        self, state: DesiredState, owner: str, timing: Timing
    ) -> AbstractContextManager[EnforcementLease]:
        """Keep deployments from working on an association meanwhile; see `enforcement_lease.acquire`."""
        return enforcement_lease.acquire(self._table, state, owner, timing)

    def records(self, association: str) -> dict[str, Record]:
        """What an association holds, by instance id."""
        return {item[LEDGER_SORT_KEY]: _read(item, association) for item in self._table.query(association)}

    def records_of(self, association: str, instance_ids: Collection[str]) -> dict[str, Record]:
        """The records of these instances, of all associations, as one association sees them, by instance id."""
        found = self._table.get_many((id_, RECORD) for id_ in instance_ids)
        return {item[LEDGER_PARTITION_KEY]: _read(item, association) for item in found}

    def holders_of(self, instance_ids: Collection[str]) -> tuple[dict[str, frozenset[str]], list[str]]:
        """The associations that hold these instances, by instance id, and what is wrong with records that can't be
        read, in sentences."""
        holders: dict[str, frozenset[str]] = {}
        problems: list[str] = []
        for item in self._table.get_many((id_, RECORD) for id_ in instance_ids):
            try:
                holders[item[LEDGER_PARTITION_KEY]] = frozenset(claim.association for claim in record_of(item).claims)
            except AssociationError as error:
                problems.append(str(error))
        return holders, problems

    def claim(self, lease: AnyLease, records: Records, steps: Iterable[Step], now: float) -> dict[str, Record]:
        """Write ahead what the instances of these steps carry, before they are touched.

        Args:
            lease: of the association.
            records: what the ledger says of these instances.
            steps: what is about to be done.
            now: seconds since the epoch.

        Returns:
            The records as they are now.

        Raises:
            SupersededError: a later event has taken over. Nothing was written.
            BusyError: another invocation has the lease. Nothing was written.
        """
        known = ((records.get(step.instance_id) or Record(step.instance_id), step) for step in steps)
        claimed = [lease.claimed(record, step, now) for record, step in known]
        return self._write([*claimed], lease=lease)

    def note(self, association: str, records: Records, outcomes: Sequence[Outcome], now: float) -> dict[str, Record]:
        """Write down what came of steps that were claimed.

        Args:
            association: key of the association.
            records: the records as they were claimed.
            outcomes: what came of the steps.
            now: seconds since the epoch.

        Returns:
            The records as they are now.
        """
        for tries in range(1, TRIES + 1):
            try:
                return self._write([_noted(records[one.step.instance_id], one, now) for one in outcomes])
            except self._table.Cancelled:
                if tries == TRIES:
                    raise
                records = self.records_of(association, [one.step.instance_id for one in outcomes])
        raise AssertionError

    def commit(self, lease: Lease, records: Iterable[Record], wanted: str, *, retain: bool) -> None:
        """From now on only this profile is ours on these instances, not what earlier operations have put there."""
        self._write([record.committed(wanted, retain=retain) for record in records], lease=lease)

    def forget(self, lease: AnyLease, records: Iterable[Record], *, reverting: bool = False) -> None:
        """Have nothing to do with these instances any more.

        Args:
            lease: of the association.
            records: of the instances.
            reverting: a Create is rolled back: claims that it found stay as they were.
        """
        freed: Callable[[Record], Record] = Record.reverted if reverting else Record.released
        self._write([freed(record) for record in records], lease=lease)

    def _write(self, records: Sequence[Record], lease: AnyLease | None = None) -> dict[str, Record]:
        """Write records with their copies, and return them as they are then."""
        try:
            self._table.write(map(self._items, records), lease.check() if lease else None)
        except self._table.Cancelled as error:
            if lease:
                lease.raise_if_superseded(error)
            if "ConditionalCheckFailed" in reasons(error):
                self._check_copies(records)
            raise
        return {one.instance_id: one.next_revision() for one in records}

    def _check_copies(self, records: Iterable[Record]) -> None:
        """Find out whether somebody has changed the revision of a record or of its copies. Whatever writes a record
        writes its copies, too. So no copy can be as it was before once its record has another revision.

        Raises:
            AssociationError: somebody has, or an item can't be read; the message names it.
        """
        seen = {one.instance_id: one for one in records if one.revision}
        found = self._table.get_many((id_, RECORD) for id_ in seen)
        revisions = {record.instance_id: record.revision for record in map(record_of, found)}
        changed = [one for id_, one in seen.items() if revisions.get(id_) != one.revision]
        for item in self._table.get_many(chain.from_iterable(map(_copies_of, changed))):
            copy = record_of(item)
            if copy.revision == seen[copy.instance_id].revision:
                record, now = f"{copy.instance_id} / {RECORD}", revisions.get(copy.instance_id)
                other = f"that of item {record} is {now}" if now else f"there is no item {record}"
                raise unreadable(item, f"Revision is {copy.revision}, and {other}", RESTORED)

    def _items(self, record: Record) -> list[Any]:
        """The record and its copies, to be written together."""
        condition, values = "attribute_not_exists(Revision)", {}
        if record.revision:
            condition, values = "Revision = :seen", {":seen": record.revision}
        attributes, id_ = attributes_of(record), record.instance_id
        copies = [self._table.replacement(claim.association, id_, attributes) for claim in record.claims]
        removed = [self._table.removal(key, id_) for key in record.left_by]
        if not record.claims:
            return [self._table.removal(id_, RECORD, condition, values), *removed]
        return [self._table.replacement(id_, RECORD, attributes, condition, values), *copies, *removed]


def _copies_of(record: Record) -> list[tuple[str, str]]:
    """Keys of the copies of a record."""
    return [(key, record.instance_id) for key in (*(claim.association for claim in record.claims), *record.left_by)]


def _noted(record: Record, outcome: Outcome, now: float) -> Record:
    """The record after a step."""
    if outcome.error_kind is None:
        return record.noted(None, now)
    kind = outcome.error_kind.name if outcome.error_kind.is_specific else ""
    since = record.error_since(kind, now)
    # A profile that may not be restored today may be tomorrow: nothing is stripped for a denial.
    final = is_terminal(outcome.error_kind, now - since) and not (outcome.is_denied and outcome.step.undo)
    role = denied_role(outcome.detail) if outcome.is_denied else None
    rejected = outcome.error_kind is not ErrorKind.UNREACHABLE
    return record.noted(
        outcome.detail, now, kind=kind, final=final, rejected=rejected, reverted=outcome.reverted, denied_role=role
    )


def _read(item: Mapping[str, Any], association: str) -> Record:
    return record_of(item).for_association(association)
