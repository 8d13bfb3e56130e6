"""What is left in EC2's token buckets, as the last invocation of any association of the provider has seen it."""

from collections.abc import Mapping
from contextlib import suppress

from botocore.exceptions import BotoCoreError, ClientError

from ..aws.rate_limiter import refilled
from ..contract import LEDGER_EXPIRY
from .table import Table

KIND, ID = "shared", "token buckets"
"""Key of the item."""
KEPT_SECONDS = 3600
"""All buckets are full long before."""


class BucketLevels:
    """The levels of the buckets. They are an estimate: a lost one costs a few throttled calls, and nothing else."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self, now: float) -> Mapping[str, float]:
        """Tokens by action of EC2, as of now, in seconds since the epoch; actions that are missing have all."""
        item = self._table.get(KIND, ID)
        levels = {action: float(level) for action, level in item.get("Levels", {}).items()}
        return refilled(levels, now - float(item.get("LevelsAt", now)))

    def write(self, levels: Mapping[str, float], now: float) -> None:
        """Leave the levels to the next invocation."""
        values = {":levels": dict(levels), ":now": now, ":end": int(now) + KEPT_SECONDS}
        with suppress(ClientError, BotoCoreError):
            self._table.update(KIND, ID, f"SET Levels = :levels, LevelsAt = :now, {LEDGER_EXPIRY} = :end", values)
