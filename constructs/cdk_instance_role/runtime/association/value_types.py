"""Types of stored values: how each is read, and how it is written. A value of another type is an error that names it.

Somebody may change a stored item by hand, and DynamoDB checks the types of its keys only. So each item is declared
once, with the type of every attribute.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Self

from .request.desired import abbreviated

MAX_NUMBER = 253_402_300_800
"""The year 10000, in seconds since the epoch: Python can't show a later time. No number is as large."""


class MismatchError(ValueError):
    """A stored value is of another type than it has to be, or missing."""

    def __init__(self, problem: str, *path: str) -> None:
        """
        Args:
            problem: what is wrong, without the name of the value.
            path: names from the item to the value.
        """
        super().__init__(f"{' / '.join(path)} {problem}")
        self.problem, self.path = problem, path

    def within(self, name: str) -> Self:
        """The same error, as seen from the map that holds the value under this name."""
        return type(self)(self.problem, name, *self.path)


@dataclass(frozen=True, slots=True)
class ValueType:
    """A type of stored values."""

    read: Callable[[Any], Any]
    """From a value as the table returns it. Raises MismatchError if it is of another type."""
    write: Callable[[Any], Any] = lambda value: value
    """To a value that the table takes."""


Fields = Mapping[str, tuple[str, ValueType]]
"""By the name of an attribute: the name of the field that it holds, and its type."""


class Structure:
    """The attributes of an item, or of a map in one, and the fields of an object that they hold."""

    def __init__(self, required: Fields, optional: Fields = MappingProxyType({})) -> None:
        """
        Args:
            required: attributes that are always there.
            optional: attributes that are not written if their fields are empty.
        """
        self._required, self._optional = required, optional
        self._to_read = [(name, field, type_.read) for name, (field, type_) in required.items()]

    def read(self, stored: Any) -> dict[str, Any]:
        """The fields, by name. Attributes that nobody has declared say nothing.

        Raises:
            MismatchError: an attribute is of another type, or missing.
        """
        if not isinstance(stored, dict):
            raise mismatch(stored, "a map")
        fields, name = {}, ""
        try:
            for name, field, read in self._to_read:
                fields[field] = read(stored[name])
            for name, (field, type_) in self._optional.items():
                if name in stored:
                    fields[field] = type_.read(stored[name])
        except KeyError:
            raise MismatchError("is missing", name) from None
        except MismatchError as error:
            raise error.within(name) from None
        return fields

    def write(self, source: Any) -> dict[str, Any]:
        """The attributes of an object."""
        attributes = {name: type_.write(getattr(source, field)) for name, (field, type_) in self._required.items()}
        for name, (field, type_) in self._optional.items():
            if value := getattr(source, field):
                attributes[name] = type_.write(value)
        return attributes


def mismatch(value: Any, expected: str) -> MismatchError:
    """The error that a value is of another type than expected."""
    shown = str(value) if isinstance(value, Decimal) else abbreviated(value)
    return MismatchError(f"is {shown}, and not {expected}")


def _instance_of(class_: type, expected: str) -> ValueType:
    def read(value: Any) -> Any:
        if isinstance(value, class_):
            return value
        raise mismatch(value, expected)

    return ValueType(read)


def _time(value: Any) -> float:
    if isinstance(value, Decimal) and 0 <= (seconds := float(value)) < MAX_NUMBER:
        return seconds
    raise mismatch(value, "a time in seconds since the epoch")


def _whole(value: Any) -> int:
    if isinstance(value, Decimal) and abs(number := int(value)) < MAX_NUMBER and number == value:
        return number
    raise mismatch(value, "a whole number")


def _count(value: Any) -> int:
    if (number := _whole(value)) >= 0:
        return number
    raise mismatch(value, "a number from 0")


TEXT = _instance_of(str, "a text")
FLAG = _instance_of(bool, "true or false")
MAP = _instance_of(dict, "a map")
TIME = ValueType(_time)
WHOLE = ValueType(_whole)
COUNT = ValueType(_count)


def arn_of(resource_type: str) -> ValueType:
    """ARNs of IAM's resources of a type, for example ``instance-profile``."""
    part = f":{resource_type}/"

    def read(value: Any) -> str:
        if isinstance(value, str) and value.startswith("arn:") and part in value:
            return value
        raise mismatch(value, f"the ARN of an IAM {resource_type}")

    return ValueType(read)


def one_of(*values: str) -> ValueType:
    """Some texts, or values of an enum."""
    known = {str(one): one for one in values}

    def read(value: Any) -> str:
        if isinstance(value, str) and value in known:
            return known[value]
        raise mismatch(value, f"one of {', '.join(known)}")

    return ValueType(read, str)


def nullable(type_: ValueType) -> ValueType:
    """Values of a type, and null."""
    of_value = type_.read
    return ValueType(
        lambda value: None if value is None else of_value(value),
        lambda value: None if value is None else type_.write(value),
    )


def or_empty(type_: ValueType) -> ValueType:
    """Values of a type, and the empty text."""
    return ValueType(lambda value: value if value == "" else type_.read(value), type_.write)


def listed(type_: ValueType, collection: Callable[[Collection[Any]], Any] = list) -> ValueType:
    """Lists of values of a type."""

    def read(value: Any) -> Any:
        if isinstance(value, list):
            return collection([type_.read(one) for one in value])
        raise mismatch(value, "a list")

    return ValueType(read, sorted if collection is frozenset else list)


def mapped(type_: ValueType, key: ValueType = TEXT) -> ValueType:
    """Maps with values of a type."""

    def read(value: Any) -> dict[Any, Any]:
        found = {}
        for name, one in MAP.read(value).items():
            try:
                found[key.read(name)] = type_.read(one)
            except MismatchError as error:
                raise error.within(name) from None
        return found

    return ValueType(read, lambda value: {key.write(name): type_.write(one) for name, one in value.items()})


def made(class_: Callable[..., Any], structure: Structure) -> ValueType:
    """Maps that hold the fields of an object."""
    return ValueType(lambda value: class_(**structure.read(value)), structure.write)
