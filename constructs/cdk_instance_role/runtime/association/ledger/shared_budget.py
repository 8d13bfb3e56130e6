"""The calls that all open operations of a provider have still to make, because they share EC2's buckets.

One item lists for each open operation how many calls it needs and when it ends. An operation that begins writes its
entry and then reads all of them: if they do not fit together, the one that came later is refused.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ..aws.rate_limiter import LIMITS
from ..contract import LEDGER_PARTITION_KEY, LEDGER_SORT_KEY
from .table import Table

KIND, ID = "shared", "open operations"
"""Key of the item."""
_MARK = "Mark"
"""Attribute with a new value for each write."""
_NO_ENTRY = frozenset({LEDGER_PARTITION_KEY, LEDGER_SORT_KEY, _MARK})


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


def crowding(entries: Sequence[Entry], association: str, now: float) -> tuple[float, list[Entry]] | None:
    """Why an operation can't begin beside those that began before it.

    Each operation of n that are open gets a n-th of the calls that EC2 allows, until it has made its own.

    Args:
        entries: the open operations, among them the one that begins.
        association: the one that begins.
        now: seconds since the epoch.

    Returns:
        The seconds that all need together, and the other operations; None if the operation can begin.
    """
    mine = next(entry for entry in entries if entry.association == association)
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
        """Write the entry of an operation, and return those of all that are open, it among them."""
        calls = {action: count for action, count in entry.calls.items() if count}
        value = {"BeganAt": entry.began_at, "EndsAt": entry.ends_at, "Calls": calls, "MayWait": entry.may_wait}
        values = {":entry": value, ":mark": uuid.uuid4().hex}
        names = {"#association": entry.association}
        item = self._table.update(KIND, ID, f"SET #association = :entry, {_MARK} = :mark", values, names=names)
        return [one for one in _entries(item) if one.ends_at > now]

    def leave(self, association: str) -> None:
        """Remove the entry of an operation, or the item with the last entry. One write: nothing is left half done."""
        while association in (item := self._table.get(KIND, ID)):
            unchanged, read = f"{_MARK} = :read", {":read": item[_MARK]}
            with suppress(self._table.ConditionFailed):  # another operation has begun or ended: read again
                if item.keys() <= {*_NO_ENTRY, association}:
                    self._table.delete(KIND, ID, unchanged, read)
                else:
                    expression = f"SET {_MARK} = :mark REMOVE #association"
                    values = {**read, ":mark": uuid.uuid4().hex}
                    self._table.update(KIND, ID, expression, values, unchanged, {"#association": association})


def _entries(item: Mapping[str, Any]) -> Iterator[Entry]:
    """The entries of an item. One that can't be read counts for nothing: it must not block other associations."""
    for association, value in item.items():
        if association in _NO_ENTRY:
            continue
        with suppress(KeyError, TypeError, ValueError, AttributeError):
            yield Entry(
                association,
                float(value["BeganAt"]),
                float(value["EndsAt"]),
                {action: int(count) for action, count in value["Calls"].items()},
                bool(value["MayWait"]),
            )
