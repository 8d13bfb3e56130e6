"""Results are kept, section by section, and shown."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from benchmarks import __main__ as command
from benchmarks import handler, planning
from benchmarks.model import Line, Plot, Samples, Section, Table, Verdict
from benchmarks.results import Results, commit

PLOT = Plot(
    name="a-plot",
    title="A plot",
    x="instances",
    y="seconds",
    lines=[Line("ours", [(10, Samples((1.0, 2.0, 4.0))), (100, Samples((3.0,)))]), Line("theirs (fails)", [])],
    limit=("limit", 30.0),
)


def section(title: str, plots: Sequence[Plot] = (), *, kept: bool = True) -> Section:
    return Section(
        title=title,
        text=f"How {title} was measured.",
        tables=[Table("A table", ("tool", "a | b"), [("ours", "1.00")], ["A note."])],
        plots=plots,
        verdicts=[Verdict(f"{title} is fast", "2.00", kept, "" if kept else "it waits")],
        raw={"samples": [1.0]},
        versions={"peer": "1.2"},
    )


@pytest.fixture(autouse=True)
def _two_sections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "run", lambda _runs, _quick: section("Planning", [PLOT]))
    monkeypatch.setattr(handler, "run", lambda _runs, _quick: section("Handler", kept=False))


def bench(folder: Path, *arguments: str) -> Result:
    result = CliRunner().invoke(command.main, [*arguments, "--into", str(folder)], catch_exceptions=False)
    assert not result.exit_code, result.output
    return result


def test_a_section_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    written = section("Planning", [PLOT])
    Results(tmp_path / "results.json").put("planning", written)
    read = Results(tmp_path / "results.json").found["planning"].section
    assert json.dumps(asdict(read)) == json.dumps(asdict(written))


def test_measuring_one_section_keeps_the_others(tmp_path: Path) -> None:
    bench(tmp_path, "handler")
    bench(tmp_path, "planning")
    report = (tmp_path / "README.md").read_text()
    assert report.index("## Handler") < report.index("## Planning"), "in the order of the report, not of the runs"


def test_the_report_says_which_promises_are_kept_or_missed_and_why(tmp_path: Path) -> None:
    bench(tmp_path, "handler", "planning")
    report = (tmp_path / "README.md").read_text()
    assert "| kept | Planning is fast | 2.00 |" in report
    assert "| **missed** | Handler is fast | 2.00 |" in report
    assert "**Handler is fast**: it waits" in report
    assert "peer 1.2" in report
    assert "| tool | a \\| b |" in report


def test_plots_are_reproducible_and_removed_when_the_report_no_longer_shows_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench(tmp_path, "planning")
    drawn = {path.name: path.read_bytes() for path in tmp_path.glob("a-plot.*")}
    assert drawn.keys() == {"a-plot.png", "a-plot.svg"}
    bench(tmp_path, "planning")
    assert drawn == {path.name: path.read_bytes() for path in tmp_path.glob("a-plot.*")}
    monkeypatch.setattr(planning, "run", lambda _runs, _quick: section("Planning"))
    bench(tmp_path, "planning")
    assert not list(tmp_path.glob("a-plot.*"))


def test_the_report_names_the_commit_and_says_whether_there_are_later_changes(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=Nobody", "-c", "user.email=nobody@example.com", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()

    git("init")
    git("commit", "--allow-empty", "--message", "The first one")
    head = git("rev-parse", "--short", "HEAD")
    report = tmp_path / "docs" / "benchmarks" / "README.md"
    report.parent.mkdir(parents=True)
    report.write_text("A report")
    assert commit(tmp_path) == head
    (tmp_path / "handler.py").write_text("")
    assert commit(tmp_path) == f"{head} and changes"


def test_without_a_repository_the_commit_is_unknown(tmp_path: Path) -> None:
    assert commit(tmp_path) == "unknown"


def test_fails_when_a_section_does_not_exist(tmp_path: Path) -> None:
    result = CliRunner().invoke(command.main, ["speed", "--into", str(tmp_path)])
    assert result.exit_code == 2
    assert "speed" in result.output
