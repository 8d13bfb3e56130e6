"""In which waves targets get the profile: their sizes, how long they take, and how many targets may fail. Pure."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Self

from ..contract import MAX_CREATE_SECONDS, Property, RolloutProperty
from ..exceptions import RequestError
from ..words import counted
from .desired import abbreviated, is_text, mapping

MAX_ALARMS = 100
"""Names that CloudWatch takes in one call:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html"""


WAVE_SECONDS = 70.0
"""What a wave may take besides its bake: EC2 has been seen to take 65 seconds to confirm a target, and the provider
framework asks every five."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How many targets may fail."""

    number: float = 0.0
    is_percentage: bool = False

    def of(self, total: int) -> int:
        return math.floor(total * self.number / 100 if self.is_percentage else self.number)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a number of targets, or a percentage of them.

        >>> Tolerance.parse("2%").of(1000)
        20

        Raises:
            ValueError: it is neither.
        """
        is_percentage = text.endswith("%")
        number = float(text.removesuffix("%"))
        whole = number >= 0 and number.is_integer()
        if not (0 <= number <= 100 if is_percentage else whole):
            raise ValueError(text)
        return cls(number, is_percentage)


@dataclass(frozen=True, slots=True)
class Rollout:
    """How targets are changed. Default: all at once."""

    first: int = 0
    """Targets of the first wave; 0 says that there are no waves."""
    growth: float | None = None
    """How many times as large as the one before each further wave is."""
    percentages: tuple[float, ...] = ()
    """Share of all targets that is reached with each further wave."""
    bake: float = 0.0
    """Seconds that every wave is watched for after all its targets are done."""
    alarms: tuple[str, ...] = ()
    """Names of the alarms that end it."""
    tolerance: Tolerance = field(default_factory=Tolerance)

    def cumulative_targets(self, total: int) -> tuple[int, ...]:
        """How many targets are eligible by the end of each wave (cumulative).

        >>> Rollout(first=1, percentages=(1, 10, 50, 100)).cumulative_targets(1000)
        (1, 10, 100, 500, 1000)
        >>> Rollout(first=2, growth=3).cumulative_targets(30)
        (2, 8, 26, 30)
        """
        reached = {min(one, total) for one in self._reached(total) if one >= self.first}
        return tuple(sorted(reached - {0}))

    def bake_seconds(self, total: int) -> float:
        """Seconds that all waves bake."""
        return len(self.cumulative_targets(total)) * self.bake

    def confirmation_seconds(self, total: int) -> float:
        """Seconds that all waves may take besides until EC2 has confirmed their targets."""
        return len(self.cumulative_targets(total)) * WAVE_SECONDS

    def _reached(self, total: int) -> Iterator[int]:
        yield self.first
        size = reached = self.first
        while self.growth and 0 < reached < total:
            size = math.ceil(min(size * self.growth, total))
            reached += size
            yield reached
        yield from (math.ceil(total * percentage / 100) for percentage in self.percentages)

    @classmethod
    def from_properties(cls, properties: Mapping[str, Any]) -> Self:
        """Read the properties of the custom resource.

        Raises:
            RequestError: a part of the rollout is malformed.
        """
        value = properties.get(Property.ROLLOUT)
        if value is None:
            return cls()
        given = mapping(value, f"{Property.ROLLOUT} is")
        growth = given.get(RolloutProperty.GROWTH)
        rollout = cls(
            first=int(_number(given, RolloutProperty.FIRST, 1, whole=True)),
            growth=None if growth is None else _number(given, RolloutProperty.GROWTH, 1),
            percentages=_percentages(given.get(RolloutProperty.PERCENTAGES, ())),
            bake=_number(given, RolloutProperty.BAKE_SECONDS, 0),
            alarms=_alarms(given.get(RolloutProperty.ALARMS, ())),
            tolerance=_tolerance(given.get(RolloutProperty.MAX_FAILURES, "0")),
        )
        if (rollout.growth is None) == (not rollout.percentages):
            raise RequestError(f"{Property.ROLLOUT} is {abbreviated(value)}: it needs either a growth or percentages")
        return rollout


def rises_to_100(values: Sequence[float]) -> bool:
    """Whether these are percentages above 0, each larger than the one before, and the last one 100.

    >>> rises_to_100([1, 10, 50, 100])
    True
    """
    return bool(values) and values[-1] == 100 and all(one < other for one, other in pairwise((0, *values)))


def time_problem(rollout: Rollout, total: int, least: float, timeout: float) -> str:
    """Why a rollout can't be over in time; empty if it can.

    Args:
        rollout: how targets are changed.
        total: targets that have to be changed.
        least: seconds that the changes take at least.
        timeout: seconds that there are.
    """
    waves, bakes, confirming = (
        len(rollout.cumulative_targets(total)),
        rollout.bake_seconds(total),
        rollout.confirmation_seconds(total),
    )
    if bakes + confirming + least == 0 or bakes + confirming + least < timeout:
        return ""
    parts = []
    if waves:
        each = " each" if waves > 1 else ""
        bake = f"{'bake' if each else 'bakes'} for {rollout.bake:.0f} seconds{each} and " if bakes else ""
        parts.append(
            f"{counted(waves, 'wave')} {bake}may take {WAVE_SECONDS:.0f} seconds{each} to be confirmed, "
            f"{bakes + confirming:.0f} in all"
        )
    if least:
        parts.append(f"EC2 lets {counted(total, 'change')} through in {least:.0f} seconds at the earliest")
    advice = "bake for a shorter time or make fewer waves" if waves else "select fewer targets"
    limit = f"the timeout of {timeout:.0f} seconds"
    if timeout < MAX_CREATE_SECONDS:
        advice += ", or raise it"
    else:
        limit = f"the {timeout:.0f} seconds that the handler may use of the hour for which CloudFormation waits"
    return f"{', and '.join(parts)}: that is more than {limit}, {advice}"


def _number(given: Mapping[str, Any], key: RolloutProperty, least: float, *, whole: bool = False) -> float:
    value = given.get(key, least)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = -1.0
    if not least <= number < math.inf or (whole and not number.is_integer()):
        kind = "whole number" if whole else "number"
        raise RequestError(f"{key} of {Property.ROLLOUT} is {abbreviated(value)}: expected a {kind} from {least:.0f}")
    return number


def _percentages(value: Any) -> tuple[float, ...]:
    try:
        found = tuple(float(item) for item in value)
    except (TypeError, ValueError, OverflowError):
        found = (-1.0,)
    if found and not rises_to_100(found):
        raise RequestError(
            f"{RolloutProperty.PERCENTAGES} of {Property.ROLLOUT} are {abbreviated(value)}: "
            "expected rising numbers, the last of which is 100"
        )
    return found


def _alarms(value: Any) -> tuple[str, ...]:
    names = tuple(value) if isinstance(value, list | tuple) else (None,)
    if len(names) > MAX_ALARMS or not all(name and is_text(name) for name in names):
        raise RequestError(
            f"{RolloutProperty.ALARMS} of {Property.ROLLOUT} are {abbreviated(value)}: "
            f"expected at most {MAX_ALARMS} names of alarms"
        )
    return names


def _tolerance(value: Any) -> Tolerance:
    try:
        return Tolerance.parse(value if isinstance(value, str) else "")
    except ValueError:
        raise RequestError(
            f"{RolloutProperty.MAX_FAILURES} of {Property.ROLLOUT} is {abbreviated(value)}: "
            "expected a number of targets, or a percentage like 2%"
        ) from None
