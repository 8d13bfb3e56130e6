"""Attributes of an item and what is inside them: where a document path leads, and what a change leaves there."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from tests.simulator.errors import AwsError

Item = dict[str, Any]
Path = tuple[str | int, ...]
"""Names of attributes in maps, and places in lists."""


class ExpressionError(AwsError):
    """What DynamoDB refuses, or what the simulator does not support."""

    def __init__(self, message: str) -> None:
        super().__init__("ValidationException", message)


def value_at(item: Item, path: Path) -> Any:
    """The typed value at a path; None if there is none."""
    value: Any = {"M": item}
    for part in path:
        value = _inside(value, part)
    return value


def replaced(item: Item, path: Path, value: Any) -> Item:
    """The item with another value at a path.

    Args:
        item: the item, which stays as it is.
        path: where the value is, in maps and lists that are there.
        value: what is there then; None for nothing.
    """
    parts: Item = _changed({"M": item}, path, value)["M"]
    return parts


def overlap(one: Path, other: Path) -> bool:
    """Whether one path leads to the other, or to something in it."""
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]


def check_value(value: Any) -> None:
    """
    Raises:
        ExpressionError: it is none of DynamoDB's typed values.
    """
    for kind, content in _typed_parts(value):
        if kind in ("SS", "NS", "BS") and not content:
            raise ExpressionError("a set must not be empty")
        if kind == "N":
            Decimal(content)


def _inside(value: Any, part: str | int) -> Any:
    match value, part:
        case {"M": dict(parts)}, str():
            return parts.get(part)
        case {"L": list(parts)}, int() if part < len(parts):
            return parts[part]
    return None


def _changed(value: Any, path: Path, new: Any) -> Any:
    if not path:
        return new
    part, *more = path
    match value, part:
        case {"M": dict(parts)}, str():
            if more and part not in parts:
                raise _leads_nowhere()
            inner = _changed(parts.get(part), tuple(more), new)
            return {"M": {**parts, part: inner} if inner is not None else _without(parts, part)}
        case {"L": list(parts)}, int():
            return {"L": _changed_list(parts, part, more, new)}
    raise _leads_nowhere()


def _changed_list(parts: Sequence[Any], part: int, more: Sequence[str | int], new: Any) -> list[Any]:
    """Beyond its end, a list grows by what is set and by nothing else."""
    if part >= len(parts):
        if more:
            raise _leads_nowhere()
        return [*parts, *([] if new is None else [new])]
    inner = _changed(parts[part], tuple(more), new)
    return [*parts[:part], *([] if inner is None else [inner]), *parts[part + 1 :]]


def _without(parts: Item, name: str) -> Item:
    return {key: value for key, value in parts.items() if key != name}


def _leads_nowhere() -> ExpressionError:
    return ExpressionError("The document path provided in the update expression is invalid for update")


def _typed_parts(value: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict) or len(value) != 1:
        raise ExpressionError(f"not a typed value: {value}")
    ((kind, content),) = value.items()
    if kind not in ("S", "N", "BOOL", "NULL", "SS", "NS", "L", "M"):
        raise ExpressionError(f"unknown type {kind}")
    yield kind, content
    if kind in ("L", "M"):
        for part in content.values() if kind == "M" else content:
            yield from _typed_parts(part)
