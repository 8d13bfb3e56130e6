"""A document as tables, for a terminal or a log."""

from collections.abc import Sequence

from rich.console import Console

from ..status_model import Report
from ..text import one_line
from . import words
from .document import document
from .elements import Column, Comparison, Row, Section, Table, Tone
from .screen import ALL, Screen

_STYLES = {
    Tone.DANGER: "red",
    Tone.WARNING: "yellow",
    Tone.GOOD: "green",
    Tone.MINOR: "dim",
    Tone.WAITING: "blue",
    Tone.RESTORED: "magenta",
    Tone.PLAIN: "",
}


def show(report: Report, console: Console, *, full: bool = False) -> None:
    """Print a report. No line is longer than the console is wide, and colours appear on a terminal only."""
    screen = Screen(console, full=full)
    shown = document(report, None if full else words.SHOWN_IDS)
    if shown.unseen.items:
        screen.items(shown.unseen.heading, shown.unseen.items, _STYLES[shown.unseen.tone], indent=0)
        screen.blank()
    if shown.environments:
        _show_environments(shown.environments, screen)
    for section in shown.sections if full else shown.important:
        _show_section(section, screen)
    if shown.left_out and not full:
        screen.line(f"{shown.left_out}; {ALL}")
    if shown.summary:
        screen.line(shown.summary)
    screen.line(shown.verdict, "bold" if shown.sections else "")


def _show_section(section: Section, screen: Screen) -> None:
    stack, account, region = section.place
    screen.heading(section.name, f"{section.event} (stack {stack}, account {account}, {region})".strip())
    facts = {
        "profile": one_line(section.profile.text) if section.profile else "",
        "instances": section.totals,
        "rollout": section.rollout,
        "enforcement": section.enforcement,
        "estimate": section.estimate,
    }
    screen.facts((label, fact) for label, fact in facts.items() if fact)
    for notice in section.notices:
        screen.items(notice.heading, notice.items, _STYLES[notice.tone])
    _show_table(section.table, screen)
    for comparison in section.comparisons:
        _show_comparison(comparison, screen)


def _show_environments(table: Table, screen: Screen) -> None:
    """All of them: this is the summary."""
    rows = [([cell.text for cell in row.cells], _style(row.tone)) for row in table.rows]
    screen.table([column.heading for column in table.columns], rows, "", all_rows=True)
    screen.blank()


def _show_table(table: Table, screen: Screen) -> None:
    """What belongs together stands in one cell, one below the other: side by side it would not fit into a terminal."""
    headings = list(dict.fromkeys(column.below or column.heading for column in table.columns if not column.is_optional))
    rows = [(_merged(row, table.columns, headings), _style(row.tone)) for row in table.rows]
    screen.table(headings, rows, table.totals)
    screen.blank()


def _merged(row: Row, columns: Sequence[Column], headings: Sequence[str]) -> list[str]:
    lines: dict[str, list[str]] = {heading: [] for heading in headings}
    width = max((len(column.heading) for column in columns if column.labelled), default=0)
    for column, cell in zip(columns, row.cells, strict=True):
        if cell.text and not column.is_optional:
            text = f"{column.heading.lower():<{width}} {one_line(cell.text)}" if column.labelled else cell.text
            lines[column.below or column.heading].append(text)
    return ["\n".join(one) or "-" for one in lines.values()]


def _style(tone: Tone) -> str:
    return f"bold {_STYLES[tone]}" if tone is Tone.DANGER else _STYLES[tone]


def _show_comparison(comparison: Comparison, screen: Screen) -> None:
    screen.line(f"{comparison.heading}:", "bold", indent=2)
    for heading, items in comparison.lists:
        screen.items(f"{heading}:", items, _list_style(heading), indent=4)
    screen.blank()


def _list_style(heading: str) -> str:
    return "red" if heading.endswith("lost") else "green" if heading.endswith("gained") else "yellow"
