"""In which waves targets get the profile: the sizes, whose turn it is, and how many may fail. Pure.

Only changes of targets are rolled out. What leaves the selection gets back what it had once all waves are through,
and a way back knows no waves.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Self

from .contract import Property, RolloutProperty
from .desired import is_text, mapping, shown
from .failures import RequestError
from .model import Snapshot
from .plan import Plan
from .step import CHANGES, Action, Step

MOST_ALARMS = 100
"""Names that CloudWatch takes in one call:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html"""


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
    """How targets are brought over. Default: all at once."""

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

    def waves(self, total: int) -> tuple[int, ...]:
        """How many targets have had their turn after each wave.

        >>> Rollout(first=1, percentages=(1, 10, 50, 100)).waves(1000)
        (1, 10, 100, 500, 1000)
        >>> Rollout(first=2, growth=3).waves(30)
        (2, 8, 26, 30)
        """
        reached = {min(one, total) for one in self._reached(total) if one >= self.first}
        return tuple(sorted(reached - {0}))

    def baking(self, total: int) -> float:
        """Seconds that all waves bake."""
        return len(self.waves(total)) * self.bake

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
        given = mapping(value)
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
            raise RequestError(f"{Property.ROLLOUT} is {shown(value)}: it needs either a growth or percentages")
        return rollout


def time_problem(rollout: Rollout, total: int, least: float, timeout: float) -> str:
    """Why a rollout can't be over in time; empty if it can.

    Args:
        rollout: how targets are brought over.
        total: targets that have to be changed.
        least: seconds that the changes take at least.
        timeout: seconds that there are.
    """
    waves, bakes = len(rollout.waves(total)), rollout.baking(total)
    if bakes + least == 0 or bakes + least < timeout:
        return ""
    parts = [f"{waves} waves bake for {rollout.bake:.0f} seconds each, {bakes:.0f} in all"] if bakes else []
    if least:
        parts.append(f"EC2 lets {total} changes through in {least:.0f} seconds at the earliest")
    advice = "bake for a shorter time, make fewer waves, " if bakes else "select fewer targets, "
    return f"{', and '.join(parts)}: that is more than the timeout of {timeout:.0f} seconds, {advice}or raise it"


def is_change(step: Step) -> bool:
    """Whether a step changes a target, now or as soon as that can be done."""
    waits_for_it = step.action is Action.WAIT and step.after != step.before
    return not step.undo and (step.action in CHANGES or waits_for_it)


def changes_of_targets(plan: Plan) -> list[Step]:
    """The steps that a rollout is about."""
    return [step for step in plan.steps if is_change(step)]


def turn(plan: Plan, snapshot: Snapshot, reached: int) -> Plan:
    """The part of a plan whose turn it is.

    Args:
        plan: what is to be done in all.
        snapshot: what it was made from.
        reached: how many targets have their turn by the end of this wave.
    """
    begun = {id_ for id_ in snapshot.selected if snapshot.record(id_).has_changed_since(snapshot.started_at)}
    next_ones = [step for step in changes_of_targets(plan) if step.instance_id not in begun]
    by_ease = groupby(sorted(next_ones, key=_difficulty), key=_difficulty)
    order = [step for _, steps in by_ease for step in spread(steps, snapshot)]
    held_back = {step.instance_id for step in order[max(0, reached - len(begun)) :]}
    return plan.of_targets.without(held_back)


def spread(steps: Iterable[Step], snapshot: Snapshot) -> list[Step]:
    """The steps in an order in which any beginning has of each Availability Zone its share."""
    zones: dict[str, list[Step]] = {}
    for step in steps:
        instance = snapshot.instances.get(step.instance_id)
        zones.setdefault(instance.zone if instance else "", []).append(step)
    placed = (
        ((number + 0.5) / len(members), zone, step)
        for zone, members in zones.items()
        for number, step in enumerate(members)
    )
    return [step for _, _, step in sorted(placed, key=lambda one: one[:2])]


def _difficulty(step: Step) -> int:
    """What can't be changed at this moment comes last, because it would only hold the others up. Before it comes what
    is stopped: nobody would see on it whether all is well."""
    return {Action.SWAP: 1, Action.WAIT: 2}.get(step.action, 0)


def _number(given: Mapping[str, Any], key: RolloutProperty, least: float, *, whole: bool = False) -> float:
    value = given.get(key, least)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = -1.0
    if not least <= number < math.inf or (whole and not number.is_integer()):
        kind = "whole number" if whole else "number"
        raise RequestError(f"{key} of {Property.ROLLOUT} is {shown(value)}: expected a {kind} from {least:.0f}")
    return number


def _percentages(value: Any) -> tuple[float, ...]:
    try:
        found = tuple(float(item) for item in value)
    except (TypeError, ValueError, OverflowError):
        found = (-1.0,)
    rising = all(one < other for one, other in zip((0.0, *found), found, strict=False))
    if found and not (rising and found[-1] == 100):
        raise RequestError(
            f"{RolloutProperty.PERCENTAGES} of {Property.ROLLOUT} are {shown(value)}: "
            "expected rising numbers, the last of which is 100"
        )
    return found


def _alarms(value: Any) -> tuple[str, ...]:
    names = tuple(value) if isinstance(value, list | tuple) else (None,)
    if len(names) > MOST_ALARMS or not all(name and is_text(name) for name in names):
        raise RequestError(
            f"{RolloutProperty.ALARMS} of {Property.ROLLOUT} are {shown(value)}: "
            f"expected at most {MOST_ALARMS} names of alarms"
        )
    return names


def _tolerance(value: Any) -> Tolerance:
    try:
        return Tolerance.parse(value if isinstance(value, str) else "")
    except ValueError:
        raise RequestError(
            f"{RolloutProperty.MAX_FAILURES} of {Property.ROLLOUT} is {shown(value)}: "
            "expected a number of targets, or a percentage like 2%"
        ) from None
