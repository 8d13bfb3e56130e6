"""Which browser the tests of pages and the pictures use."""

import tarfile
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


def test_a_python_without_filters_of_archives_unpacks_it_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Python 3.11.3 and older have no filters."""
    (tmp_path / "libnss3.so").write_text("library")
    with tarfile.open(tmp_path / "archive.tar", "w") as archive:
        archive.add(tmp_path / "libnss3.so", "lib/libnss3.so")
    extract_all = tarfile.TarFile.extractall
    monkeypatch.setattr(tarfile.TarFile, "extractall", lambda self, path: extract_all(self, path))
    monkeypatch.delattr(tarfile, "data_filter")

    browser._extract(tmp_path / "archive.tar", tmp_path / "unpacked")

    assert (tmp_path / "unpacked" / "lib" / "libnss3.so").read_text() == "library"
