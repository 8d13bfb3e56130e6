"""Alerts, lists, tables and folded parts in the Markdown of GitHub. Each is empty if it has nothing to show."""

import html
from collections.abc import Iterable, Iterator, Sequence

from ..model import counted
from . import words
from .escape import sentence

OPEN_ROWS = 10
"""A longer table is folded."""
ALL = "`--format table --full` and `--format json` show all"


def alert(kind: str, heading: str, items: Sequence[str], limit: int | None) -> Iterator[str]:
    """A list that stands out.

    Args:
        kind: ``CAUTION`` or ``WARNING``.
        heading: what stands above the list, if the kind does not say it.
        items: text, not Markdown.
        limit: how many of the items are shown; None for all.
    """
    if items:
        lines = (f"[!{kind}]", *((heading, "") if heading else ()), *bullets(items, limit).splitlines())
        yield "\n".join(f"> {line}".rstrip() for line in lines)


def bullets(items: Sequence[str], limit: int | None) -> str:
    """A list of texts, and how many more there are."""
    shown = words.first(items, limit)
    more = len(items) - len(shown)
    return "\n".join([*(f"- {sentence(item)}" for item in shown), *([f"- and {more} more; {ALL}"] if more else [])])


def table(headings: Sequence[str], rows: Sequence[str], totals: str, *, of: int) -> Iterator[str]:
    """A table, folded if it is long, and what there is altogether if these are not all rows.

    Args:
        headings: of the columns.
        rows: the rows that are shown.
        totals: what all rows come to.
        of: how many rows there are.
    """
    if not rows:
        return
    whole = counted(of, "instance")
    part = f"{len(rows)} of {whole}" if len(rows) < of else whole
    lines = "\n".join([row(headings), row(["---"] * len(headings)), *rows])
    yield folded(part, lines) if len(rows) > OPEN_ROWS else lines
    if part != whole:
        yield f"{part}: {totals}; {ALL}."


def row(cells: Iterable[str]) -> str:
    """A row of a table. The cells are Markdown already."""
    return f"| {' | '.join(cells)} |"


def folded(summary: str, content: str) -> str:
    """What shows only when somebody wants to see it."""
    # Without the empty lines GitHub takes the content for HTML.
    return f"<details>\n<summary>{html.escape(summary)}</summary>\n\n{content}\n\n</details>"
