"""The calls that all open operations of a provider have still to make, because they share EC2's buckets.

One item lists for each open operation how many calls it needs and when it ends. An operation that begins writes its
entry and then reads all of them: if they do not fit together, the one that came later is refused.
"""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from ..contract import LEDGER_PARTITION_KEY, LEDGER_SORT_KEY
from .budget_check import Entry
from .table import Table

KIND, ID = "shared", "open operations"
"""Key of the item."""
_MARK = "Mark"
"""Attribute with a new value for each write."""
_NO_ENTRY = frozenset({LEDGER_PARTITION_KEY, LEDGER_SORT_KEY, _MARK})


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
