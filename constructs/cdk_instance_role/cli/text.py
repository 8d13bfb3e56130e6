"""Text that others have written, made safe to print: tags, names, templates, and what AWS or an app answers."""

import re

_DRAWN_AS_NOTHING = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Characters that Python calls printable and that no screen shows:
https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point, and the empty Braille pattern."""


def one_line(text: str) -> str:
    """The text on one line, without characters that control a terminal, change the direction of text or are invisible.

    >>> one_line("a\\nb\\x1b[31m\\u202ec")
    'a b [31m c'
    """
    return " ".join(printable(text).split())


def printable(text: str) -> str:
    """The text with a blank for each character that is not visible, so that its indentation stays.

    >>> printable("  a\\x1b[31m")
    '  a [31m'
    """
    visible = text if text.isprintable() else "".join(one if one.isprintable() else " " for one in text)
    return _DRAWN_AS_NOTHING.sub(" ", visible)
