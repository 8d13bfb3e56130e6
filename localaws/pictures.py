"""Renders the pictures in the README: the plan in a terminal, and the comment in a browser. Run it with
``make pictures``; a browser, ``chromium``, has to be on the path."""

import io
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from .demo import DemoError, ending_cleanly, started
from .ministack import ROOT, LocalAws
from .pull_request import open_pull_request
from .show import Screen

if TYPE_CHECKING:
    from markdown_it.rules_core import StateCore
    from markdown_it.token import Token

FOLDER = ROOT / "docs" / "pictures"
STYLE = Path(__file__).with_name("comment.css")
COLUMNS = 112
WIDTH, MARGIN, SCALE = 1240, 16, 1.25
MAX_SECONDS = 60.0

_QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
_FONTS = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
"""What rich would load from elsewhere; any font whose letters are all of one width will do."""
_ALERT = re.compile(r"\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]\n?")
_HEIGHT = re.compile(r'data-height="(\d+)"')
_PAGE = """<!DOCTYPE html>
<html>
<head><meta charset="utf-8"><style>{style}</style></head>
<body>
<article>
<header><b>github-actions</b> <i>bot</i> commented on the pull request</header>
<main>{body}</main>
</article>
<script>
document.documentElement.dataset.height = Math.ceil(document.querySelector("article").getBoundingClientRect().bottom)
</script>
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
    browser = shutil.which("chromium")
    if browser is None:
        raise DemoError(["the comment is rendered in a browser: install `chromium`, so that it is on the PATH"])
    aws = LocalAws(folder)
    with started(screen, aws):
        pull_request = open_pull_request(screen, aws)
        with screen.working("cdk diff, and instance-role plan"):
            table, comment = pull_request.table(COLUMNS), pull_request.comment()
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "plan.svg").write_text(terminal(table), encoding="utf-8")
    with screen.working("Rendering the comment in the browser"):
        screenshot(browser, folder, page(comment), FOLDER / "pr-comment.png")
    screen.say("The local AWS is stopped. The pictures, plan.svg and pr-comment.png, are in this folder:")
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


def screenshot(browser: str, folder: Path, content: str, picture: Path) -> None:
    """Show a page in a browser, and take a picture of all of it.

    Args:
        browser: path of the browser.
        folder: an existing folder for what it writes.
        content: the page.
        picture: file for the picture.

    Raises:
        DemoError: the browser fails.
    """
    file = folder / "page.html"
    file.write_text(content, encoding="utf-8")
    command = [browser, *_QUIET, f"--user-data-dir={folder / 'browser'}", f"--force-device-scale-factor={SCALE}"]
    dumped = _browse([*command, f"--window-size={WIDTH},1000", "--dump-dom", file.as_uri()])
    height = _HEIGHT.search(dumped)
    if height is None:
        raise DemoError(["the browser does not say how high the page is"], dumped)
    size = f"--window-size={WIDTH},{int(height[1]) + MARGIN}"
    _browse([*command, size, f"--screenshot={picture}", file.as_uri()])


def _browse(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=MAX_SECONDS, check=True)
    except subprocess.CalledProcessError as error:
        raise DemoError([f"the browser failed with exit status {error.returncode}"], error.stderr) from None
    except subprocess.TimeoutExpired:
        raise DemoError([f"the browser did not end within {MAX_SECONDS:.0f} s"]) from None
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
