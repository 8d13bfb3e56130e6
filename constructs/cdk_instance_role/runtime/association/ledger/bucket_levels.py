"""What is left in EC2's token buckets, as the last invocation of any association of the provider has seen it."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ..aws.rate_limiter import refilled
from ..contract import LEDGER_EXPIRY
from .table import Table

KIND, ID = "shared", "token buckets"
"""Key of the item."""
KEPT_SECONDS = 3600
"""All buckets are full long before."""


class BucketLevels:
    """The levels of the buckets. They are an estimate: a lost one costs a few throttled calls, and nothing else. So a
    level that can't be read counts as full."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self, now: float) -> Mapping[str, float]:
        """Tokens by action of EC2, as of now, in seconds since the epoch; actions that are missing have all."""
        item = self._table.get(KIND, ID)
        levels_at = _number(item.get("LevelsAt", now))
        if levels_at is None:
            return {}
        return refilled(dict(_levels(item.get("Levels"))), now - levels_at)

    def write(self, levels: Mapping[str, float], now: float) -> None:
        """Leave the levels to the next invocation."""
        values = {":levels": dict(levels), ":now": now, ":end": int(now) + KEPT_SECONDS}
        with suppress(ClientError, BotoCoreError):
            self._table.update(KIND, ID, f"SET Levels = :levels, LevelsAt = :now, {LEDGER_EXPIRY} = :end", values)


def _levels(value: Any) -> Iterator[tuple[str, float]]:
    """The levels that can be read, by action."""
    for action, stored in value.items() if isinstance(value, dict) else ():
        level = _number(stored)
        if level is not None:
            yield action, level


def _number(value: Any) -> float | None:
    """A number, or None for anything else."""
    return float(value) if isinstance(value, Decimal | float) else None
