"""10,000 instances: everything still answers at once. The bounds are generous, because a busy machine is no defect."""

import time

import pytest

from cdk_instance_role.cli.render import page
from cdk_instance_role.cli.status_model import Report
from tests.browser.conftest import Show, Shown
from tests.cli import reports

MAX_SECONDS = 10.0
MAX_BYTES = 10_000_000
LAST, LAST_BUT_ONE = reports.instance_id(10_000), reports.instance_id(9_999)

WHEN_DRAWN = "() => new Promise(done => requestAnimationFrame(() => setTimeout(() => done(performance.now()))))"


def drawn(shown: Shown) -> float:
    """Wait until the browser has drawn what it shows. Returns the seconds since it began to load the page."""
    return float(shown.page.evaluate(WHEN_DRAWN)) / 1000


@pytest.mark.parametrize("report", [reports.huge(), reports.huge_status()], ids=["plan", "status"])
def test_it_is_usable_soon_and_shows_the_most_important_results_first(show: Show, report: Report) -> None:
    shown = show(report)

    assert drawn(shown) < MAX_SECONDS
    assert shown.result == "10,000 instances."
    assert shown.column("Instance")[0] == LAST
    assert shown.rows.count() == 200


def test_filtering_and_sorting_are_fast(show: Show) -> None:
    shown = show(reports.huge())
    begun = time.monotonic()

    shown.page.get_by_label("Text").fill("web-99")
    assert shown.result == "111 of 10,000 instances: text “web-99”."
    shown.page.get_by_label("Text").fill("")
    shown.page.get_by_label("replace").check()
    assert shown.column("Instance") == [LAST_BUT_ONE]
    shown.page.get_by_label("replace").uncheck()
    shown.heading("Name").click()
    assert shown.column("Name")[:2] == ["web-1", "web-2"]
    shown.heading("Name").click()
    assert shown.column("Name")[:2] == ["web-10000", "web-9999"]

    assert time.monotonic() - begun < MAX_SECONDS


def test_a_link_to_the_last_instance_shows_it(show: Show) -> None:
    shown = show(reports.huge(), f"#instances&sort=id&open={LAST}")

    assert shown.rows.count() == 10_000
    assert "it is the last" in shown.page.locator("tr.details").inner_text()


def test_all_ten_thousand_can_be_printed(show: Show) -> None:
    shown = show(reports.huge())

    shown.page.evaluate("dispatchEvent(new Event('beforeprint'))")

    assert shown.rows.count() == 10_000


def test_the_file_is_small_enough_for_mail() -> None:
    assert len(page.text(reports.huge()).encode()) < MAX_BYTES
    assert len(page.text(reports.huge_status()).encode()) < MAX_BYTES
