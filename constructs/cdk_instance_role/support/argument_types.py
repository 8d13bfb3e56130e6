"""Refuses arguments of a wrong type with a sentence, before the CDK fails with them somewhere inside."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Duration, Token

Type = type | str
"""A class; or, for an interface of the CDK, an attribute that everything has that implements it. These interfaces are
protocols, for which `isinstance` can't be used."""


def check_type(name: str, value: object, expected: Type, instead: str) -> None:
    """Refuse a value of another type.

    Args:
        name: what the message calls the argument.
        value: the argument.
        expected: its type.
        instead: what to give, in words or code.

    Raises:
        ValueError: it has another type.

    Example:
        >>> check_type("role", "Web", "role_arn", "a role, like iam.Role.from_role_name(...)")
        Traceback (most recent call last):
        ValueError: role is 'Web': give a role, like iam.Role.from_role_name(...)
    """
    if not _fits(value, expected):
        raise ValueError(f"{name} is {value!r}: give {instead}")


def check_optional(name: str, value: object, expected: Type, instead: str) -> None:
    """Refuse a value of another type, unless it is None: see `check_type`."""
    if value is not None:
        check_type(name, value, expected, instead)


def is_number_token(value: object) -> bool:
    """Whether a number stands for one that only the deployment knows."""
    # jsii does not survive what JSON can't say.
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
    return is_number and bool(Token.is_unresolved(value))


def check_list(name: str, value: object, elements: str) -> None:
    """Refuse what is no list; a text is none.

    Args:
        name: what the message calls the argument.
        value: the argument.
        elements: what the list is to hold, in words.

    Raises:
        ValueError: it is no list.
    """
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ValueError(f"{name} is {value!r}: give a list of {elements}")


def check_map(name: str, values: object, expected: Type, instead: str) -> None:
    """Refuse what is no map of names to values of a type.

    Args:
        name: what the message calls the argument.
        values: the argument.
        expected: type of a value.
        instead: what a value has to be, in words or code.

    Raises:
        ValueError: it is no map, a key is no text, or a value has another type.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"{name} is {values!r}: give a map of names to {instead}")
    for key, value in values.items():
        check_type(f"a key of {name}", key, str, "a name")
        check_type(f"{name}[{key!r}]", value, expected, instead)


def whole_seconds(name: str, value: Any, shortest: int, longest: int, limits: str) -> int:
    """A time in seconds.

    Args:
        name: what the message calls the argument.
        value: the argument.
        shortest: in seconds.
        longest: in seconds.
        limits: the shortest and the longest, in words.

    Raises:
        ValueError: it is no `aws_cdk.Duration`, a token, out of range, or not in whole seconds.
    """
    check_type(name, value, Duration, "a Duration like Duration.minutes(15)")
    if value.is_unresolved():
        raise ValueError(f"{name} is a token: give a Duration that is known at synth, {limits}")
    seconds = round(value.to_seconds(integral=False), 3)
    is_whole = seconds == int(seconds)
    if not is_whole or not shortest <= seconds <= longest:
        given = value.to_human_string() if is_whole else f"{seconds} seconds"
        raise ValueError(f"{name} is {given}: give a Duration in whole seconds, {limits}")
    return int(seconds)


def _fits(value: object, expected: Type) -> bool:
    if isinstance(expected, str):
        return hasattr(type(value), expected) or hasattr(value, expected)
    return isinstance(value, expected)
