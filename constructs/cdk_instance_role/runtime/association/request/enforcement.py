"""How an association is enforced between deployments, as the properties of the custom resource say. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from ..contract import (
    MAX_SWEEP_SECONDS,
    MIN_SWEEP_SECONDS,
    EnforcementMode,
    EnforcementProperty,
    Property,
)
from ..exceptions import RequestError
from .desired import abbreviated, mapping
from .rollout import Tolerance

DEFAULT_MAX_CHANGES = Tolerance(10, is_percentage=True)
LEAST_CHANGES = 5
"""What a percentage comes to at least."""


@dataclass(frozen=True, slots=True)
class EnforcementSettings:
    """How an association is enforced."""

    mode: EnforcementMode
    every: float = 900.0
    """Seconds between two sweeps."""
    max_changes: Tolerance = DEFAULT_MAX_CHANGES
    """How many instances may be changed in an hour."""

    @property
    def repairs(self) -> bool:
        """Whether drift is repaired, and not only reported."""
        return self.mode is EnforcementMode.REPAIR

    def limit(self, held: int) -> int:
        """How many instances may be changed in an hour.

        Args:
            held: instances that the ledger held for the association at the start of the hour.
        """
        if self.max_changes.is_percentage:
            return max(LEAST_CHANGES, math.floor(held * self.max_changes.number / 100))
        return int(self.max_changes.number)

    @classmethod
    def from_properties(cls, properties: Mapping[str, Any]) -> Self | None:
        """Read the properties of the custom resource. None: only deployments act.

        Raises:
            RequestError: a part is malformed.
        """
        value = properties.get(Property.ENFORCEMENT)
        if value is None:
            return None
        given = mapping(value, f"{Property.ENFORCEMENT} is")
        return cls(_mode(given), _every(given), _max_changes(given))


def _mode(given: Mapping[str, Any]) -> EnforcementMode:
    mode = given.get(EnforcementProperty.MODE)
    if mode not in list(EnforcementMode):
        raise _problem(EnforcementProperty.MODE, mode, f"expected {' or '.join(EnforcementMode)}")
    return EnforcementMode(mode)


def _every(given: Mapping[str, Any]) -> float:
    value = given.get(EnforcementProperty.EVERY_SECONDS, 900)
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        seconds = 0.0
    if not MIN_SWEEP_SECONDS <= seconds <= MAX_SWEEP_SECONDS:
        expected = f"expected seconds from {MIN_SWEEP_SECONDS} to {MAX_SWEEP_SECONDS}"
        raise _problem(EnforcementProperty.EVERY_SECONDS, value, expected)
    return seconds


def _max_changes(given: Mapping[str, Any]) -> Tolerance:
    value = given.get(EnforcementProperty.MAX_CHANGES, "10%")
    try:
        found = Tolerance.parse(value if isinstance(value, str) else "")
    except ValueError:
        found = Tolerance()
    if found.number <= 0:
        expected = "expected a number of instances from 1, or a percentage like 10%"
        raise _problem(EnforcementProperty.MAX_CHANGES, value, expected)
    return found


def _problem(key: EnforcementProperty, value: Any, expected: str) -> RequestError:
    return RequestError(f"{key} of {Property.ENFORCEMENT} is {abbreviated(value)}: {expected}")
