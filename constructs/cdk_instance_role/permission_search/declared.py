"""What the associations of a provider declare: which instances may get which profiles, one association alone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .policy_patterns import Patterns
from .statement import Values

Edge = tuple[int, int]
"""Where from and where to, as bits of `ProfileBits.mask`: whatever carries one of the first may get one of the
second."""


@dataclass(frozen=True)
class Profile:
    """An instance profile with its role, by their ARNs."""

    arn: str
    role: str


@dataclass(frozen=True)
class Instance:
    """An instance for the search."""

    arn: str
    tags: Mapping[str, str] = field(default_factory=dict)
    """By key in lower case: IAM compares the keys of tags without case."""


@dataclass(frozen=True, eq=False)
class Declared:
    """One association, in the same values as the statements that it is compared with."""

    name: str
    """As a message says it."""
    wanted: Profile
    listed: tuple[Profile, ...] = ()
    own_paths: tuple[str, ...] = ()
    """What the ARNs of the profiles of the same `InstanceRole` begin with, current path first; empty for a profile
    that is no `InstanceRole`'s."""
    removable: tuple[str, ...] = ()
    """What the ARNs of profiles begin with that may be disassociated from any instance, besides the wanted one."""
    moves: bool = False
    """Instances may be moved between profiles on `own_paths`."""
    instances: frozenset[str] = frozenset()
    """ARNs of the targets; empty with tags."""
    has_token_ids: bool = False
    """Only CloudFormation knows the id of a target."""
    tags: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Keys with their values; empty with ids."""

    def is_target(self, instance: Instance) -> bool:
        """Whether an instance is a target."""
        if not self.tags:
            return instance.arn in self.instances
        return all(instance.tags.get(key.lower()) in values for key, values in self.tags)

    def listed_of(self, other: "Declared") -> set[str]:
        """ARNs of the profiles that it lists and that another association puts on instances, or has put there."""
        arns = (profile.arn for profile in self.listed)
        return {arn for arn in arns if arn == other.wanted.arn or arn.startswith(other.own_paths)}

    def edges(self, profile_bits: "ProfileBits", *, is_target: bool) -> Iterator[Edge]:
        """What one call may change on an instance.

        Args:
            profile_bits: all profiles.
            is_target: the instance is a target.
        """
        wanted = profile_bits.mask([self.wanted.arn])
        ours = wanted | profile_bits.on(self.own_paths[:1])
        movable = profile_bits.on(self.own_paths) if self.moves else 0
        listed = profile_bits.mask(profile.arn for profile in self.listed)
        yield ours | profile_bits.on(self.removable), BARE
        if is_target or self.tags or self.has_token_ids:
            yield ours, listed
        if is_target or self.tags:
            yield BARE, listed
        if is_target:
            yield BARE, wanted | movable
            yield listed, wanted | BARE
            yield movable, movable


BARE = 1
"""The bit of an instance without a profile."""


class ProfileBits:
    """All profiles that a search knows, as bits of a number."""

    def __init__(self, profiles: Sequence[Profile]) -> None:
        """
        Args:
            profiles: the profiles.
        """
        self.profiles = tuple({profile.arn: profile for profile in profiles}.values())
        self.everything = (2 << len(self.profiles)) - 2
        """The bits of all profiles."""
        self._matching: dict[Values, int] = {}
        self._bits = {profile.arn: 2 << number for number, profile in enumerate(self.profiles)}

    def mask(self, arns: Iterable[str]) -> int:
        """The bits of profiles; of those that are unknown there are none."""
        mask = 0
        for arn in arns:
            mask |= self._bits.get(arn, 0)
        return mask

    def on(self, beginnings: Sequence[str]) -> int:
        """The bits of the profiles whose ARNs begin so."""
        if not beginnings:
            return 0
        return self.mask(arn for arn in self._bits if arn.startswith(tuple(beginnings)))

    def matching(self, values: Values) -> int:
        """The bits of the profiles that values of a condition match."""
        if values not in self._matching:
            patterns = Patterns(values)
            exact = self.mask(patterns.exact)
            self._matching[values] = exact | self.mask(arn for arn in self._bits if patterns.fits(arn))
        return self._matching[values]

    def bits(self) -> Iterator[int]:
        """All bits, that of bare instances first."""
        yield BARE
        yield from self._bits.values()

    def name(self, bit: int) -> str:
        """ARN of the profile of a bit; empty for a bare instance."""
        return next((arn for arn, one in self._bits.items() if one == bit), "")
