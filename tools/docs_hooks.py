"""What MkDocs does besides, see `hooks` in mkdocs.yml."""

from typing import Any


def on_page_content(html: str, **_: Any) -> str:
    """Drop the two colons that mark an example in a docstring: in the page it stands in a box of its own."""
    return html.replace("<p>::</p>\n", "")
