"""What the tests of the configuration share: the entries that a context defines."""

from collections.abc import Collection, Mapping
from typing import Any

from stacks import config
from stacks.config import RoleEntry


def load(context: Mapping[str, Any], regions: Collection[str] | None = None) -> dict[str, RoleEntry]:
    """The entries of a context, each in one account and Region, by the id of its stack without the prefix."""
    return {one.stack: one.entry for one in config.load(context, regions)}
