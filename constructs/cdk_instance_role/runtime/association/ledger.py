"""The durable record of what every instance carried before.

One DynamoDB table with an entry for every instance that an association holds, and one for every operation. What an
instance carried is written before the first change of it. Whoever writes an entry has to have read it as it is: so two
associations that share the ledger can't overrule each other unawares.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .apply import Outcome
from .contract import LEDGER_SORT_KEY
from .operation import Operations
from .record import Claim, Latest, Record, Records
from .step import Step

KIND = "instance"
"""Kind of the ledger's entries for instances; their ids are those of the instances."""

TRIES = 5
"""How often an outcome is written again because another association has written the entry meanwhile."""


class Ledger(Operations):
    """The ledger of all associations that share a provider: their operations, and a record of every instance.

    Every method that writes raises ``table.Cancelled`` if another association has written one of the entries since
    they were read. What is not written then has to be looked at anew.
    """

    def records(self, association: str) -> dict[str, Record]:
        """The records of all instances, as one association sees them, by instance id."""
        return {item[LEDGER_SORT_KEY]: _record(item, association) for item in self._table.query(KIND)}

    def claim(self, association: str, records: Records, steps: Iterable[Step], now: float) -> dict[str, Record]:
        """Write ahead what the instances of these steps carry, before they are touched.

        Returns:
            The records as they are now.
        """
        known = ((records.get(step.instance_id) or Record(step.instance_id), step) for step in steps)
        return self._write(record.claimed(association, step, now) for record, step in known)

    def note(self, association: str, records: Records, outcomes: Sequence[Outcome], now: float, age: float) -> None:
        """Write down what came of steps that were claimed.

        Args:
            association: key of the association.
            records: the records as they were claimed.
            outcomes: what came of the steps.
            now: seconds since the epoch.
            age: seconds since the operation began.
        """
        for tries in range(1, TRIES + 1):
            try:
                self._write(
                    records[one.step.instance_id].noted(one.error, now, final=one.is_final(age), put_back=one.put_back)
                    for one in outcomes
                )
            except self._table.Cancelled:
                if tries == TRIES:
                    raise
                records = self.records(association)
            else:
                return

    def settle(self, records: Iterable[Record], wanted: str) -> None:
        """From now on only this profile is ours on these instances, not what earlier operations have put there."""
        self._write(record.settled(wanted) for record in records)

    def forget(self, records: Iterable[Record]) -> None:
        """Have nothing to do with these instances any more."""
        self._write(record.released() for record in records)

    def _write(self, records: Iterable[Record]) -> dict[str, Record]:
        writing = list(records)
        self._table.write(map(self._entry, writing))
        return {one.instance_id: one.next_revision() for one in writing}

    def _entry(self, record: Record) -> Any:
        condition, values = "attribute_not_exists(Revision)", {}
        if record.revision:
            condition, values = "Revision = :seen", {":seen": record.revision}
        if not record.claims:
            return self._table.removal(KIND, record.instance_id, condition, values)
        return self._table.replacement(KIND, record.instance_id, _attributes(record), condition, values)


def _attributes(record: Record) -> dict[str, Any]:
    return {
        "Previous": record.previous,
        "ActedAt": record.acted_at,
        "Revision": record.revision + 1,
        "Claims": {claim.association: _claim_attributes(claim) for claim in record.claims},
    }


def _claim_attributes(claim: Claim) -> dict[str, Any]:
    latest = claim.latest
    return {
        "Since": claim.since,
        "Rank": claim.rank,
        "Wanted": claim.wanted,
        "Ours": sorted(claim.ours),
        "Detached": claim.detached,
        "Action": latest.action,
        "Before": latest.before,
        "After": latest.after,
        "At": latest.at,
        "Error": latest.error,
        "Final": latest.final,
        "FailingSince": claim.failing_since,
    }


def _record(item: Mapping[str, Any], association: str) -> Record:
    return Record(
        instance_id=item[LEDGER_SORT_KEY],
        previous=item["Previous"],
        others=tuple(_claim(*one) for one in item["Claims"].items()),
        acted_at=_time(item["ActedAt"]),
        revision=int(item["Revision"]),
    ).seen_by(association)


def _claim(association: str, item: Mapping[str, Any]) -> Claim:
    return Claim(
        association,
        since=float(item["Since"]),
        rank=int(item["Rank"]),
        wanted=item["Wanted"],
        ours=frozenset(item["Ours"]),
        detached=item["Detached"],
        latest=Latest(
            item["Action"], item["Before"], item["After"], float(item["At"]), item["Error"], item.get("Final", False)
        ),
        failing_since=_time(item.get("FailingSince")),
    )


def _time(value: Any) -> float | None:
    return None if value is None else float(value)
