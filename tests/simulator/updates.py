"""DynamoDB's update expressions: SET, REMOVE, ADD and DELETE.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from tests.simulator.documents import ExpressionError, Item, Path, overlap, replaced, value_at
from tests.simulator.expressions import Expressions, Tokens

Action = Callable[[Tokens], tuple[Path, Any]]
"""One change: where, and what is there afterwards; None for nothing."""


def updated(expressions: Expressions, expression: str | None, item: Item) -> Item:
    """An item after an update. All of its parts see the item as it was before.

    Args:
        expressions: the names and values of the request.
        expression: the update; None for none.
        item: the item; empty if there is none.
    """
    return item if expression is None else _Update(expressions, item).apply(Tokens(expression))


class _Update:
    def __init__(self, expressions: Expressions, item: Item) -> None:
        self._expressions, self._item = expressions, item
        self._clauses: Mapping[str, Action] = {
            "SET": self._set,
            "REMOVE": self._remove,
            "ADD": self._add,
            "DELETE": self._delete,
        }

    def apply(self, tokens: Tokens) -> Item:
        changes: list[tuple[Path, Any]] = []
        seen = set[str]()
        while tokens.following:
            clause = tokens.next()
            if clause not in self._clauses or clause in seen:
                raise ExpressionError(f"unexpected {clause} in an update")
            seen.add(clause)
            changes.append(self._clauses[clause](tokens))
            while tokens.skip(","):
                changes.append(self._clauses[clause](tokens))
        return self._after(changes)

    def _after(self, changes: list[tuple[Path, Any]]) -> Item:
        for number, (path, _) in enumerate(changes):
            if any(overlap(path, other) for other, _ in changes[:number]):
                raise ExpressionError(f"two document paths overlap: {path}")
        after = self._item
        # From the end, so that a removed element does not move the others that have to be removed.
        for path, value in sorted(changes, key=lambda change: [str(part).zfill(9) for part in change[0]], reverse=True):
            after = replaced(after, path, value)
        return after

    def _set(self, tokens: Tokens) -> tuple[Path, Any]:
        path = self._expressions.path(tokens)
        tokens.expect("=")
        value = self._operand(tokens)
        for sign, factor in (("+", 1), ("-", -1)):
            if tokens.skip(sign):
                return path, _sum(value, self._operand(tokens), factor)
        return path, value

    def _operand(self, tokens: Tokens) -> Any:
        if tokens.skip("if_not_exists"):
            tokens.expect("(")
            present = value_at(self._item, self._expressions.path(tokens))
            tokens.expect(",")
            default = self._operand(tokens)
            tokens.expect(")")
            return default if present is None else present
        if tokens.skip("list_append"):
            tokens.expect("(")
            first = self._operand(tokens)
            tokens.expect(",")
            second = self._operand(tokens)
            tokens.expect(")")
            return {"L": [*_content(first, "L"), *_content(second, "L")]}
        if tokens.following.startswith(":"):
            return self._expressions.value(tokens.next())
        present = value_at(self._item, self._expressions.path(tokens))
        if present is None:
            raise ExpressionError("The provided expression refers to an attribute that does not exist in the item")
        return present

    def _remove(self, tokens: Tokens) -> tuple[Path, Any]:
        return self._expressions.path(tokens), None

    def _add(self, tokens: Tokens) -> tuple[Path, Any]:
        path, value, present = self._of_set_or_number(tokens)
        match value:
            case {"N": _}:
                return path, _sum(present or {"N": "0"}, value, 1)
            case {"SS": members} | {"NS": members}:
                (kind,) = value
                return path, {kind: sorted({*_content(present or {kind: []}, kind), *members})}
        raise ExpressionError(f"ADD knows numbers and sets only, not {value}")

    def _delete(self, tokens: Tokens) -> tuple[Path, Any]:
        """An attribute is removed with its last member."""
        path, value, present = self._of_set_or_number(tokens)
        (kind,) = value
        if kind not in ("SS", "NS"):
            raise ExpressionError(f"DELETE knows sets only, not {value}")
        left = {*_content(present or {kind: []}, kind)} - {*value[kind]}
        return path, {kind: sorted(left)} if left else None

    def _of_set_or_number(self, tokens: Tokens) -> tuple[Path, Any, Any]:
        path = self._expressions.path(tokens)
        if len(path) > 1:
            raise ExpressionError("ADD and DELETE are for whole attributes")
        return path, self._expressions.value(tokens.next()), value_at(self._item, path)


def _sum(one: Any, other: Any, factor: int) -> Any:
    total = Decimal(_content(one, "N")) + factor * Decimal(_content(other, "N"))
    return {"N": format(total.normalize(), "f")}


def _content(value: Any, kind: str) -> Any:
    if value.keys() != {kind}:
        raise ExpressionError(f"not of the type {kind}: {value}")
    return value[kind]
