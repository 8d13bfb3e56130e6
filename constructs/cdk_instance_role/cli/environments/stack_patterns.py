"""Patterns for the paths of stacks, as the CDK CLI reads them.

It leaves that to picomatch: https://github.com/micromatch/picomatch#globbing-features. What that knows besides the
features of `matches` is refused, so that no pattern means something else here than in a deployment.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache

from ..model import CliError

_ANY_PARTS = r"(?:(?!\.)[^/]+/)*"
_BRACES = re.compile(r"\{([^{}]*,[^{}]*)\}")
_TOKEN = re.compile(r"(?P<text>\*+)|(?P<character>\?)|\[(?P<negation>\^?)(?P<characters>[^\]]+)\]|(?P<plain>.)")
_REFUSED = re.compile(r"[()\\]|\{[^{},]*\.\.[^{},]*\}")


def is_selected(patterns: Sequence[str], path: str) -> bool:
    """Whether patterns name a stack: one of them, if there is any that is no exclusion, and no exclusion leaves it out.

    Args:
        patterns: the patterns.
        path: path of the construct.

    Raises:
        CliError: a pattern can't be read.

    Example:
        >>> is_selected(["Prod/*", "!*/Api"], "Prod/Web"), is_selected(["Prod/*", "!*/Api"], "Prod/Api")
        (True, False)
    """
    wanted = [one for one in patterns if not is_exclusion(one)]
    excluded = [one.lstrip("!") for one in patterns if is_exclusion(one)]
    return (not wanted or any(matches(one, path) for one in wanted)) and not any(matches(one, path) for one in excluded)


def unmatched(patterns: Sequence[str], paths: Iterable[str]) -> list[str]:
    """The patterns that name none of these stacks. An exclusion need not leave one out."""
    known = [*paths]
    return [one for one in patterns if not is_exclusion(one) and not any(matches(one, path) for path in known)]


def is_exclusion(pattern: str) -> bool:
    """Whether a pattern leaves out what it names.

    >>> is_exclusion("!Test/**"), is_exclusion("Test/**")
    (True, False)
    """
    return (len(pattern) - len(pattern.lstrip("!"))) % 2 == 1


def matches(pattern: str, path: str) -> bool:
    """Whether a pattern that is no exclusion names a stack.

    - ``*`` is any text within a part of the path, ``?`` any character but ``/``. Neither begins with a dot.
    - ``**`` as a part of its own is any number of parts.
    - ``[ab]`` is one of these characters, ``[^ab]`` another one.
    - ``{a,b}`` is one of these texts, which may have ``/`` and wildcards.

    Args:
        pattern: the pattern.
        path: path of the construct.

    Raises:
        CliError: the pattern has something else that the CDK CLI would read.

    Example:
        >>> matches("Prod/*", "Prod/Web"), matches("Prod/*", "Prod/Eu/Web"), matches("Prod/**", "Prod/Eu/Web")
        (True, False, True)
    """
    return pattern == path or any(one.fullmatch(f"{path}/") for one in _compiled(pattern.lstrip("!")))


@cache
def _compiled(pattern: str) -> tuple[re.Pattern[str], ...]:
    """Expressions for paths that have a ``/`` behind each part; none if no path can match."""
    if _REFUSED.search(pattern):
        raise CliError(
            f"the pattern {pattern!r} can't be read: use *, **, ?, [abc] and {{web,api}}, or several patterns, instead "
            "of parentheses, backslashes and {a..b}"
        )
    try:
        return tuple(re.compile("".join(map(_part, one.split("/")))) for one in _alternatives(pattern))
    except re.error:  # such as [z-a]
        return ()


def _alternatives(pattern: str) -> list[str]:
    """The patterns without braces that one with braces stands for."""
    found = _BRACES.search(pattern)
    if not found:
        return [pattern.removeprefix("./")]
    before, after = pattern[: found.start()], pattern[found.end() :]
    return [one for text in found[1].split(",") for one in _alternatives(f"{before}{text}{after}")]


def _part(pattern: str) -> str:
    """The expression for a part of the path, with the ``/`` behind it."""
    if pattern == "**":
        return _ANY_PARTS
    hides_dot = r"(?!\.)" if pattern[:1] in ("*", "?") else ""
    return f"{hides_dot}{''.join(map(_token, _TOKEN.finditer(pattern)))}/"


def _token(found: re.Match[str]) -> str:
    if found["text"]:
        return "[^/]*"
    if found["character"]:
        return "[^/]"
    if found["characters"]:
        characters = "".join(one if one == "-" else re.escape(one) for one in found["characters"])
        return f"[{found['negation'] and '^/'}{characters}]"
    return re.escape(found["plain"])
