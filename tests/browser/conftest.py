"""Pages in Chromium. Nothing may reach the network, and every word in the console is a failure."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cdk_instance_role.cli.render import page as html
from cdk_instance_role.cli.status_model import Report
from localaws.browser import opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Locator, Page

MAX_MILLISECONDS = 10_000

FOLLOW = """fragment => new Promise((done) => {
  const before = location.hash;
  location.hash = fragment;
  location.hash === before ? done() : addEventListener("hashchange", () => done(), { once: true });
})"""
"""Goes to an address, and ends when the page has been notified."""

Edit = Callable[[dict[str, Any]], None]


@dataclass
class Shown:
    """A page in the browser, and what a reader does with it."""

    page: "Page"
    complaints: list[str] = field(default_factory=list)
    """What went to the console, and requests besides that of the page itself."""

    def watch(self, url: str) -> None:
        """Write down what the page at an address should not do."""
        self.page.on("console", lambda one: self.complaints.append(one.text))
        self.page.on("pageerror", lambda one: self.complaints.append(str(one)))
        self.page.on("dialog", self._dismiss)
        self.page.on("request", lambda one: self.complaints.extend({one.url.partition("#")[0]} - {url}))

    def _dismiss(self, dialog: "Dialog") -> None:
        self.complaints.append(dialog.message)
        dialog.dismiss()

    @property
    def rows(self) -> "Locator":
        """The rows of instances, without their details."""
        return self.page.locator("#rows > tr:not(.details)")

    @property
    def result(self) -> str:
        return self.page.locator("#result").inner_text()

    @property
    def address(self) -> str:
        """What is behind the hash; the page puts it there a moment after a change."""
        self._wait(300)
        return str(self.page.evaluate("location.hash"))

    def column(self, heading: str) -> list[str]:
        """The texts of a column, from the top."""
        headings = [one.rstrip(" ↑↓") for one in self.page.locator("#headings > th").all_inner_texts()]
        texts = (
            "[...document.querySelectorAll('#rows > tr:not(.details)')].map(r => [...r.cells].map(c => c.innerText))"
        )
        return [row[headings.index(heading)] for row in self.page.evaluate(texts)]

    def heading(self, name: str) -> "Locator":
        """The button in a heading of a column."""
        return self.page.locator("#headings").get_by_role("button", name=name)

    def follow(self, fragment: str) -> None:
        """Go to an address of the page."""
        self.page.evaluate(FOLLOW, fragment)
        self.settle()

    def settle(self) -> None:
        """Wait until the page has followed an address, and has drawn what it shows."""
        self._wait(60)

    def _wait(self, milliseconds: int) -> None:
        """Wait by the clock of the page, which is late on a busy machine: the page's own timers expire in order."""
        self.page.evaluate("milliseconds => new Promise((done) => setTimeout(done, milliseconds))", milliseconds)


Show = Callable[..., Shown]


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    with opened() as started:
        yield started


@pytest.fixture
def show(browser: "Browser", tmp_path: Path) -> Iterator[Show]:
    """Opens a report as a page; fails afterwards if the browser had something to complain about."""
    all_shown: list[Shown] = []

    def open_page(report: Report, fragment: str = "", *, edit: Edit | None = None, **options: Any) -> Shown:
        file = tmp_path / "page.html"
        file.write_text(edited(html.text(report), edit) if edit else html.text(report), encoding="utf-8")
        shown = Shown(browser.new_page(viewport={"width": 1280, "height": 900}, **options))
        shown.page.set_default_timeout(MAX_MILLISECONDS)
        shown.watch(file.as_uri())
        all_shown.append(shown)
        shown.page.goto(file.as_uri() + fragment)
        if options.get("java_script_enabled", True):
            shown.page.wait_for_selector("html[data-ready]", state="attached")
        return shown

    yield open_page
    for shown in all_shown:
        shown.page.close()
    assert [one for shown in all_shown for one in shown.complaints] == []


def edited(text: str, edit: Edit) -> str:
    """The page with another report in it."""
    start = text.index(">", text.index('id="report"')) + 1
    end = text.index("</script>", start)
    report = json.loads(text[start:end])
    edit(report)
    return text[:start] + json.dumps(report).replace("<", "\\u003c") + text[end:]
