"""Which browser the tests of pages and the pictures use."""

from pathlib import Path

import pytest

from localaws import browser
from localaws.browser import NoBrowserError, find


@pytest.fixture(autouse=True)
def nothing_is_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(browser, "PACKAGE", tmp_path / "no-package")


def install(folder: Path, name: str) -> str:
    program = folder / name
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return str(program)


def test_the_variable_has_precedence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(tmp_path, "chromium")
    monkeypatch.setenv("CHROMIUM", "/opt/chromium")

    assert find().path == "/opt/chromium"


def test_the_path_has_precedence_over_the_package_of_npm(tmp_path: Path) -> None:
    chrome = install(tmp_path, "google-chrome")
    assert find().path == chrome

    chromium = install(tmp_path, "chromium")
    assert find().path == chromium


def test_fails_with_one_sentence_when_there_is_no_browser() -> None:
    with pytest.raises(NoBrowserError, match=r"^no browser was found: run `make setup` .* or set CHROMIUM to the path"):
        find()


def test_the_package_of_npm_contains_a_browser_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    package = Path(__file__).parents[2] / "node_modules" / "@sparticuz" / "chromium"
    monkeypatch.setattr(browser, "PACKAGE", package)

    found = find()

    assert Path(found.path).stat().st_size > 100_000_000
    assert Path(found.environment["LD_LIBRARY_PATH"], "libnss3.so").is_file()
