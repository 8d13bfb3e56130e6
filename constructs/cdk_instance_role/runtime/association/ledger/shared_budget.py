"""The calls that all open operations of a provider have still to make, because they share EC2's buckets.

One item lists for each open operation how many calls it needs and when it ends. An operation that begins writes its
entry and then reads all of them: if they do not fit together, the one that came later is refused. What the first phase
writes is a reservation. It runs out unless the second phase, which the operation lives in, enters in its place.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ..aws.rate_limiter import LIMITS
from ..contract import LEDGER_PARTITION_KEY, LEDGER_SORT_KEY
from .table import Table

KIND, ID = "shared", "open operations"
"""Key of the item."""
_MARK = "Mark"
"""Attribute with a new value for each write."""
_NO_ENTRY = frozenset({LEDGER_PARTITION_KEY, LEDGER_SORT_KEY, _MARK})
_NOT_LATER = "attribute_not_exists(#association.BeganAt) OR #association.BeganAt <= :began"
"""The entry of an association is not of a later operation."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What one open operation still has to do."""

    association: str
    began_at: float
    """Seconds since the epoch."""
    ends_at: float
    """When its changes have to be over, in seconds since the epoch."""
    calls: Mapping[str, int]
    """Calls still to be made, by action of EC2."""
    may_wait: bool = True
    """It can be refused. A rollback and a Delete can't."""
    request_id: str = ""
    """Of the event that the operation is for."""
    counts_until: float | None = None
    """Until when a reservation counts, in seconds since the epoch. None: the entry counts until the operation ends."""

    def counts(self, now: float) -> bool:
        """Whether the operation is still open, as far as the entry says."""
        return now < self.ends_at and (self.counts_until is None or now < self.counts_until)


def budget_shortfall(entries: Sequence[Entry], association: str, now: float) -> tuple[float, list[Entry]] | None:
    """Why an operation can't begin beside those that began before it.

    Each operation of n that are open gets a n-th of the calls that EC2 allows, until it has made its own.

    Args:
        entries: the open operations, among them the one that begins.
        association: the one that begins.
        now: seconds since the epoch.

    Returns:
        The seconds that all need together, and the other operations; None if the operation can begin.
    """
    mine = next((entry for entry in entries if entry.association == association), None)
    if mine is None:  # its time is over
        return None
    earlier = [one for one in entries if one is not mine and _order(one) < _order(mine)]
    together, alone = _ends([*earlier, mine], now), _ends(earlier, now)
    late = {one.association for one in (*earlier, mine) if together[one.association] > one.ends_at}
    late_anyway = {one.association for one in earlier if alone[one.association] > one.ends_at}
    if not earlier or not mine.may_wait or late <= late_anyway:
        return None
    return max(together.values()) - now, earlier


def _order(entry: Entry) -> tuple[float, str]:
    return entry.began_at, entry.association


def _ends(entries: Sequence[Entry], now: float) -> dict[str, float]:
    """When each operation has made its calls, in seconds since the epoch, by association."""
    ends = {entry.association: now for entry in entries}
    for action, limit in LIMITS.items():
        made, left = 0.0, sorted((entry.calls.get(action, 0), entry.association) for entry in entries)
        for number, (calls, association) in enumerate(left):
            if calls:
                so_far = made + calls * (len(left) - number)  # the others have made as many by then
                seconds = max(0.0, so_far - limit.capacity) / limit.refill
                ends[association] = max(ends[association], now + seconds)
            made += calls
    return ends


class SharedBudget:
    """The open operations of a provider."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def enter(self, entry: Entry, now: float) -> list[Entry]:
        """Write the entry of an operation, unless a later one of its association has entered. What does not count any
        more is removed.

        Returns:
            The entries of all operations that are open.
        """
        values = {":entry": _value_of(entry), ":began": entry.began_at, ":mark": uuid.uuid4().hex}
        expression, names = f"SET #association = :entry, {_MARK} = :mark", {"#association": entry.association}
        try:
            item = self._table.update(KIND, ID, expression, values, _NOT_LATER, names)
        except self._table.ConditionFailed:
            item = self._table.get(KIND, ID)
        counting = [one for one in _entries(item) if one.counts(now)]
        over = item.keys() - _NO_ENTRY - {one.association for one in counting}
        if over:
            with suppress(self._table.ConditionFailed):  # the next one that enters does it
                self._remove(item, sorted(over))
        return counting

    def leave(self, association: str, request_id: str, *, began_at: float = 0.0) -> None:
        """Remove the entry of an operation, or the item with the last entry. One write: nothing is left half done.

        Args:
            association: key of the association.
            request_id: of the event that the operation is for. The entry of a later operation stays.
            began_at: when the operation began, in seconds since the epoch, if it has succeeded. An entry that an
                earlier operation has left is removed, too.
        """
        while _is_over((item := self._table.get(KIND, ID)).get(association), request_id, began_at):
            with suppress(self._table.ConditionFailed):  # another operation has begun or ended: read again
                self._remove(item, [association])

    def _remove(self, item: Mapping[str, Any], associations: Sequence[str]) -> None:
        """Remove entries of the item, or all of it if no others are left.

        Raises:
            ConditionFailed: the item is another one by now.
        """
        unchanged, read = f"attribute_not_exists({_MARK})", {}
        if _MARK in item:
            unchanged, read = f"{_MARK} = :read", {":read": item[_MARK]}
        if item.keys() <= {*_NO_ENTRY, *associations}:
            self._table.delete(KIND, ID, unchanged, read)
            return
        names = {f"#n{number}": one for number, one in enumerate(associations)}
        expression = f"SET {_MARK} = :mark REMOVE {', '.join(names)}"
        self._table.update(KIND, ID, expression, {**read, ":mark": uuid.uuid4().hex}, unchanged, names)


def _value_of(entry: Entry) -> dict[str, Any]:
    return {
        "BeganAt": entry.began_at,
        "EndsAt": entry.ends_at,
        "Calls": {action: count for action, count in entry.calls.items() if count},
        "MayWait": entry.may_wait,
        "Request": entry.request_id,
        "CountsUntil": entry.counts_until,
    }


def _is_over(value: Any, request_id: str, began_at: float) -> bool:
    """Whether an entry is there, and of this event or of an earlier operation, or can't be read."""
    if not isinstance(value, Mapping):
        return value is not None
    began = value.get("BeganAt")
    is_earlier = not isinstance(began, Decimal | float) or began <= began_at
    return bool(is_earlier or value.get("Request", request_id) == request_id)


def _entries(item: Mapping[str, Any]) -> Iterator[Entry]:
    """The entries of an item. One that can't be read counts for nothing: it must not block other associations."""
    for association, value in item.items():
        if association in _NO_ENTRY:
            continue
        with suppress(KeyError, TypeError, ValueError, AttributeError):
            until = value.get("CountsUntil")
            yield Entry(
                association,
                float(value["BeganAt"]),
                float(value["EndsAt"]),
                {action: int(count) for action, count in value["Calls"].items()},
                bool(value["MayWait"]),
                str(value.get("Request", "")),
                None if until is None else float(until),
            )
