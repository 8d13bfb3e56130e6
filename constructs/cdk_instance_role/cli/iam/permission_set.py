"""Sets of requests that policies speak of, and what is left of one when another is taken away."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from .patterns import actions_overlap, covers, covers_action, resources_overlap, service_of

Patterns = frozenset[str]
"""Patterns that all have to match; usually it is one."""

_SHOWN_HOLES = 5


@dataclass(frozen=True, slots=True)
class Grant:
    """The requests for some actions on some resources under some conditions, allowed or denied."""

    actions: Patterns
    resources: Patterns
    conditions: Patterns = frozenset()
    """All of which have to hold. They are compared as text: what one comes to is known to AWS only."""

    def covers(self, other: "Grant") -> bool:
        """Whether it has every request that the other one has, as far as that can be decided."""
        return (
            self.conditions <= other.conditions
            and _cover(self.actions, other.actions, covers_action)
            and _cover(self.resources, other.resources, covers)
        )

    def overlaps(self, other: "Grant") -> bool:
        """Whether both may have a request in common."""
        return _overlap(self.actions, other.actions, actions_overlap) and _overlap(
            self.resources, other.resources, resources_overlap
        )

    def meet(self, other: "Grant") -> "Grant":
        """The requests that both have."""
        return Grant(
            _meet(self.actions, other.actions, covers_action),
            _meet(self.resources, other.resources, covers),
            self.conditions | other.conditions,
        )

    def __str__(self) -> str:
        return " ".join([_all(self.actions), f"on {_all(self.resources)}", *_if(self.conditions)])


@dataclass(frozen=True, slots=True)
class Area:
    """What a grant has, except for the holes in it."""

    grant: Grant
    holes: tuple[Grant, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether a hole takes all of it."""
        return any(hole.covers(self.grant) for hole in self.holes)

    def covers(self, other: "Area") -> bool:
        """Whether it has all that the other one has, as far as that can be decided."""
        return self.grant.covers(other.grant) and all(
            any(known.covers(hole.meet(other.grant)) for known in other.holes)
            for hole in self.holes
            if hole.overlaps(other.grant)
        )

    def meet(self, other: "Area") -> "Area | None":
        """What both have; None if that is nothing."""
        if not self.grant.overlaps(other.grant):
            return None
        shared = self.grant.meet(other.grant)
        area = Area(shared, tuple(hole for hole in (*self.holes, *other.holes) if hole.overlaps(shared)))
        return None if area.is_empty else area

    def minus(self, other: "Area") -> list["Area"]:
        """What is left without the other one: one more hole, and what shows through the holes of the other one."""
        if not self.grant.overlaps(other.grant):
            return [self]
        shared = self.grant.meet(other.grant)
        if any(hole.covers(shared) for hole in other.holes):
            return [self]
        rest = [] if other.grant.covers(self.grant) else [Area(self.grant, (*self.holes, shared))]
        return rest + [
            area
            for hole in other.holes
            if hole.overlaps(shared) and (area := Area(shared, self.holes).meet(Area(hole))) is not None
        ]

    def __str__(self) -> str:
        if not self.holes:
            return str(self.grant)
        if len(self.holes) > _SHOWN_HOLES:
            return f"{self.grant}, except {len(self.holes)} narrower patterns"
        return f"{self.grant}, except {', '.join(sorted(map(self._hole, self.holes)))}"

    def _hole(self, hole: Grant) -> str:
        """A hole as seen from the grant, which most of it is the same as."""
        words = [] if hole.actions == self.grant.actions else [_all(hole.actions)]
        words += [] if hole.resources == self.grant.resources else [f"on {_all(hole.resources)}"]
        return " ".join([*words, *_if(hole.conditions - self.grant.conditions)])


class PermissionSet:
    """Areas by the service of their actions, and by resource: policies with thousands of actions are compared."""

    def __init__(self, areas: Iterable[Area]) -> None:
        self._all = tuple(dict.fromkeys(areas))
        self._of: dict[str | None, dict[Patterns, list[Area]]] = {}
        self._near: dict[tuple[str | None, Patterns], Sequence[Area]] = {}
        for area in self._all:
            self._of.setdefault(_service(area.grant), {}).setdefault(area.grant.resources, []).append(area)

    def __iter__(self) -> Iterator[Area]:
        return iter(self._all)

    def near(self, grant: Grant) -> Sequence[Area]:
        """All areas that overlap with the grant, and some more."""
        key = (_service(grant), grant.resources)
        if key not in self._near:
            self._near[key] = [*self._look(*key)]
        return self._near[key]

    def _look(self, service: str | None, resources: Patterns) -> Iterator[Area]:
        for one in self._of if service is None else (service, None):
            for others, areas in self._of.get(one, {}).items():
                if _overlap(resources, others, resources_overlap):
                    yield from areas

    def without(self, other: "PermissionSet") -> "PermissionSet":
        """What is left of these areas when all those are taken away."""
        return PermissionSet(rest for area in self._all for rest in _without(area, other.near(area.grant)))

    def within(self, other: "PermissionSet") -> "PermissionSet":
        """What these areas and those have in common."""
        return PermissionSet(shared for area in self._all for shared in _within(area, other.near(area.grant)))

    def tidy(self) -> "PermissionSet":
        """The same, with each thing said once."""
        return PermissionSet(Area(area.grant, _tidy_holes(area.holes)) for area in _widest(self))


def _without(area: Area, others: Sequence[Area]) -> list[Area]:
    if any(other.covers(area) for other in others):
        return []
    rest = [area]
    for other in others:
        rest = [left for part in rest for left in part.minus(other)]
        if len(rest) > 1:  # each hole of the others may have left a part, and many the same
            rest = _widest(PermissionSet(part for part in rest if not part.is_empty))
    return [part for part in rest if not part.is_empty]


def _within(area: Area, others: Sequence[Area]) -> list[Area]:
    if any(other.covers(area) for other in others):
        return [area]
    return [shared for other in others if (shared := area.meet(other)) is not None]


def _widest(shelf: PermissionSet) -> list[Area]:
    """The areas that no other one covers."""
    order = {area: place for place, area in enumerate(shelf)}
    return [
        area
        for area in shelf
        if not any(
            other is not area and other.covers(area) and (order[other] < order[area] or not area.covers(other))
            for other in shelf.near(area.grant)
        )
    ]


def _tidy_holes(holes: Sequence[Grant]) -> tuple[Grant, ...]:
    return tuple(area.grant for area in _widest(PermissionSet(map(Area, holes))))


def _service(grant: Grant) -> str | None:
    return next(filter(None, map(service_of, sorted(grant.actions))), None)


def _cover(wide: Patterns, narrow: Patterns, covers: Callable[[str, str], bool]) -> bool:
    return wide == narrow or all(any(covers(one, other) for other in narrow) for one in wide)


def _overlap(some: Patterns, others: Patterns, overlap: Callable[[str, str], bool]) -> bool:
    return all(overlap(one, other) for one in some for other in others)


def _meet(some: Patterns, others: Patterns, covers: Callable[[str, str], bool]) -> Patterns:
    if _cover(some, others, covers):
        return others
    return some if _cover(others, some, covers) else some | others


def _all(patterns: Patterns) -> str:
    return " and ".join(sorted(patterns))


def _if(conditions: Patterns) -> list[str]:
    return [f"if {_all(conditions)}"] if conditions else []
