"""Renders the pictures of the documentation: the plan in a terminal, and the comment and the page in a browser. Run it
with ``make pictures``."""

import io
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from . import page_pictures
from .browser import NoBrowserError, opened
from .demo import DemoError, ending_cleanly, started
from .ministack import ROOT, LocalAws
from .pull_request import open_pull_request
from .show import Screen

if TYPE_CHECKING:
    from markdown_it.rules_core import StateCore
    from markdown_it.token import Token
    from playwright.sync_api import Browser

FOLDER = ROOT / "docs" / "pictures"
STYLE = Path(__file__).with_name("comment.css")
COLUMNS = 112
WIDTH, MARGIN, SCALE = 1240, 16, 1.25

_FONTS = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
"""The font that rich would load from a server; any monospaced font is good enough."""
_ALERT = re.compile(r"\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]\n?")
_PAGE = """<!DOCTYPE html>
<html>
<head><meta charset="utf-8"><style>{style}</style></head>
<body>
<article>
<header><b>github-actions</b> <i>bot</i> commented on the pull request</header>
<main>{body}</main>
</article>
</body>
</html>
"""


def main() -> int:
    """Render the pictures. Returns the exit status."""
    screen = Screen()
    return ending_cleanly(screen, lambda folder: run(screen, folder))


def run(screen: Screen, folder: Path) -> None:
    """Render the pictures.

    Args:
        screen: where to say what is going on.
        folder: an empty folder.

    Raises:
        DemoError: there is no browser, or a command fails.
    """
    try:
        with opened() as browser:
            _run(screen, folder, browser)
    except NoBrowserError as error:
        raise DemoError([str(error)]) from None


def _run(screen: Screen, folder: Path, browser: "Browser") -> None:
    aws = LocalAws(folder)
    with started(screen, aws):
        pull_request = open_pull_request(screen, aws)
        with screen.working("cdk diff, and instance-role plan"):
            table, comment = pull_request.table(COLUMNS), pull_request.comment()
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "plan.svg").write_text(terminal(table), encoding="utf-8")
    with screen.working("Rendering the comment and the page in the browser"):
        screenshot(browser, page(comment), FOLDER / "pr-comment.png")
        page_pictures.render(browser)
    screen.say("The local AWS is stopped. The pictures are in this folder:")
    screen.raw(str(FOLDER))


def terminal(output: str) -> str:
    """A terminal in which the plan was made, as SVG that loads nothing."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.assemble(("$ ", "green"), ("instance-role plan", "bold")), end="\n\n")
    console.print(Text.from_ansi(output.rstrip()))
    svg = _FONTS.sub("", console.export_svg(title="instance-role", theme=MONOKAI, unique_id="plan"))
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def page(comment: str) -> str:
    """A page that shows the comment as GitHub does."""
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
    markdown.core.ruler.push("alerts", _alerts)
    return _PAGE.format(style=STYLE.read_text(encoding="utf-8"), body=markdown.render(comment))


def _alerts(state: "StateCore") -> None:
    """Make an alert of a quote that begins with its kind."""
    tokens = state.tokens
    for quote, inline in zip(tokens, tokens[2:], strict=False):
        if quote.type != "blockquote_open" or inline.type != "inline":
            continue
        found = _ALERT.match(inline.content)
        if found:
            quote.attrSet("class", found[1].lower())
            quote.attrSet("data-kind", found[1].title())
            _without_first_line(inline)


def _without_first_line(inline: "Token") -> None:
    children = inline.children or []
    end = next((at for at, child in enumerate(children) if child.type == "softbreak"), len(children) - 1)
    inline.children = children[end + 1 :]


def screenshot(browser: "Browser", content: str, picture: Path) -> None:
    """Show a page in a browser, and make a picture of all of it.

    Args:
        browser: the browser.
        content: the page.
        picture: file for the picture.
    """
    shown = browser.new_page(viewport={"width": WIDTH, "height": 1000}, device_scale_factor=SCALE)
    shown.set_content(content)
    bottom = shown.evaluate('Math.ceil(document.querySelector("article").getBoundingClientRect().bottom)')
    shown.screenshot(path=picture, full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": bottom + MARGIN})
    shown.close()


if __name__ == "__main__":
    sys.exit(main())
