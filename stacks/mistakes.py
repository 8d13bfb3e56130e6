"""What is wrong with an entry, in the words of pydantic or of the library, with the entry, the key and the value."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError

from cdk_instance_role.runtime.association.request.desired import abbreviated

from .context.keys import ConfigError, closest, suggestion
from .entries import MAPS
from .placement import Placed
from .values import Strict

_PLAIN = re.compile(r"(?![0-9]+$)[\w:/-]+")
"""A key that needs no quotes. A number is the place in a list."""
_TYPES = {"int", "float", "[key]"}
"""What pydantic adds to the place of a mistake: one of several types, or that it is about the key itself."""


class KeyRefusedError(ValueError):
    """What the library refuses about one key of an entry."""

    def __init__(self, key: str, message: str) -> None:
        """
        Args:
            key: the key.
            message: what is wrong with its value.
        """
        super().__init__(message)
        self.key = key


@contextmanager
def about_key(key: str) -> Iterator[None]:
    """Add the key to what the library refuses, where only this key can be the reason.

    Raises:
        KeyRefusedError: the library refuses something.
    """
    try:
        yield
    except ValueError as error:
        raise KeyRefusedError(key, str(error)) from error


@contextmanager
def about_entry(one: Placed) -> Iterator[None]:
    """Add the entry, and the key where it is known, to what the library refuses while it builds the stack of the entry.

    Raises:
        ConfigError: the library refuses something.
    """
    try:
        yield
    except KeyRefusedError as error:
        raise ConfigError(f"{one.place_of(error.key)}: {error}") from error
    except ValueError as error:
        raise ConfigError(f"{one.place}: {error}") from error


def mistakes(place: str, error: ValidationError, model: type[Strict]) -> list[str]:
    """One sentence for each mistake.

    Args:
        place: where the entry is, such as ``instance_roles.web``.
        error: what pydantic has found.
        model: what the entry is.
    """
    found = [(_path(details), details) for details in error.errors()]
    unknown = {path[:-1] for path, details in found if details["type"] == "extra_forbidden"}
    # A key that is mistyped is not also reported as missing, nor a number once for each kind of number.
    by_path = {path: details for path, details in found if not (details["type"] == "missing" and path[:-1] in unknown)}
    return list(dict.fromkeys(_sentence(place, path, details, model) for path, details in by_path.items()))


def _path(details: Mapping[str, Any]) -> tuple[str | int, ...]:
    """Where a mistake is."""
    return tuple(part for part in details["loc"] if part not in _TYPES and not str(part).startswith("("))


def _sentence(place: str, path: tuple[str | int, ...], details: Mapping[str, Any], model: type[Strict]) -> str:
    message = details["msg"].removeprefix("Value error, ").partition(" or instance of ")[0]
    value, where = abbreviated(details["input"]), _join(place, path)
    match details["type"]:
        case "extra_forbidden":
            return f"{_join(place, path[:-1])} has the unknown key {path[-1]!r}: {_hint(place, path, model)}"
        case "missing":
            return f"{where}: {message} in {value}"
        case "value_error" if isinstance(details["input"], dict) and _is_map(path):  # a rule about several keys
            return f"{where}: {message}"
        case _:
            return f"{where} is {value}: {message}"


def _hint(place: str, path: tuple[str | int, ...], model: type[Strict]) -> str:
    """What to write instead of an unknown key."""
    key, inner = str(path[-1]), model if len(path) == 1 else MAPS[_map_of(path)]
    allowed = list(inner.model_fields)
    if key in model.model_fields and not closest(key, allowed):
        return f"put it beside {path[0]}, into {place}: allowed here are {', '.join(allowed)}"
    return suggestion(key, allowed)


def _is_map(path: tuple[str | int, ...]) -> bool:
    """Whether a map is expected there."""
    return not path or path[-1] in {*MAPS, "tags"} or (isinstance(path[-1], int) and path[-2] in MAPS)


def _map_of(path: tuple[str | int, ...]) -> str:
    """The key of the innermost map around a key."""
    return next(str(part) for part in reversed(path[:-1]) if isinstance(part, str))


def _join(place: str, path: Iterable[str | int]) -> str:
    return place + "".join(f".{part}" if _PLAIN.fullmatch(str(part)) else f"[{part!r}]" for part in path)
