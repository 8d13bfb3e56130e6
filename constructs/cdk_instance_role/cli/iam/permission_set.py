"""Sets of requests that policies speak of, and what is left of one when another is taken away."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from .patterns import actions_overlap, covers, covers_action, resources_overlap, service_of

Patterns = frozenset[str]
"""Patterns that all have to match; usually it is one."""

_SHOWN_EXCLUSIONS = 5


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

    def intersection(self, other: "Grant") -> "Grant":
        """The requests that both have."""
        return Grant(
            _intersection(self.actions, other.actions, covers_action),
            _intersection(self.resources, other.resources, covers),
            self.conditions | other.conditions,
        )

    def __str__(self) -> str:
        return " ".join([_all(self.actions), f"on {_all(self.resources)}", *_if(self.conditions)])


@dataclass(frozen=True, slots=True)
class PermissionRegion:
    """What a grant has, except for the exclusions in it."""

    grant: Grant
    exclusions: tuple[Grant, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether a exclusion takes all of it."""
        return any(exclusion.covers(self.grant) for exclusion in self.exclusions)

    def covers(self, other: "PermissionRegion") -> bool:
        """Whether it has all that the other one has, as far as that can be decided."""
        return self.grant.covers(other.grant) and all(
            any(known.covers(exclusion.intersection(other.grant)) for known in other.exclusions)
            for exclusion in self.exclusions
            if exclusion.overlaps(other.grant)
        )

    def intersection(self, other: "PermissionRegion") -> "PermissionRegion | None":
        """What both have; None if that is nothing."""
        if not self.grant.overlaps(other.grant):
            return None
        shared = self.grant.intersection(other.grant)
        region = PermissionRegion(
            shared,
            tuple(exclusion for exclusion in (*self.exclusions, *other.exclusions) if exclusion.overlaps(shared)),
        )
        return None if region.is_empty else region

    def difference(self, other: "PermissionRegion") -> list["PermissionRegion"]:
        """This one with one more exclusion, and its parts that the other one excludes."""
        if not self.grant.overlaps(other.grant):
            return [self]
        shared = self.grant.intersection(other.grant)
        if any(exclusion.covers(shared) for exclusion in other.exclusions):
            return [self]
        rest = [] if other.grant.covers(self.grant) else [PermissionRegion(self.grant, (*self.exclusions, shared))]
        return rest + [
            region
            for exclusion in other.exclusions
            if exclusion.overlaps(shared)
            and (region := PermissionRegion(shared, self.exclusions).intersection(PermissionRegion(exclusion)))
            is not None
        ]

    def __str__(self) -> str:
        if not self.exclusions:
            return str(self.grant)
        if len(self.exclusions) > _SHOWN_EXCLUSIONS:
            return f"{self.grant}, except {len(self.exclusions)} narrower patterns"
        return f"{self.grant}, except {', '.join(sorted(map(self._exclusion, self.exclusions)))}"

    def _exclusion(self, exclusion: Grant) -> str:
        """A exclusion as seen from the grant, which most of it is the same as."""
        words = [] if exclusion.actions == self.grant.actions else [_all(exclusion.actions)]
        words += [] if exclusion.resources == self.grant.resources else [f"on {_all(exclusion.resources)}"]
        return " ".join([*words, *_if(exclusion.conditions - self.grant.conditions)])


class PermissionSet:
    """Areas by the service of their actions, and by resource: policies with thousands of actions are compared."""

    def __init__(self, regions: Iterable[PermissionRegion]) -> None:
        self._all = tuple(dict.fromkeys(regions))
        self._of: dict[str | None, dict[Patterns, list[PermissionRegion]]] = {}
        self._candidates: dict[tuple[str | None, Patterns], Sequence[PermissionRegion]] = {}
        for region in self._all:
            self._of.setdefault(_service(region.grant), {}).setdefault(region.grant.resources, []).append(region)

    def __iter__(self) -> Iterator[PermissionRegion]:
        return iter(self._all)

    def candidates(self, grant: Grant) -> Sequence[PermissionRegion]:
        """All regions that overlap with the grant, and some more."""
        key = (_service(grant), grant.resources)
        if key not in self._candidates:
            self._candidates[key] = [*self._look(*key)]
        return self._candidates[key]

    def _look(self, service: str | None, resources: Patterns) -> Iterator[PermissionRegion]:
        for one in self._of if service is None else (service, None):
            for others, regions in self._of.get(one, {}).items():
                if _overlap(resources, others, resources_overlap):
                    yield from regions

    def without(self, other: "PermissionSet") -> "PermissionSet":
        """What is left of these regions when all those are taken away."""
        return PermissionSet(rest for region in self._all for rest in _without(region, other.candidates(region.grant)))

    def within(self, other: "PermissionSet") -> "PermissionSet":
        """What these regions and those have in common."""
        return PermissionSet(
            shared for region in self._all for shared in _within(region, other.candidates(region.grant))
        )

    def normalize(self) -> "PermissionSet":
        """The same, with each thing said once."""
        return PermissionSet(
            PermissionRegion(region.grant, _normalized_exclusions(region.exclusions)) for region in _widest(self)
        )


def _without(region: PermissionRegion, others: Sequence[PermissionRegion]) -> list[PermissionRegion]:
    if any(other.covers(region) for other in others):
        return []
    rest = [region]
    for other in others:
        rest = [left for part in rest for left in part.difference(other)]
        if len(rest) > 1:  # each exclusion of the others may have left a part, and many the same
            rest = _widest(PermissionSet(part for part in rest if not part.is_empty))
    return [part for part in rest if not part.is_empty]


def _within(region: PermissionRegion, others: Sequence[PermissionRegion]) -> list[PermissionRegion]:
    if any(other.covers(region) for other in others):
        return [region]
    return [shared for other in others if (shared := region.intersection(other)) is not None]


def _widest(permissions: PermissionSet) -> list[PermissionRegion]:
    """The regions that no other one covers."""
    order = {region: place for place, region in enumerate(permissions)}
    return [
        region
        for region in permissions
        if not any(
            other is not region and other.covers(region) and (order[other] < order[region] or not region.covers(other))
            for other in permissions.candidates(region.grant)
        )
    ]


def _normalized_exclusions(exclusions: Sequence[Grant]) -> tuple[Grant, ...]:
    return tuple(region.grant for region in _widest(PermissionSet(map(PermissionRegion, exclusions))))


def _service(grant: Grant) -> str | None:
    return next(filter(None, map(service_of, sorted(grant.actions))), None)


def _cover(wide: Patterns, narrow: Patterns, covers: Callable[[str, str], bool]) -> bool:
    return wide == narrow or all(any(covers(one, other) for other in narrow) for one in wide)


def _overlap(some: Patterns, others: Patterns, overlap: Callable[[str, str], bool]) -> bool:
    return all(overlap(one, other) for one in some for other in others)


def _intersection(some: Patterns, others: Patterns, covers: Callable[[str, str], bool]) -> Patterns:
    if _cover(some, others, covers):
        return others
    return some if _cover(others, some, covers) else some | others


def _all(patterns: Patterns) -> str:
    return " and ".join(sorted(patterns))


def _if(conditions: Patterns) -> list[str]:
    return [f"if {_all(conditions)}"] if conditions else []
