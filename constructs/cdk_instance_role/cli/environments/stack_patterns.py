"""Patterns for the paths of stacks, as the CDK CLI reads them.

It leaves that to picomatch: https://github.com/micromatch/picomatch#globbing-features. What that knows besides the
features of `matches` is refused, so that no pattern means something else here than in a deployment.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache

from ..model import CliError

_ANY_PARTS, _SOME_PARTS = r"(?:(?!\.)[^/]+/)*", r"(?:(?!\.)[^/]+/)+"
_BRACES = re.compile(r"\{([^{}]*,[^{}]*)\}")
_INNER_BRACES = re.compile(r"\{[^{}]*\}")
_TOKEN = re.compile(r"(?P<text>\*+)|(?P<character>\?)|\[(?P<negation>\^?)(?P<characters>[^\]]+)\]|(?P<plain>.)")
_REFUSED = re.compile(
    r"""
    [()\\|"]
    | [\]}]\+                     # once or more
    | \[\^?\] | \[[^\]]*\[        # a bracket among the characters, such as [[:upper:]]
    | \{[^{},]*\.\.[^{},]*\}
    | [{,][,}]                    # an empty text
    | \*\*.*// | //.*\*\*
    | [^*]\*{3} | \*{3}[^*]       # no `**`, and yet not always within a part
    | ^\./(?:\./|!)
    """,
    re.VERBOSE,
)


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
    excluded = [one for one in patterns if is_exclusion(one)]
    is_wanted = not wanted or any(matches(one, path) for one in wanted)
    return is_wanted and not any(leaves_out(one, path) for one in excluded)


def unmatched(patterns: Sequence[str], paths: Iterable[str]) -> list[str]:
    """The patterns that name none of these stacks. An exclusion need not leave one out."""
    known = [*paths]
    return [one for one in patterns if not is_exclusion(one) and not any(matches(one, path) for path in known)]


def is_exclusion(pattern: str) -> bool:
    """Whether a pattern leaves out what it names.

    >>> is_exclusion("!Test/**"), is_exclusion("Test/**")
    (True, False)
    """
    return (len(pattern) - len(_without_signs(pattern))) % 2 == 1


def matches(pattern: str, path: str) -> bool:
    """Whether a pattern that is no exclusion names a stack.

    - ``*`` is any text within a part of the path, ``?`` any character but ``/``. Neither begins with a dot.
    - ``**`` as a part of its own is any number of parts; one at least at the end, after a part that ends with ``*``.
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
    return pattern == path or _fits(pattern, path)


def leaves_out(exclusion: str, path: str) -> bool:
    """Whether an exclusion leaves out a stack.

    Args:
        exclusion: the pattern, which begins with ``!``.
        path: path of the construct.

    Raises:
        CliError: the pattern has something else that the CDK CLI would read.

    Example:
        >>> leaves_out("!Prod/*", "Prod/Web"), leaves_out("!Prod/*", "Test/Web")
        (True, False)
    """
    return _fits(exclusion, path)


def _fits(pattern: str, path: str) -> bool:
    return any(one.fullmatch(f"{path}/") for one in _compiled(_without_signs(pattern)))


def _without_signs(pattern: str) -> str:
    return pattern.lstrip("!")


@cache
def _compiled(pattern: str) -> tuple[re.Pattern[str], ...]:
    """Expressions for paths that have a ``/`` behind each part; none if no path can match."""
    if not _is_readable(pattern):
        raise CliError(
            f"the pattern {pattern!r} can't be read: use *, **, ?, [abc] and {{web,api}}, or several patterns, instead "
            "of parentheses, backslashes, quotes, |, {a..b}, and ** or nothing within braces"
        )
    try:
        return tuple(re.compile(_expression(one)) for one in _alternatives(pattern))
    except re.error:  # such as [z-a]
        return ()


def _is_readable(pattern: str) -> bool:
    """Whether a pattern has nothing that means something else for the CDK CLI."""
    if _REFUSED.search(pattern):
        return False
    plain = pattern
    while (shorter := _INNER_BRACES.sub("", plain)) != plain:
        plain = shorter
    if "{" in plain or "}" in plain:
        return False
    return plain.count("*") == pattern.count("*") or not any("**" in one for one in _alternatives(pattern))


def _alternatives(pattern: str) -> list[str]:
    """The patterns without braces that one with braces stands for."""
    found = _BRACES.search(pattern)
    if not found:
        return [pattern.removeprefix("./")]
    before, after = pattern[: found.start()], pattern[found.end() :]
    return [one for text in found[1].split(",") for one in _alternatives(f"{before}{text}{after}")]


def _expression(pattern: str) -> str:
    """The expression for a path that has a ``/`` behind each part."""
    parts = re.sub(r"(^|/)\*\*(/\*\*)+(?=/|$)", r"\1**", pattern).split("/")
    *before, last = map(_part, parts)
    is_after_star = last == _ANY_PARTS and parts[-2:-1] and parts[-2].endswith("*")
    return "".join((*before, _SOME_PARTS if is_after_star else last))


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
