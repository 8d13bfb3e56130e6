"""Headings, lists and tables on a console, cut unless everything is to be shown."""

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..text import one_line, printable
from . import words

ROWS = 20
"""Rows of a table that are shown unless everything is."""
LINES = 10
"""Items of a list that are shown unless everything is."""

ALL = "--full shows all"
_INDENT = 2
_WHOLE = ("Action", "State")
"""Columns that are never wrapped."""
_ID_WIDTH = 19
"""People search and copy ids, which so are never broken; the names below them may be."""


class Screen:
    """Where the report is printed to. What it is given is text, never markup."""

    def __init__(self, console: Console, *, full: bool) -> None:
        self._console = console
        self._full = full

    @property
    def ids(self) -> int | None:
        """How many ids a sentence may name; None for all."""
        return None if self._full else words.SHOWN_IDS

    def blank(self) -> None:
        """An empty line."""
        self._console.print()

    def line(self, text: str, style: str = "", *, indent: int = 0) -> None:
        """A line, or several if it is long."""
        self._print(_text(text, style), indent)

    def heading(self, name: str, rest: str) -> None:
        """Begin an association."""
        self._print(_text(one_line(name), "bold").append_text(_text(f" {one_line(rest)}")), 0)

    def facts(self, facts: Iterable[tuple[str, str]]) -> None:
        """Names and values, one in a line."""
        self._print(_grid(2, facts), _INDENT)

    def items(self, heading: str, items: Sequence[str], style: str = "", *, indent: int = _INDENT) -> None:
        """A list under its heading; nothing if there are no items."""
        if not items:
            return
        shown = words.first(items, None if self._full else LINES)
        more = len(items) - len(shown)
        lines = [*shown, f"and {more} more; {ALL}"] if more else shown
        self.line(heading, f"bold {style}".strip(), indent=indent)
        self._print(_grid(1, (("-", line) for line in lines), style), indent)

    def table(
        self,
        headings: Sequence[str],
        rows: Sequence[tuple[Sequence[str], str]],
        totals: str,
        *,
        all_rows: bool = False,
    ) -> None:
        """A table; nothing if there are no rows.

        Args:
            headings: of its columns.
            rows: cells and style of each.
            totals: what there is altogether, said if not every row is shown.
            all_rows: show every row in any case.
        """
        if not rows:
            return
        shown = words.first(rows, None if self._full or all_rows else ROWS)
        table = _empty_table(headings)
        for cells, style in shown:
            table.add_row(*map(_text, cells), style=style)
        self.blank()
        self._print(table, _INDENT)
        if len(shown) < len(rows):
            self.line(f"{len(shown)} of {len(rows)} instances: {totals}; {ALL}", "bold", indent=_INDENT)

    def _print(self, what: RenderableType, indent: int) -> None:
        self._console.print(Padding(what, (0, 0, 0, indent), expand=False))


def _text(text: str, style: str = "") -> Text:
    """Text of any origin. Of what controls a terminal, only line breaks get through."""
    return Text("\n".join(map(printable, text.split("\n"))), style=style, overflow="fold")


def _grid(gap: int, rows: Iterable[tuple[str, str]], style: str = "") -> Table:
    grid = Table.grid(padding=(0, gap, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in rows:
        grid.add_row(_text(label), _text(value, style))
    return grid


def _empty_table(headings: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for heading in headings:
        width = _ID_WIDTH if heading == "Instance" else None
        table.add_column(heading, no_wrap=heading in _WHOLE, overflow="fold", width=width)
    return table
