"""What statements allow to change on an instance, read from the statements themselves."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .declared import BARE, Edge, Instance, ProfileBits
from .policy_patterns import Patterns
from .statement import Statement, Values

_ASSOCIATE = "ec2:AssociateIamInstanceProfile"
_REPLACE = "ec2:ReplaceIamInstanceProfileAssociation"
_DISASSOCIATE = "ec2:DisassociateIamInstanceProfile"
_PASSING = "iam:PassRole"
_CHANGES = frozenset({_ASSOCIATE, _REPLACE, _DISASSOCIATE})
_CARRIED, _NEW, _TAG = "ec2:InstanceProfile", "ec2:NewInstanceProfile", "aws:ResourceTag/"
_ARN_OPERATORS = {"ArnLike": False, "ArnEquals": False, "ArnLikeIfExists": True, "ArnEqualsIfExists": True}
"""Whether they hold for a key that is absent."""


class Allowed:
    """The changes that statements allow together."""

    def __init__(self, statements: Iterable[Statement], profile_bits: ProfileBits) -> None:
        """
        Args:
            statements: all statements of a role.
            profile_bits: all profiles.

        Raises:
            ValueError: a statement about instances has a condition that is not known here.
        """
        statements = list(statements)
        passable = _passable(statements, profile_bits)
        self._rules = [
            rule
            for one in statements
            if one.actions & _CHANGES
            for rule in [Rule.of(one, profile_bits, passable)]
            if rule.edges
        ]
        self._everywhere = [rule for rule in self._rules if rule.is_everywhere]
        self._elsewhere = [rule for rule in self._rules if not rule.is_everywhere]

    def rules(self, instance: Instance) -> list["Rule"]:
        """The rules that are about an instance."""
        return [*self._everywhere, *(rule for rule in self._elsewhere if rule.is_about(instance))]


@dataclass(frozen=True, eq=False)
class Rule:
    """A statement about instances."""

    resources: Patterns
    is_everywhere: bool
    tags: Sequence[tuple[str, frozenset[str]]]
    edges: Sequence[Edge]

    @classmethod
    def of(cls, statement: Statement, profile_bits: ProfileBits, passable: int) -> "Rule":
        conditions = _Conditions.of(statement)
        edges = [
            edge
            for action in sorted(statement.actions & _CHANGES)
            for edge in conditions.edges(action, profile_bits, passable)
        ]
        everywhere = any(value == "*" or value.endswith(":instance/*") for value in statement.resources)
        return cls(Patterns(statement.resources), everywhere and not conditions.tags, conditions.tags, edges)

    def is_about(self, instance: Instance) -> bool:
        return all(instance.tags.get(key) in values for key, values in self.tags) and self.resources.match(instance.arn)


@dataclass(frozen=True)
class _Conditions:
    """The conditions of a statement about instances."""

    arns: Mapping[str, Sequence[tuple[Values, bool]]]
    """By key: the values of each operator, and whether the operator holds for an absent key."""
    null: Mapping[str, bool]
    """Keys that have to be absent, or else present."""
    tags: Sequence[tuple[str, frozenset[str]]]

    @classmethod
    def of(cls, statement: Statement) -> "_Conditions":
        arns: dict[str, list[tuple[Values, bool]]] = {_CARRIED: [], _NEW: []}
        null, tags = {}, []
        for name, values in statement.fields:
            match name:
                case str():
                    continue
                case (operator, key) if operator in _ARN_OPERATORS and key in arns:
                    arns[key].append((values, _ARN_OPERATORS[operator]))
                case ("Null", key) if key in arns:
                    null[key] = values == {"true"}
                case ("StringEquals", key) if key.startswith(_TAG):
                    tags.append((key.removeprefix(_TAG).lower(), frozenset(map(_plain, values))))
                case _:
                    raise ValueError(f"the condition {name} is not known")
        return cls(arns, null, tags)

    def edges(self, action: str, profile_bits: ProfileBits, passable: int) -> Iterator[Edge]:
        """What an action may change: Associate takes bare instances only, and Disassociate names no new profile."""
        carried = BARE if action == _ASSOCIATE else 0
        before = carried & self._absent(_CARRIED) if carried else self._present(_CARRIED, profile_bits)
        after = self._absent(_NEW) if action == _DISASSOCIATE else self._present(_NEW, profile_bits) & passable
        if before and after:
            yield before, after

    def _absent(self, key: str) -> int:
        """`BARE` if the conditions hold where the key is absent."""
        holds = all(if_absent for _, if_absent in self.arns[key]) and self.null.get(key, True)
        return BARE if holds else 0

    def _present(self, key: str, profile_bits: ProfileBits) -> int:
        """The profiles for which the conditions hold."""
        if self.null.get(key, False):
            return 0
        found = profile_bits.everything
        for values, _ in self.arns[key]:
            found &= profile_bits.matching(values)
        return found


def _passable(statements: Iterable[Statement], profile_bits: ProfileBits) -> int:
    """The profiles whose role may be passed to EC2: all statements count, whichever profile they were meant for."""
    roles = Patterns(role for one in statements if _PASSING in one.actions for role in one.resources)
    return profile_bits.mask(profile.arn for profile in profile_bits.profiles if roles.match(profile.role))


def _plain(value: str) -> str:
    """A value as it is compared, without the spelling that keeps it from being a policy variable."""
    return value.replace("${$}", "$")
