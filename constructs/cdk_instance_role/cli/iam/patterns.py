"""Whether one of IAM's patterns lets through all that another one does, and whether they have anything in common.

``*`` stands for any text, ``/`` and ``:`` among it, and ``?`` for one character:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
"""

import re
from functools import lru_cache

_ANY, _ONE = "*", "?"
_PIECES = re.compile(r"\$\{[^}]*\}|\*[*?]*|\?[*?]*|.", re.DOTALL)
_WILDCARDS = re.compile(r"[*?]|\$\{")
_ARN_PARTS = 6


def covers_action(wide: str, narrow: str) -> bool:
    """Whether every action that matches ``narrow`` also matches ``wide``. Actions have no case."""
    return covers(_action(wide), _action(narrow))


def actions_overlap(one: str, other: str) -> bool:
    """Whether some action may match both."""
    return overlap(_action(one), _action(other))


def service_of(action: str) -> str | None:
    """The service that all actions of this pattern belong to; None if there may be several."""
    service, colon, _ = action.partition(":")
    return service.lower() if colon and not _WILDCARDS.search(service) else None


def resources_overlap(one: str, other: str) -> bool:
    """Whether some ARN may match both."""
    if not overlap(one, other):
        return False
    parts = list(zip(one.split(":", _ARN_PARTS - 1), other.split(":", _ARN_PARTS - 1), strict=False))
    # An account id or a Region has no colon in it, so ARNs with all their parts can be compared part by part.
    return len(parts) < _ARN_PARTS or all(overlap(*pair) for pair in parts) or covers(one, other) or covers(other, one)


@lru_cache(maxsize=1 << 16)
def covers(wide: str, narrow: str) -> bool:
    """Whether every text that matches ``narrow`` also matches ``wide``.

    A policy variable such as ``${aws:username}`` is covered by itself and by ``*``.
    """
    if wide in (_ANY, narrow):
        return True
    if not _WILDCARDS.search(wide):  # it matches nothing but itself
        return False
    if not narrow.startswith(_prefix(wide)):
        return False
    pieces = _pieces(wide)
    places = _reach({0}, pieces)
    for piece in _pieces(narrow):
        places = _reach({after for place in places for after in _read(piece, place, pieces)}, pieces)
        if not places:
            return False
    return len(pieces) in places


@lru_cache(maxsize=1 << 16)
def overlap(one: str, other: str) -> bool:
    """Whether some text may match both. A policy variable may become any text."""
    if _ANY in (one, other) or one == other:
        return True
    start, begin = _prefix(one), _prefix(other)
    if not (start.startswith(begin) or begin.startswith(start)):
        return False
    return _overlap(_pieces(one), _pieces(other))


def _overlap(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Walks over all pairs of places that one text can have led to."""
    seen, todo = {(0, 0)}, [(0, 0)]
    while todo:
        i, j = todo.pop()
        if i == len(one) and j == len(other):
            return True
        for step in _steps(one[i] if i < len(one) else None, other[j] if j < len(other) else None):
            place = (i + step[0], j + step[1])
            if place not in seen:
                seen.add(place)
                todo.append(place)
    return False


def _steps(piece: str | None, mate: str | None) -> list[tuple[int, int]]:
    steps = []
    if piece is not None and _is_any(piece):  # it ends here, or takes what the other one wants
        steps += [(1, 0), (0, 1)] if mate is not None else [(1, 0)]
    if mate is not None and _is_any(mate):
        steps += [(0, 1), (1, 0)] if piece is not None else [(0, 1)]
    if piece is not None and mate is not None and (piece == mate or _ONE in (piece, mate)):
        steps.append((1, 1))
    return steps


def _read(piece: str, place: int, pieces: tuple[str, ...]) -> tuple[int, ...]:
    """Where a piece of the narrow pattern leads to in the wide one."""
    if place == len(pieces):
        return ()
    mate = pieces[place]
    if mate == _ANY:
        return (place,)
    if piece == mate or (mate == _ONE and not _is_any(piece)):
        return (place + 1,)
    return ()


def _reach(places: set[int], pieces: tuple[str, ...]) -> set[int]:
    """The places, and those behind a ``*``, which may stand for nothing."""
    behind = {place + 1 for place in places if place < len(pieces) and pieces[place] == _ANY}
    return places | behind  # two in a row do not exist, see `_pieces`


@lru_cache(maxsize=1 << 14)
def _pieces(pattern: str) -> tuple[str, ...]:
    """The pattern's characters, wildcards and policy variables.

    In a row of wildcards each ``?`` comes first and one ``*`` stands for all, since ``*?`` and ``?*`` mean the same.
    """
    pieces: list[str] = []
    for piece in _PIECES.findall(pattern):
        if piece in ("${*}", "${?}", "${$}"):  # how IAM spells these very characters
            pieces.append(f"\\{piece[2]}" if piece[2] != "$" else "$")
        elif piece[0] in (_ANY, _ONE):
            pieces += [_ONE] * piece.count(_ONE) + [_ANY] * (_ANY in piece)
        else:
            pieces.append(piece)
    return tuple(pieces)


def _prefix(pattern: str) -> str:
    """The text that everything matching the pattern begins with."""
    wildcard = _WILDCARDS.search(pattern)
    return pattern[: wildcard.start()] if wildcard else pattern


def _is_any(piece: str) -> bool:
    return piece == _ANY or piece.startswith("${")


def _action(pattern: str) -> str:
    return _ANY if pattern == "*:*" else pattern.lower()
