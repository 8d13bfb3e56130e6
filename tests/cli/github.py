"""How GitHub shows a comment: its own Markdown renderer, and what it links afterwards in the text that is not code.

The renderer is cmark-gfm, which links addresses by itself. The second step is not public; what it links is documented:
https://docs.github.com/en/get-started/writing-on-github/working-with-advanced-formatting/autolinked-references-and-urls
"""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import cmarkgfm
from cmarkgfm.cmark import Options

_REFERENCES = re.compile(
    r"""@[A-Za-z0-9]                      # people and teams
    | \#[0-9] | \bGH-[0-9]                # issues and pull requests, also those of others
    | \b[0-9a-f]{7,40}\b                  # commits
    | \b[A-Z]{2,}-[0-9]+                  # what a repository may link as it likes
    | https?:// | ftp:// | \bwww\.        # addresses
    | :(?:[a-z_+-][a-z0-9_+-]*|100):         # emoji
    | \$[^$]+\$                           # formulas
    """,
    re.VERBOSE,
)
_NOTHING_IN_HERE = {"code", "pre", "a"}
OF_A_COMMENT = {
    *("h2", "h3", "p", "strong", "ul", "li", "code", "pre", "blockquote", "details", "summary"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
"""Elements that a comment may have."""


@dataclass
class Shown(HTMLParser):
    """What a reader sees of a comment."""

    markdown: str
    elements: set[str] = field(default_factory=set)
    attributes: list[str] = field(default_factory=list)
    cells: list[list[str]] = field(default_factory=list)
    text: str = ""
    """All of it."""
    outside_code: str = ""
    """The text that GitHub searches for references, with a blank in place of code and links."""

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[str] = []
        self.html = cmarkgfm.github_flavored_markdown_to_html(self.markdown, options=Options.CMARK_OPT_UNSAFE)
        self.feed(self.html)
        self.close()

    @property
    def references(self) -> list[str]:
        """What GitHub may make a link, a mention or a picture of."""
        return [found[0] for found in _REFERENCES.finditer(self.outside_code)]

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes += [f"{tag} {name}={value}" for name, value in attributes]
        self._open.append(tag)
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        self.outside_code += " " if _NOTHING_IN_HERE.intersection(self._open) else data
        if {"td", "th"}.intersection(self._open):
            self.cells[-1][-1] += data
