"""Statements packed into as few policies as IAM's size limit allows."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from .statement import Field, Statement, sorted_values

POLICY_SIZE = 6144
"""Characters of a managed policy, without white space:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
MAX_MANAGED_POLICIES = 25
"""Of a role, where the quota is raised: the same page. The configuration of the app needs it without the CDK."""
_ENVELOPE = len('{"Version":"2012-10-17","Statement":[]}')

Width = Callable[[str], int]
"""Characters of a value in a policy, with its quotation marks."""


def packed(statements: Iterable[Statement], width: Width) -> list[list[Statement]]:
    """The statements by policy. A statement with several values may be split between policies.

    Args:
        statements: the statements, merged.
        width: tells how long a value is.

    Raises:
        OverflowError: a statement is longer than a policy even with one value in every field.
    """
    policies: list[_Policy] = []
    # The statements that can't be split come first; the others then fill what they leave free.
    for one in sorted(statements, key=lambda one: (_is_divisible(one), -size_of(one, width))):
        _place(one, policies, width)
    return [policy.statements for policy in policies]


def size_of(statement: Statement, width: Width) -> int:
    """Characters of a statement in a policy."""
    operators = {name[0] for name in statement.by_field if isinstance(name, tuple)}
    # Every field comes with a comma before it, which the first one of an operator does not have.
    conditions = len(',"Condition":{}') - 1 + sum(len(f'"{operator}":{{}}') for operator in operators)
    fields = sum(_size_of_field(name, values, width) for name, values in statement.fields)
    return len('{"Effect":"Allow"}') + (conditions if operators else 0) + fields


def least_size(statement: Statement, width: Width) -> int:
    """Characters of a policy that holds the longest of the parts into which a statement can be split.

    Args:
        statement: the statement. It can be packed if this is at most `POLICY_SIZE`.
        width: tells how long a value is.
    """
    part = Statement(frozenset((name, frozenset([max(values, key=width)])) for name, values in statement.fields))
    return _ENVELOPE + size_of(part, width) + 1


@dataclass
class _Policy:
    statements: list[Statement] = field(default_factory=list)
    free: int = POLICY_SIZE - _ENVELOPE

    def add(self, statement: Statement, size: int) -> None:
        self.statements.append(statement)
        self.free -= size + 1


def _place(statement: Statement, policies: list[_Policy], width: Width) -> None:
    size = size_of(statement, width)
    fitting = [policy for policy in policies if policy.free > size]
    if fitting:
        min(fitting, key=lambda policy: policy.free).add(statement, size)
    elif _is_divisible(statement) and _place_first_part(statement, policies, width):
        return
    elif all(policy.statements for policy in policies):
        policies.append(_Policy())
        _place(statement, policies, width)
    elif _is_divisible(statement):
        for half in _halves(statement, width):
            _place(half, policies, width)
    else:
        raise OverflowError(f"a statement of {size} characters")


def _place_first_part(statement: Statement, policies: list[_Policy], width: Width) -> bool:
    """Place a part of the statement where most is free, and the rest wherever it fits."""
    for policy in sorted(policies, key=lambda policy: -policy.free):
        parts = _split(statement, policy.free - 1, width)
        if parts:
            policy.add(parts[0], size_of(parts[0], width))
            _place(parts[1], policies, width)
            return True
    return False


def _split(statement: Statement, room: int, width: Width) -> tuple[Statement, Statement] | None:
    """The statement in two, of which the first is as large as fits; None if not one value of its longest field does."""
    name = _longest_field(statement, width)
    values = sorted_values(statement.by_field[name])
    bare = size_of(statement, width) - sum(width(value) + 1 for value in values)
    taken = 0
    for value in values:
        bare += width(value) + 1
        if bare > room:
            break
        taken += 1
    if not 0 < taken < len(values):
        return None
    return _parts(statement, name, values, taken)


def _halves(statement: Statement, width: Width) -> tuple[Statement, Statement]:
    name = _longest_field(statement, width)
    values = sorted_values(statement.by_field[name])
    return _parts(statement, name, values, len(values) // 2)


def _parts(statement: Statement, name: Field, values: Sequence[str], count: int) -> tuple[Statement, Statement]:
    return (
        statement.with_values(name, frozenset(values[:count])),
        statement.with_values(name, frozenset(values[count:])),
    )


def _longest_field(statement: Statement, width: Width) -> Field:
    several = [(name, values) for name, values in statement.fields if len(values) > 1]
    return max(several, key=lambda one: (sum(map(width, one[1])), str(one[0])))[0]


def _is_divisible(statement: Statement) -> bool:
    return any(len(values) > 1 for _, values in statement.fields)


def _size_of_field(name: Field, values: frozenset[str], width: Width) -> int:
    """Characters of ``,"name":value`` or ``,"name":[value,value]``."""
    key = name if isinstance(name, str) else name[1]
    brackets = 0 if len(values) == 1 else len(values) + 1
    return len(key) + 4 + brackets + sum(map(width, values))
