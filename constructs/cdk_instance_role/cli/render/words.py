"""What every format says in the same words."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from ..model import AssociationPlan, Estimate, Event, InstanceView, ProfileView, RolloutView, Verb, counted
from ..status_model import AssociationStatus, HeldView
from ..text import one_line

T = TypeVar("T")

SHOWN_IDS = 3
"""Ids that a sentence names, unless everything is to be shown."""
_SHOWN_WAVES = 8
"""Sizes of waves that a sentence names, unless everything is to be shown."""

_IN_ORDER = "all in order"

_EVENTS = {
    Event.CREATE: "is created",
    Event.UPDATE: "is updated",
    Event.DELETE: "is deleted",
    Event.NONE: "stays as it is",
}


def first(items: Sequence[T], limit: int | None) -> Sequence[T]:
    """As many of the items as shall be shown; None for all."""
    return items if limit is None else items[:limit]


def some(items: Sequence[str], limit: int | None = SHOWN_IDS) -> str:
    """The first items, and how many there are besides.

    >>> some(["a", "b", "c"], 1)
    'a and 2 more'
    """
    shown = first(items, limit)
    more = len(items) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def profile(view: ProfileView | None, gap: str = " ") -> str:
    """An instance profile and its role, with a gap between them.

    >>> profile(ProfileView("Web/InstanceProfile")), profile(None)
    ('(new) Web/InstanceProfile', 'none')
    """
    if view is None:
        return "none"
    name = f"(new) {one_line(view.name)}" if view.is_new else one_line(view.name)
    return f"{name}{gap}(role {view.role})" if view.role else name


def instance(view: InstanceView | HeldView) -> str:
    """An instance, in a sentence."""
    name = one_line(view.name)
    return f"{view.id} ({name})" if name else view.id


def event(plan: AssociationPlan) -> str:
    """What becomes of the association."""
    return _EVENTS[plan.event]


def totals(instances: Iterable[InstanceView]) -> str:
    """How many instances there are of each kind, such as ``3 associate, 1 replace, 1 conflict``."""
    counts = Counter(one.verb for one in instances)
    return ", ".join(f"{counts[verb]} {verb}" for verb in Verb if counts[verb]) or "no instances"


def held_totals(statuses: Iterable[AssociationStatus]) -> str:
    """How many instances are held, and how many have drifted."""
    statuses = [*statuses]
    held = sum(len(one.instances) for one in statuses)
    state = held_state(statuses)
    return f"{counted(held, 'instance')}, {state}" if held or state != _IN_ORDER else "no instances"


def held_state(statuses: Iterable[AssociationStatus]) -> str:
    """How many instances have drifted; without drift, what else is not in order."""
    those = [*statuses]
    drifted = sum(len(one.drifted) for one in those)
    if drifted:
        return f"{drifted} drifted"
    if any(one.is_stopped for one in those):
        return "nothing enforced"
    if any(one.is_paused for one in those):
        return "enforcement paused"
    return _IN_ORDER if all(one.is_in_order for one in those) else "not in order"


def estimate(value: Estimate) -> str:
    """How much there is to do.

    >>> estimate(Estimate(3, 124.2)), estimate(Estimate())
    ('3 calls, at least 2 min 5 s', 'nothing to call')
    >>> estimate(Estimate(3, 0.0, 600.0))
    '3 calls, at least 10 min with all bakes'
    """
    calls = counted(value.calls, "call") if value.calls else "nothing to call"
    least = f", at least {duration(value.whole)}" if value.whole > 0 else ""
    return f"{calls}{least}{' with all bakes' if value.baking else ''}"


def rollout(view: RolloutView, limit: int | None = SHOWN_IDS) -> str:
    """In which waves targets are changed, and what ends that.

    Args:
        view: the waves.
        limit: how many alarms are named; None for all, and for every wave.

    >>> rollout(RolloutView((1, 9, 90), 300.0))
    '3 waves of 1, 9 and 90 instances, each bakes for 5 min; undone if any instance fails'
    >>> rollout(RolloutView((3,), 300.0, ("Errors",)))
    '1 wave of 3 instances, which bakes for 5 min; undone if alarm Errors goes to ALARM, or any instance fails'
    """
    return f"{_waves(view, limit)}; undone if {''.join(_alarms(view.alarms, limit))}{_failures(view.max_failures)}"


def moment(seconds: float) -> str:
    """A point in time, in UTC; empty if there is none."""
    return f"{datetime.fromtimestamp(int(seconds), UTC):%Y-%m-%dT%H:%M:%SZ}" if seconds else ""


def _waves(view: RolloutView, limit: int | None) -> str:
    *sizes, last = map(str, view.waves)
    shown = sizes if limit is None or len(sizes) < _SHOWN_WAVES else [*sizes[: _SHOWN_WAVES - 2], "…"]
    of = f"{', '.join(shown)} and {last}" if shown else last
    bakes = f", {'each' if sizes else 'which'} bakes for {duration(view.bake)}" if view.bake else ""
    return f"{counted(len(view.waves), 'wave')} of {of} instance{'' if of == '1' else 's'}{bakes}"


def _alarms(names: Sequence[str], limit: int | None) -> Iterator[str]:
    if names:
        which = "alarm" if len(names) == 1 else "any of the alarms"
        yield f"{which} {some([*map(one_line, names)], limit)} goes to ALARM, or "


def _failures(tolerated: int) -> str:
    return f"more than {counted(tolerated, 'instance')}, or all so far, fail" if tolerated else "any instance fails"


def duration(seconds: float) -> str:
    """A length of time, in whole seconds.

    >>> duration(900), duration(61.5)
    ('15 min', '1 min 2 s')
    """
    minutes, rest = divmod(math.ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{value} {unit}" for value, unit in parts if value)
