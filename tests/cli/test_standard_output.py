"""Whatever standard output is, a report gets there as well as can be, or one sentence says why not."""

import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cdk_instance_role.cli.model import CliError, PlanReport
from cdk_instance_role.cli.output import Output
from cdk_instance_role.cli.render import Format
from tests.cli import reports

FULL = Path("/dev/full")
PROGRAM = """
import sys
from cdk_instance_role.cli import commands, run
from tests.cli import reports
commands.plan = lambda subject: reports.mixed()
run.main()
"""
COMMENT = [sys.executable, "-m", "cdk_instance_role.cli.comment"]
needs_a_full_disk = pytest.mark.skipif(not FULL.exists(), reason="there is no device that is always full")


def japanese() -> PlanReport:
    """A report on an instance whose tag Name no Western encoding can hold."""
    report = reports.mixed()
    first, *others = report.associations
    named = replace(first.instances[0], name="日本")
    return replace(report, associations=(replace(first, instances=(named, *first.instances[1:])), *others))


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def written(
    monkeypatch: pytest.MonkeyPatch, format_: Format, encoding: str, *, to: type[io.TextIOWrapper] = io.TextIOWrapper
) -> bytes:
    """What a file or a terminal gets if Python writes it in this encoding."""
    out = to(raw := io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", out)

    Output(format_, full=False, page=None).write(japanese())

    return raw.getvalue()


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_table_has_a_question_mark_for_a_character_that_the_encoding_lacks(
    monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    table = written(monkeypatch, Format.TABLE, encoding).decode(encoding)

    assert "??" in table
    assert japanese().associations[-1].association in table, "nothing is cut"


@pytest.mark.parametrize("format_", [Format.MARKDOWN, Format.HTML, Format.JSON])
def test_a_document_is_utf_8_as_a_page_is(monkeypatch: pytest.MonkeyPatch, format_: Format) -> None:
    document = written(monkeypatch, format_, "utf-8")

    assert written(monkeypatch, format_, "cp1252") == document
    assert written(monkeypatch, format_, "ascii") == document


def test_markdown_in_a_file_names_the_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "日本" in written(monkeypatch, Format.MARKDOWN, "cp1252").decode("utf-8")


def test_a_terminal_keeps_its_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "??" in written(monkeypatch, Format.MARKDOWN, "cp1252", to=Terminal).decode("cp1252")


@pytest.mark.parametrize("columns", ["0", "", "wide"])
def test_a_width_that_is_none_is_ignored(monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    table = written(monkeypatch, Format.TABLE, "utf-8")
    monkeypatch.setenv("COLUMNS", columns)

    assert written(monkeypatch, Format.TABLE, "utf-8") == table


def test_a_width_that_is_asked_for_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")

    assert 50 < max(map(len, written(monkeypatch, Format.TABLE, "utf-8").decode().splitlines())) <= 60


@needs_a_full_disk
@pytest.mark.parametrize("format_", Format)
def test_fails_when_the_disk_is_full(monkeypatch: pytest.MonkeyPatch, format_: Format) -> None:
    with FULL.open("w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        with pytest.raises(CliError, match="standard output can't be written: No space left on device"):
            Output(format_, full=False, page=None).write(reports.mixed())


@needs_a_full_disk
def test_a_page_is_written_although_standard_output_is_full(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    with FULL.open("w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        with pytest.raises(CliError):
            Output(Format.TABLE, full=False, page=page).write(reports.mixed())

    assert page.read_text(encoding="utf-8").rstrip().endswith("</html>")


def test_closed_output_is_refused_before_anything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)

    with pytest.raises(CliError, match="standard output is closed: redirect it to a file, or to /dev/null"):
        Output(Format.TABLE, full=False, page=None).check()


@pytest.mark.parametrize(
    ("redirect", "reason"),
    [
        pytest.param(
            ">/dev/full",
            "Error: standard output can't be written: No space left on device",
            marks=needs_a_full_disk,
        ),
        (">&-", "Error: standard output is closed: redirect it to a file, or to /dev/null"),
    ],
)
def test_the_command_ends_with_one_sentence(redirect: str, reason: str) -> None:
    ended = in_shell([sys.executable, "-c", PROGRAM, "plan"], redirect)

    assert (ended.returncode, ended.stderr) == (1, f"{reason}\n")


@needs_a_full_disk
def test_the_comment_ends_with_one_sentence(tmp_path: Path) -> None:
    (file := tmp_path / "file").write_text("text")

    ended = in_shell([*COMMENT, str(file), str(file)], ">/dev/full")

    assert ended.returncode == 1
    assert ended.stderr.endswith(": error: standard output can't be written: No space left on device\n")
    assert ended.stderr.count("\n") == 1


def test_the_comment_is_utf_8_in_a_file(tmp_path: Path) -> None:
    (plan := tmp_path / "plan.md").write_text("日本", encoding="utf-8")
    (diff := tmp_path / "cdk.diff").write_text("")

    comment = tmp_path / "comment.md"
    ended = in_shell([*COMMENT, str(plan), str(diff)], f">{comment}", "PYTHONIOENCODING=ascii")

    assert ended.returncode == 0, ended.stderr
    assert "日本" in comment.read_text(encoding="utf-8")


def test_a_reader_that_has_gone_gets_no_traceback() -> None:
    ended = in_shell([sys.executable, "-c", PROGRAM, "plan"], "| true")

    assert ended.stderr == ""


def test_the_comment_ends_without_a_traceback_if_its_reader_has_gone(tmp_path: Path) -> None:
    (file := tmp_path / "file").write_text("text")

    ended = in_shell([*COMMENT, str(file), str(file)], "| true")

    assert ended.stderr == ""


def in_shell(command: list[str], redirect: str, environment: str = "") -> subprocess.CompletedProcess[str]:
    text = f'{environment} "$@" {redirect}'
    return subprocess.run(["sh", "-c", text, "sh", *command], capture_output=True, text=True, check=False)
