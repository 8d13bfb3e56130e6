"""The pictures of the documentation: what makes them, and those that are there."""

import html
import re
from pathlib import Path

import pytest

from localaws import browser
from localaws.demo import DemoError
from localaws.pictures import FOLDER, page, run, terminal
from localaws.show import Screen

ROOT = Path(__file__).parents[2]
LARGEST = 300_000  # bytes
PAGES = [ROOT / "README.md", *(ROOT / "docs").glob("**/*.md")]


def test_a_terminal_shows_the_output_and_loads_nothing() -> None:
    svg = terminal("\x1b[33mreplace\x1b[0m  i-00000000000000001\n")

    shown = html.unescape(" ".join(re.findall(r">([^<]+)</text>", svg))).split()
    assert {"$", "plan", "replace", "i-00000000000000001"} <= set(shown)
    assert "font-face" not in svg
    assert not re.search(r"url\((?!#)", svg)


def test_a_page_shows_tables_folds_and_alerts() -> None:
    shown = page(
        "> [!WARNING]\n> Take care:\n>\n> - of this\n\n| a |\n| --- |\n| b |\n\n<details>\n\nc\n\n</details>\n"
    )

    assert '<blockquote class="warning" data-kind="Warning">\n<p>Take care:</p>' in shown
    assert "[!WARNING]" not in shown
    assert "<td>b</td>" in shown
    assert "<details>\n<p>c</p>\n</details>" in shown
    assert "http" not in shown


def test_a_quote_stays_a_quote() -> None:
    assert "<blockquote>\n<p>Take care</p>" in page("> Take care\n")


def test_fails_with_one_sentence_when_there_is_no_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(browser, "PACKAGE", tmp_path / "none")

    with pytest.raises(DemoError, match=r"^no browser was found: run `make setup`"):
        run(Screen(), tmp_path)


def test_the_documentation_shows_every_picture_and_they_are_small() -> None:
    shown = {
        (page.parent / target).resolve()
        for page in PAGES
        for target in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    }

    assert {one for one in shown if one.parent == FOLDER} == set(FOLDER.iterdir())
    assert [one for one in shown if not one.is_file()] == []
    assert [path for path in FOLDER.iterdir() if path.stat().st_size > LARGEST] == []
