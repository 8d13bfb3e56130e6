"""Other people's text in Markdown: it shows as it is, and neither formats, links nor calls anybody."""

import re

from ..text import one_line

LONGEST = 600
"""Characters of one text that are shown."""

_MARKUP = re.compile(r"[\\`*_\[\]<>|~$]")
_OUT_OF_CODE = re.compile(r"[&<>|`\\*_\[\]~$@#]")
_INVISIBLE = "&#8203;"
"""Between ``@`` and a name it keeps GitHub from notifying people, between ``#`` and a number from linking."""


def sentence(text: str) -> str:
    r"""Text that may stand anywhere, also in a cell.

    >>> sentence("a|b <c> `d`")
    'a\\|b \\<c\\> \\`d\\`'
    """
    escaped = _MARKUP.sub(r"\\\g<0>", _short(text).replace("&", "&amp;"))
    return re.sub("[@#]", rf"\g<0>{_INVISIBLE}", escaped)


def code(text: str) -> str:
    """Text in the typeface of code; empty if it is.

    >>> code("web"), code("a|b")
    ('`web`', '<code>a&#124;b</code>')
    """
    text = _short(text)
    # In a cell no backslash saves a pipe that is in backticks and has a backslash before it.
    if "`" in text or "|" in text:
        return f"<code>{_OUT_OF_CODE.sub(lambda found: f'&#{ord(found[0])};', text)}</code>"
    return f"`{text}`" if text else ""


def _short(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"
