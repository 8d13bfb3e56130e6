"""A document as Markdown, for a comment on a pull request."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from ..model import counted
from ..status_model import Report
from . import words
from .blocks import ALL, alert, bullets, folded, row, table
from .document import RESULT, document
from .elements import Cell, Comparison, Document, Notice, Section, Table, Tone
from .escape import code, sentence

LIMIT = 65_000
"""Bytes. GitHub takes 65,536 characters of a comment; a workflow may want to add a line."""

_MARKERS = {"plan": "<!-- instance-role plan -->", "status": "<!-- instance-role status -->"}
"""By these a workflow finds its comment again, to update it."""

_LIMITS = (100, 50, 20, 10, 5, 1)
"""Rows and items per association: as many as fit."""

_ENVIRONMENTS = 50
"""Accounts and Regions that have a row of their own."""

_UNSEEN = 10
"""Things that could not be looked at and that belong to no association, of which each is shown."""


def text(report: Report, *, full: bool = False) -> str:
    """The report as a comment that GitHub takes.

    Args:
        report: what was found.
        full: show as many instances as the comment can hold, not only the first of every association.
    """
    shown = document(report)
    head = _head(shown)
    limits: tuple[int | None, ...] = (None, 1000, 400, 200, *_LIMITS) if full else _LIMITS
    for limit in limits:
        parts = _fitting(chain(head, _sections(shown, limit)), LIMIT + len("\n\n") - len("\n"))
        if len(parts) == len(head) + len(shown.important):
            return _joined(parts)
    return _cut(head, shown)


def _fitting(parts: Iterable[str], room: int) -> list[str]:
    """The first parts, as many as there is room for. The others are not rendered.

    Args:
        parts: what is joined.
        room: bytes, with an empty line for each part.
    """
    kept: list[str] = []
    for part in parts:
        room -= len(part.encode()) + len("\n\n")
        if room < 0:
            break
        kept.append(part)
    return kept


def _joined(parts: Iterable[str]) -> str:
    return "\n\n".join(parts) + "\n"


def _sections(shown: Document, limit: int | None) -> Iterator[str]:
    return ("\n\n".join(_section(section, limit)) for section in shown.important)


def _cut(head: Sequence[str], shown: Document) -> str:
    """As many associations as fit, each as short as can be."""
    total = len(shown.important)
    empty = _joined([*head, _more(total)])
    kept = _fitting(_sections(shown, _LIMITS[-1]), LIMIT - len(empty.encode()))
    return _joined([*head, *kept, _more(total - len(kept))])


def _more(associations: int) -> str:
    return f"**And {counted(associations, 'more association')}**: they are too many for a comment. {ALL}."


def _head(shown: Document) -> list[str]:
    head = [_MARKERS[shown.kind], f"## Instance role {shown.kind}"]
    verdict = f"**{shown.verdict}** {shown.summary}." if shown.sections else shown.verdict
    environments = _environments(shown.environments) if shown.environments else ()
    return [*head, verdict, *environments, *_notice(shown.unseen, _UNSEEN)]


def _environments(environments: Table) -> Iterator[str]:
    """A table of those where there is something to do or to say, and how many there are besides."""
    noteworthy = environments.rows[: len(environments.rows) - environments.unchanged]
    rows = [row(map(_cell, one.cells)) for one in noteworthy[:_ENVIRONMENTS]]
    headings = [column.heading for column in environments.columns]
    if rows:
        yield "\n".join([row(headings), row(["---"] * len(headings)), *rows])
    if more := len(noteworthy) - len(rows):
        yield f"And {counted(more, 'more account and Region', 'more accounts and Regions')}; {ALL}."
    if environments.unchanged:
        result = environments.rows[-1].cells[RESULT].text
        yield f"{counted(environments.unchanged, 'account and Region', 'accounts and Regions')}: {result}."


def _section(section: Section, limit: int | None) -> Iterator[str]:
    yield f"### {sentence(section.name)} {section.event}".rstrip()
    yield f"{_place(section)}: {'; '.join(_facts(section))}."
    if section.rollout:
        yield f"Rollout in {sentence(section.rollout)}."
    if section.enforcement:
        yield f"Enforcement: {sentence(section.enforcement)}."
    for notice in section.notices:
        yield from _notice(notice, limit)
    rows = section.table.rows
    headings = [column.heading for column in section.table.columns]
    first = [row(map(_cell, one.cells)) for one in words.first(rows, limit)]
    yield from table(headings, first, section.table.totals, of=len(rows))
    shown = words.first(section.comparisons, limit)
    for comparison in shown:
        yield from _comparison(comparison, limit)
    more = len(section.comparisons) - len(shown)
    if more:
        yield f"And {counted(more, 'more change')} of permissions; {ALL}."


def _place(section: Section) -> str:
    stack, account, region = map(code, section.place)
    return f"Stack {stack}, account {account}, {region}"


def _facts(section: Section) -> Iterator[str]:
    if section.profile:
        yield f"profile {_cell(section.profile)}"
    yield section.totals
    if section.estimate:
        yield section.estimate


def _notice(notice: Notice, limit: int | None) -> Iterator[str]:
    is_danger = notice.tone is Tone.DANGER
    yield from alert("CAUTION" if is_danger else "WARNING", notice.heading, notice.items, limit)


def _comparison(comparison: Comparison, limit: int | None) -> Iterator[str]:
    lists = dict(comparison.lists)
    notes = lists.pop("note", ())
    yield f"**{sentence(comparison.heading)}**"
    if notes:
        yield bullets(notes, limit)
    if lists:
        counts = "; ".join(f"{heading}: {len(items)}" for heading, items in lists.items())
        yield folded(counts, "\n\n".join(f"{heading}:\n\n{bullets(lists[heading], limit)}" for heading in lists))


def _cell(cell: Cell) -> str:
    return code(cell.text) if cell.is_name else sentence(cell.text)
