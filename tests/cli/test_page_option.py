"""``--page`` writes the page from the same data, and never changes the output."""

import errno
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cdk_instance_role.cli.main import cli
from tests.cli.cloud import Cloud
from tests.cli.servers import Servers, synthesized

COMMANDS = ("plan", "status")


def run(*arguments: str) -> Result:
    command, *others = arguments
    return CliRunner().invoke(cli, [command, "--app", str(synthesized(Servers()).folder), *others])


@pytest.mark.parametrize("command", COMMANDS)
def test_the_page_is_equal_to_the_html_format_and_the_output_stays_as_it_is(
    cloud: Cloud, tmp_path: Path, command: str
) -> None:
    cloud.deploy(synthesized(Servers()))
    file = tmp_path / "page.html"

    result = run(command, "--format", "markdown", "--page", str(file))

    assert file.read_text(encoding="utf-8") == run(command, "--format", "html").stdout
    assert (result.stdout, result.exit_code) == (run(command, "--format", "markdown").stdout, 0)


@pytest.mark.usefixtures("cloud")
def test_the_exit_status_is_that_of_the_plan(tmp_path: Path) -> None:
    assert run("plan", "--page", str(tmp_path / "page.html")).exit_code == 2


@pytest.mark.usefixtures("cloud")
def test_an_earlier_page_is_replaced(tmp_path: Path) -> None:
    (file := tmp_path / "page.html").write_text("old" * 1_000_000)

    run("plan", "--page", str(file))

    assert "old" * 2 not in file.read_text(encoding="utf-8")


def test_a_folder_that_does_not_exist_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    result = run("plan", "--page", str(tmp_path / "none" / "page.html"))

    assert (result.exit_code, result.stdout) == (1, "")
    folder = f"{tmp_path}/none"
    assert result.stderr == (
        f"Error: --page {folder}/page.html: there is no folder {folder}: create it, or name another file\n"
    )


def test_standard_output_is_refused_as_the_file() -> None:
    result = run("plan", "--page", "-")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: --page - is no file: name one, or use --format html for standard output\n"


@pytest.mark.usefixtures("cloud")
def test_a_plan_is_shown_even_if_there_is_no_room_for_its_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (file := tmp_path / "page.html").write_text("old")

    def fill_the_disk(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", fill_the_disk)
    result = run("plan", "--page", str(file))

    assert result.exit_code == 1
    assert "i-00000000000000001" in result.stdout
    assert f"Error: --page {file} can't be written: No space left on device: name another file" in result.stderr
    assert [one.read_text() for one in tmp_path.iterdir()] == ["old"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("/dev/full", "it is no ordinary file"),
        ("x" * 300, "File name too long"),
        (f"{'x' * 300}/page.html", "File name too long"),
        ("link", "No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_read(
    tmp_path: Path, name: str, reason: str
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "none" / "page.html")

    result = run("plan", "--page", str(tmp_path / name))

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: --page {tmp_path / name} can't be written: {reason}: name another file\n"


@pytest.mark.usefixtures("cloud")
def test_the_page_is_written_even_if_nobody_reads_the_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def close(*_: Any, **__: Any) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("cdk_instance_role.cli.output.render", close)
    run("plan", "--page", str(tmp_path / "page.html"))

    assert "i-00000000000000001" in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("cloud")
def test_a_page_keeps_its_file_mode_and_its_symbolic_link(tmp_path: Path) -> None:
    (file := tmp_path / "page.html").write_text("old")
    file.chmod(0o640)
    (link := tmp_path / "latest.html").symlink_to(file)

    run("plan", "--page", str(link))

    assert (link.is_symlink(), file.stat().st_mode & 0o777) == (True, 0o640)
    assert "i-00000000000000001" in file.read_text(encoding="utf-8")
