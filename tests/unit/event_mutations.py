"""Ways to break an event in one place: what CloudFormation never sends, but somebody else may."""

from collections.abc import Callable, Iterator
from typing import Any

Place = tuple[str | int, ...]
"""The path to a part of an event: ``("ResourceProperties", "InstanceIds", 0)``; empty for the event itself."""

Change = Callable[[Any], Any]

GONE = object()
"""What a change answers with to leave the part out."""

ODD_DIGITS = str.maketrans("0123456789", "".join(map(chr, range(0xFF10, 0xFF1A))))
"""The full-width ones: digits for Python and most fonts, but not for AWS."""

TWISTS: tuple[Callable[[str], str], ...] = (
    lambda text: text + "\n",
    lambda text: "\n" + text,
    lambda text: text + " ",
    lambda text: text + "x",
    lambda text: text + "/",
    lambda text: text + "\u2028",
    lambda text: text + "\ud800",
    lambda text: text + "*",
    lambda text: text + "\u00e4",
    lambda text: text + "\u212a",  # the sign for kelvin: a k in small letters
    lambda text: text + "," + text,
    lambda text: text + "x" * 200,
    lambda text: text * (20_000 // (len(text) or 1)),
    lambda text: text[:-1],
    lambda text: text[:0],
    lambda text: text.upper(),
    lambda text: text.lower(),
    lambda text: text.translate(ODD_DIGITS),
    lambda text: text.replace(":", "::"),
    lambda text: text.replace("/", "//"),
    lambda text: text.replace("111122223333", ""),
)
"""Texts that look nearly right."""


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Every place in a JSON value, the whole before its parts."""
    yield place
    inner: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield from places(part, (*place, key))


def part_of(value: Any, place: Place) -> Any:
    """What is at a place."""
    for key in place:
        value = value[key]
    return value


def changed(value: Any, place: Place, change: Change) -> Any:
    """A copy with one part changed, or left out."""
    if not place:
        return change(value)
    copy = value.copy()
    part = changed(value[place[0]], place[1:], change)
    if part is GONE:
        del copy[place[0]]
    else:
        copy[place[0]] = part
    return copy


def leave_out(_: Any) -> Any:
    return GONE


def repeat(part: Any) -> Any:
    """List everything twice."""
    return part * 2 if isinstance(part, list) else [part, part]


def twisted(twist: Callable[[str], str]) -> Change:
    return lambda part: twist(part) if isinstance(part, str) else twist(str(part)[:100])


def put(value: Any) -> Change:
    return lambda _: value


def with_key(key: str, value: Any) -> Change:
    """Say more than is known."""
    return lambda part: {**part, key: value} if isinstance(part, dict) else {key: part}


def nested(depth: int) -> Change:
    """Wrap in lists, one into the other."""

    def wrap(part: Any) -> Any:
        for _ in range(depth):
            part = [part]
        return part

    return wrap
