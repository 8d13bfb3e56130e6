"""Other people's text in Markdown: it shows as it is, and neither formats, links nor calls anybody.

GitHub links addresses, mentions, issues, commits and what a repository adds, with a syntax that grows. In code it links
nothing. So only words that can't be any of it stay text, and everything else is set as code.
"""

import re

from ..text import one_line

MAX_CHARACTERS = 600
"""Characters of one text that are shown."""

_WORD = re.compile(
    r"""(?P<before>[("']*)
    (?:`(?P<code>[^`]+)`|(?P<plain>[A-Za-z]?[a-z]+(?:[-'][a-z]+)*|[A-Z]{1,5}[0-9]?|[0-9]{1,6})|(?P<other>.+?))
    (?P<after>[)"'.,:;!?…]*)""",
    re.VERBOSE,
)
_COMMIT = re.compile(r"\b[a-f]{7,40}\b")
"""A word that GitHub takes for a commit, if there is one like it."""
_LIST_ITEM = re.compile(r"[0-9]+[.)]")


def sentence(text: str) -> str:
    r"""Text that may stand anywhere, also in a cell.

    >>> sentence("role a|b (i-0123) lacks s3:Get*, see https://example.org")
    'role `a`&#124;`b` (`i-0123`) lacks `s3:Get*`, see `https://example.org`'
    """
    return " ".join(_word(word, first=number == 0) for number, word in enumerate(_short(text).split(" ")) if word)


def code(text: str) -> str:
    """Text in the typeface of code; empty if it is.

    >>> code("web"), code("a|b"), code("a`b")
    ('`web`', '`a`&#124;`b`', '``a`b``')
    """
    # In a cell no backslash saves a pipe that is in backticks and has a backslash before it.
    return "&#124;".join(_span(part) for part in _short(text).split("|"))


def _word(word: str, *, first: bool) -> str:
    found = _WORD.fullmatch(word)
    if found is None or (first and _LIST_ITEM.match(word)):
        return code(word)
    inner = found["plain"] or code(found["code"] or found["other"])
    if found["plain"] and _COMMIT.search(inner):
        inner = code(inner)
    return f"{found['before']}{inner}{found['after']}"


def _span(text: str) -> str:
    """A span of code that nothing in the text can end."""
    if not text:
        return ""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    blank = " " if text.strip("` ") != text else ""
    return f"{fence}{blank}{text}{blank}{fence}"


def _short(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= MAX_CHARACTERS else f"{line[:MAX_CHARACTERS]}…"
