"""Measures, and writes what it finds into a folder: tables, pictures, and every single measurement."""

import importlib
import io
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

import click

from benchmarks import report
from benchmarks.results import REPORTS, Results

ROOT = Path(__file__).resolve().parent.parent
PUBLISHED, QUICK = ROOT / REPORTS, ROOT / ".local" / "benchmarks"
RAW = ROOT / ".local" / "benchmarks-raw"
"""Raw results are not published with the report: the scheduled workflow keeps them as an artifact."""
SECTIONS = (
    "convergence",
    "throttling",
    "one_target",
    "handler",
    "synthesis",
    "planning",
    "many_accounts",
    "enforcement",
)
"""Modules of this package, in the order of the report. Each has ``run(runs, quick)``, which returns a section."""


@click.command()
@click.argument("sections", nargs=-1, type=click.Choice(SECTIONS))
@click.option("--runs", default=3, show_default=True, type=click.IntRange(min=1), help="How often to measure.")
@click.option("--quick", is_flag=True, help="Small sizes only, to see that it works. Not for publication.")
@click.option("--into", type=click.Path(path_type=Path), help="Folder for the report.  [default: docs/benchmarks]")
def main(sections: Sequence[str], runs: int, quick: bool, into: Path | None) -> None:
    """Run the benchmarks: all SECTIONS, or those that are named. What was found of the others before is kept."""
    folder = into or (QUICK if quick else PUBLISHED)
    folder.mkdir(parents=True, exist_ok=True)
    raw = RAW if folder == PUBLISHED else folder
    raw.mkdir(parents=True, exist_ok=True)
    results = Results(raw / "results.json")
    for name in sections or SECTIONS:
        began = time.monotonic()
        click.echo(f"{name}: ", nl=False)
        module = importlib.import_module(f"benchmarks.{name}")
        with redirect_stdout(io.StringIO()):  # the metrics of the handler
            section = module.run(runs, quick)
        results.put(name, section)
        click.echo(f"{time.monotonic() - began:.0f} s")
    report.write(folder, [(name, results.found[name]) for name in SECTIONS if name in results.found])
    click.echo(f"The report is in {folder / 'README.md'}")


if __name__ == "__main__":
    main()
