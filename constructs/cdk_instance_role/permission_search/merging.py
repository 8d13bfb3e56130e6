"""Fewer statements that allow exactly the same."""

from collections.abc import Iterable

from .statement import ACTION, NULL, RESOURCE, Field, Statement, is_list


def merged(statements: Iterable[Statement]) -> list[Statement]:
    """Statements that allow the same calls as the given ones together, no more and no less.

    Two statements that differ in the values of one field only are one with the values of both in that field.
    """
    left = list(dict.fromkeys(statements))
    while True:
        before = len(left)
        for field in _fields_of(left):
            left = _merged_by(field, left)
        if len(left) == before:
            return left


def _fields_of(statements: Iterable[Statement]) -> list[Field]:
    """The fields in the order in which they are merged: many statements differ in the resources only."""
    conditions = {field for one in statements for field in one.by_field if isinstance(field, tuple)}
    return [RESOURCE, *sorted(field for field in conditions if field[0] != NULL), ACTION]


def _merged_by(field: Field, statements: Iterable[Statement]) -> list[Statement]:
    alike: dict[object, list[Statement]] = {}
    for one in statements:
        alike.setdefault(one.fields_except(field) if _is_mergeable(field, one) else one, []).append(one)
    return [
        group[0]
        if len(group) == 1
        else group[0].with_values(field, frozenset().union(*(one.by_field[field] for one in group)))
        for group in alike.values()
    ]


def _is_mergeable(field: Field, statement: Statement) -> bool:
    return field in statement.by_field and not any(map(is_list, statement.by_field[field]))
