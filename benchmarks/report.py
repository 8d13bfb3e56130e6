"""The report: Markdown with the verdicts first, then every section with its pictures and tables."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from benchmarks import pictures
from benchmarks.model import Plot, Section, Table, Verdict
from benchmarks.results import Found

INTRODUCTION = """\
# Benchmarks

Written by `make bench`; `make bench ONLY=planning` measures one section anew and keeps the others, so each of them says
in the end what commit was measured, and on what. Where something has a peer, or a least time that EC2 allows, it is
held against that, in the same run. The other limits are numbers that we have set ourselves: seconds for a plan,
megabytes for the handler, resources in a template. A figure is the median of the runs, with the lowest and the highest
in brackets. The raw results, run by run, are an artifact of the scheduled workflow."""


def write(folder: Path, sections: Sequence[tuple[str, Found]]) -> None:
    """Write README.md and its pictures.

    Args:
        folder: an existing folder.
        sections: what was found, by name, in the order of the report.
    """
    wanted = {plot.name for _, found in sections for plot in found.section.plots}
    for old in (*folder.glob("*.png"), *folder.glob("*.svg")):
        if old.stem not in wanted:
            old.unlink()
    for _, found in sections:
        for plot in found.section.plots:
            pictures.draw(plot, folder)
    (folder / "README.md").write_text(markdown(sections))


def markdown(sections: Sequence[tuple[str, Found]]) -> str:
    """The report as text."""
    parts = [INTRODUCTION, *_promises(sections)]
    for _, found in sections:
        parts += [f"## {found.section.title}", found.section.text, *_body(found)]
    return "\n\n".join(parts) + "\n"


def _promises(sections: Sequence[tuple[str, Found]]) -> Iterator[str]:
    verdicts = [(name, verdict) for name, found in sections for verdict in found.section.verdicts]
    if verdicts:
        yield "## What is promised, and what is kept"
        yield _grid(("", "promise", "measured"), [_promise(verdict) for _, verdict in verdicts])
        yield from _causes(verdict for _, verdict in verdicts)


def _promise(verdict: Verdict) -> Sequence[str]:
    return "kept" if verdict.kept else "**missed**", verdict.promise, verdict.measured


def _causes(verdicts: Iterable[Verdict]) -> Iterator[str]:
    missed = [f"- **{one.promise}**: {one.cause}" for one in verdicts if not one.kept and one.cause]
    if missed:
        yield "What is missed, and why:\n\n" + "\n".join(missed)


def _body(found: Found) -> Iterator[str]:
    section = found.section
    yield from map(_picture, section.plots)
    for table in section.tables:
        yield from _table(table)
    yield f"Measured on: {_measured_on(found, section)}."


def _measured_on(found: Found, section: Section) -> str:
    return ", ".join(f"{name} {value}" for name, value in {**found.machine, **section.versions}.items())


def _picture(plot: Plot) -> str:
    return f"![{plot.title}]({plot.name}.png)\n\n[as SVG]({plot.name}.svg)"


def _table(table: Table) -> Iterator[str]:
    yield f"### {table.title}"
    yield _grid(table.header, table.rows)
    if table.notes:
        yield "\n".join(f"- {note}" for note in table.notes)


def _grid(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(map(_row, (header, ["---"] * len(header), *rows)))


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
