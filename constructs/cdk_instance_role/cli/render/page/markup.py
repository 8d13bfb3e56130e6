"""HTML, in which a text can't be markup: only what is made here is not escaped."""

import html
import re
from collections.abc import Iterable

from ...text import printable


class Html(str):
    """Markup. Every other string is text."""

    __slots__ = ()


def element(name: str, *content: str, **attributes: str | bool) -> Html:
    """An element.

    Args:
        name: of the element.
        content: texts, and markup of type `Html`.
        attributes: values by name: ``class_`` for ``class``, ``data_account`` for ``data-account``. One that is False
            or empty is left out, and one that is True has no value.

    >>> element("a", "1 < 2", href="#x", hidden=True)
    '<a href="#x" hidden>1 &lt; 2</a>'
    """
    opening = "".join([name, *(_attribute(*one) for one in attributes.items() if one[1])])
    return Html(f"<{opening}>{joined(content)}</{name}>")


def joined(content: Iterable[str]) -> Html:
    """Texts and markup, one after the other."""
    return Html("".join(one if isinstance(one, Html) else escaped(one) for one in content))


def escaped(text: str) -> Html:
    """Text of any origin, without characters that are invisible or change its direction."""
    return Html(html.escape(printable(text)))


def name(text: str) -> Html:
    """A name or an id that people copy. Its direction does not change that of its neighbours."""
    return element("code", element("bdi", text))


def listed(items: Iterable[str]) -> Html:
    """A list."""
    return element("ul", *(element("li", one) for one in items))


def slug(*words: str) -> str:
    """A fragment that needs no escape.

    >>> slug("association", "1111", "Web/Fleet <b>")
    'association-1111-web-fleet-b'
    """
    return "-".join(re.sub(r"[^a-z0-9]+", "-", word.lower()).strip("-") for word in words)


def _attribute(name: str, value: str | bool) -> str:
    key = name.rstrip("_").replace("_", "-")
    return f" {key}" if value is True else f' {key}="{escaped(str(value))}"'
