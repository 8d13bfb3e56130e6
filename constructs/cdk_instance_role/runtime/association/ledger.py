"""The durable record of what every instance carried before.

One DynamoDB table with a partition per association: an item for every instance and one for the operation. The
previous profile is written before the first change of its instance. Once a change has been accepted it is only replaced
when another association hands the instance over.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from .apply import Outcome
from .contract import LEDGER_PARTITION_KEY, LEDGER_SORT_KEY
from .model import Claim, Record, Records
from .operation import ENTRY, Operations
from .step import Action, Step

EXISTS = f"attribute_exists({LEDGER_SORT_KEY})"


class Ledger(Operations):
    """The ledger of all associations that share a provider: their operations, and a record of every instance."""

    def records(self, association: str) -> dict[str, Record]:
        """All records of an association, by instance id."""
        records = map(_record, self._table.query(association, after=ENTRY))
        return {record.instance_id: record for record in records}

    def claims(self, association: str) -> dict[str, list[Claim]]:
        """The records of all other associations that share the ledger, by instance id."""
        claims: dict[str, list[Claim]] = {}
        for item in self._table.scan():
            if item[LEDGER_PARTITION_KEY] != association and item[LEDGER_SORT_KEY] != ENTRY:
                claim = Claim(item[LEDGER_PARTITION_KEY], _record(item))
                claims.setdefault(claim.record.instance_id, []).append(claim)
        return claims

    def hand_over(self, association: str, records: Records, steps: Iterable[Step]) -> None:
        """Drop records, and let other associations give back one day what this one would have.

        If two were to hand over to each other at the same time, one of them would find the other's record gone.
        """
        pairs = (self._hand_over(association, records[step.instance_id], step) for step in steps)
        self._table.write(write for pair in pairs for write in pair)

    def _hand_over(self, association: str, record: Record, step: Step) -> tuple[Any, Any]:
        assert step.heir is not None
        heir = step.heir.record
        # Who came later, or only found the instance right, took what it found for what the instance had before. What
        # that really was knows the one that has changed it, and the older one of two that have.
        knowing = min(record, heir, key=lambda one: (one.acted_at is None, one.since))
        values = {":previous": knowing.previous, ":since": knowing.since}
        change = self._table.change(
            step.heir.association, record.instance_id, "SET Previous = :previous, Since = :since", values, EXISTS
        )
        return change, self._table.removal(association, record.instance_id)

    def claim(self, association: str, steps: Iterable[Step], now: float) -> None:
        """Write ahead what the instances of these steps carry, before they are touched."""
        self._table.write(self._claim(association, step, now) for step in steps)

    def note(self, association: str, outcomes: Iterable[Outcome], now: float) -> None:
        """Write down what came of the steps."""
        self._table.write(self._outcome(association, outcome, now) for outcome in outcomes)

    def settle(self, association: str, instance_ids: Iterable[str], ours: str) -> None:
        """From now on only this profile is ours on these instances, not what earlier operations have put there."""
        self._table.write(
            self._table.change(association, id_, "SET Ours = :ours REMOVE Detached", {":ours": {ours}}, EXISTS)
            for id_ in instance_ids
        )

    def forget(self, association: str, instance_ids: Iterable[str]) -> None:
        """Drop records."""
        self._table.write(self._table.removal(association, id_) for id_ in instance_ids)

    def _claim(self, association: str, step: Step, now: float) -> Any:
        had = "Previous = :before, Since = :at"
        if not step.first:
            had = "Previous = if_not_exists(Previous, :before), Since = if_not_exists(Since, :at)"
        sets = f"{had}, #before = :before, #action = :action, #at = :at"
        values = {":before": step.before, ":action": str(step.action), ":at": now}
        if step.action is Action.SWAP:
            sets += ", Detached = :before"
        if step.undo:
            return self._table.change(association, step.instance_id, f"SET {sets}", values)
        untouched = "attribute_not_exists(ActedAt)" if step.first else None
        return self._table.change(
            association, step.instance_id, f"SET {sets} ADD Ours :ours", {**values, ":ours": {step.after}}, untouched
        )

    def _outcome(self, association: str, outcome: Outcome, now: float) -> Any:
        id_ = outcome.step.instance_id
        if outcome.accepted:
            values = {":after": outcome.step.after, ":at": now}
            return self._table.change(
                association, id_, "SET #after = :after, ActedAt = :at REMOVE #error, Detached", values
            )
        # Detached stays: whether the first half of a swap took effect is for the next observation to tell.
        return self._table.change(association, id_, "SET #error = :error", {":error": outcome.detail[:500]})


def _record(item: Mapping[str, Any]) -> Record:
    acted_at = item.get("ActedAt")
    return Record(
        instance_id=item[LEDGER_SORT_KEY],
        previous=item.get("Previous"),
        ours=frozenset(item.get("Ours", ())),
        detached=item.get("Detached"),
        acted_at=None if acted_at is None else float(acted_at),
        since=float(item.get("Since", 0)),
    )
