"""Whether the permissions of several associations together reach further than each of them alone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from .allowed import Allowed
from .declared import BARE, Declared, Edge, Instance, Profile, ProfileBits
from .reachability import Reachability, bits_of
from .statement import Statement


@dataclass(frozen=True)
class Excess:
    """Something that associations reach together and none of them alone."""

    carried: str
    """ARN of what an instance carries at first; empty for nothing."""
    reached: str
    """ARN of what it may get then; empty for nothing."""
    listing: Declared | None = None
    """The association that lists a profile on the way there; None if the excess does not come from `replaces`."""
    wanting: Declared | None = None
    """The association that puts this profile on its instances, or has done so."""


def excess(statements: Iterable[Statement], associations: Sequence[Declared], instances: str) -> Excess | None:
    """Search all sequences of calls that the statements allow.

    Every kind of instance is looked at: those that are no target, the targets of each association, and the targets of
    two of them of which one lists a profile of the other one. Each may carry anything at first. An association that
    takes profiles off makes an instance bare, and what others may do with a bare instance is declared by them.
    Associations that want profiles of one `InstanceRole` count as one.

    Args:
        statements: all statements of the handler, as they stand in its policies.
        associations: what is declared, in the same values.
        instances: what the ARNs of instances begin with.

    Returns:
        The first thing that goes beyond what is declared, or None.

    Raises:
        ValueError: a statement about instances has a condition that is not known here.
    """
    profile_bits = _profile_bits(associations)
    allowed, declared = Allowed(statements, profile_bits), _DeclaredReachability(associations, profile_bits)
    seen = set()
    for instance in _kinds(associations, instances):
        rules, targets = allowed.rules(instance), declared.targets(instance)
        kind = (tuple(map(id, rules)), targets)
        if kind in seen:
            continue
        seen.add(kind)
        reach, bounds = Reachability(edge for rule in rules for edge in rule.edges), declared.bounds(targets)
        for start in profile_bits.bits():
            beyond = reach.of(start) & ~bounds.of(start)
            # By way of a profile that is listed, an instance may also come from one profile of a role to another one.
            beyond &= reach.after(start) | ~declared.of_the_same_role(start)
            if beyond:
                return _explained(reach, (start, beyond & -beyond), associations, profile_bits)
    return None


class _Bounds:
    """What is declared for an instance."""

    def __init__(self, elsewhere: Mapping[int, int], here: Sequence[Reachability], bare: int) -> None:
        self._elsewhere, self._here = elsewhere, here
        self._bare = bare

    def of(self, start: int) -> int:
        """Everything that one association alone reaches, or several of them by way of a bare instance."""
        reached = start | self._elsewhere.get(start, 0)
        for reach in self._here:
            reached |= reach.of(start)
        return reached | self._bare if reached & BARE else reached


Targets = frozenset[tuple[str, tuple[Edge, ...]]]
"""What is declared for targets: for each association its group, and what one call may change."""


class _DeclaredReachability:
    """What each association alone reaches."""

    def __init__(self, associations: Sequence[Declared], profile_bits: ProfileBits) -> None:
        self._with_tags = [one for one in associations if one.tags]
        self._by_id: dict[str, list[Declared]] = {}
        self._targets: dict[Declared, tuple[str, tuple[Edge, ...]]] = {}
        self._groups: dict[str, set[Edge]] = {}
        """What one call may change on an instance that is no target, by group."""
        for one in associations:
            self._targets[one] = (_group(one), tuple(one.edges(profile_bits, is_target=True)))
            self._groups.setdefault(_group(one), set()).update(one.edges(profile_bits, is_target=False))
            for arn in one.instances:
                self._by_id.setdefault(arn, []).append(one)
        self._of_the_same_role = {
            bit: mask for one in associations for mask in [profile_bits.on(one.own_paths)] for bit in bits_of(mask)
        }
        self._elsewhere: dict[int, int] = {}
        for reach in map(Reachability, self._groups.values()):
            for start in reach.starts:
                self._elsewhere[start] = self._elsewhere.get(start, 0) | reach.of(start)

    def of_the_same_role(self, bit: int) -> int:
        """The profiles of the `InstanceRole` that a profile is of."""
        return self._of_the_same_role.get(bit, 0)

    def targets(self, instance: Instance) -> Targets:
        """What is declared for an instance as a target."""
        by_tags = (one for one in self._with_tags if one.is_target(instance))
        return frozenset(self._targets[one] for one in (*self._by_id.get(instance.arn, ()), *by_tags))

    def bounds(self, targets: Targets) -> _Bounds:
        """Everything that is declared for an instance."""
        by_group: dict[str, set[Edge]] = {}
        for group, edges in targets:
            by_group.setdefault(group, set(self._groups[group])).update(edges)
        here = list(map(Reachability, by_group.values()))
        bare = self._elsewhere.get(BARE, BARE)
        for reach in here:
            bare |= reach.of(BARE)
        return _Bounds(self._elsewhere, here, bare)


def _group(association: Declared) -> str:
    return association.own_paths[0] if association.own_paths else association.wanted.arn


def _profile_bits(associations: Sequence[Declared]) -> ProfileBits:
    """All profiles that matter: wanted ones, those that a deployment replaces or has replaced, listed ones, one of a
    sibling without an association, and one that nobody knows."""
    profiles = []
    for one in associations:
        former = (Profile(f"{path}the-former-one", one.wanted.role) for path in one.own_paths)
        siblings = (Profile(f"{path}0/of-a-sibling", "of a sibling") for path in one.removable)
        foreign = Profile(one.wanted.arn.partition("/")[0] + "/a-foreign-one", "foreign")
        profiles += [one.wanted, *one.listed, *former, *siblings, foreign]
    return ProfileBits(profiles)


def _kinds(associations: Sequence[Declared], instances: str) -> Iterator[Instance]:
    """An instance of each kind."""
    yield Instance(f"{instances}i-of-none")
    for one in associations:
        yield from _targets(one, instances)
    for listing, wanting in _related(associations):
        yield from _common_targets(listing, wanting, instances)


def _targets(association: Declared, instances: str) -> Iterator[Instance]:
    """Targets: each id, and for tags every value of each key."""
    yield from map(Instance, sorted(association.instances))
    usual = {key.lower(): values[0] for key, values in association.tags}
    if usual:
        yield Instance(f"{instances}i-with-tags", usual)
    for key, values in association.tags:
        for value in values[1:]:
            yield Instance(f"{instances}i-with-tags", {**usual, key.lower(): value})


def _related(associations: Sequence[Declared]) -> Iterator[tuple[Declared, Declared]]:
    """Pairs of which the first lists a profile of the second."""
    listing = [one for one in associations if one.listed]
    return ((one, other) for one, other in product(listing, associations) if one is not other and one.listed_of(other))


def _common_targets(one: Declared, other: Declared, instances: str) -> Iterator[Instance]:
    """Instances that are targets of both, if there may be any."""
    for first, second in product(_targets(one, instances), _targets(other, instances)):
        arn = first.arn if one.instances else second.arn
        both = Instance(arn, {**first.tags, **second.tags})
        if one.is_target(both) and other.is_target(both):
            yield both
            return


def _explained(
    reach: Reachability, ends: tuple[int, int], associations: Sequence[Declared], profile_bits: ProfileBits
) -> Excess:
    carried, reached = map(profile_bits.name, ends)
    way = {profile_bits.name(bit) for bit in _way(reach, *ends)}
    for listing, wanting in _related(associations):
        if way & listing.listed_of(wanting) and _group(listing) != _group(wanting):
            return Excess(carried, reached, listing, wanting)
    return Excess(carried, reached)


def _way(reach: Reachability, start: int, end: int) -> list[int]:
    """A shortest way from one bit to another."""
    came_from = {start: 0}
    left = [start]
    for bit in left:
        for after in bits_of(reach.after(bit)):
            if after not in came_from:
                came_from[after] = bit
                left.append(after)
    way = [end]
    while came_from[way[-1]]:
        way.append(came_from[way[-1]])
    return way
