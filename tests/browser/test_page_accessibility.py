"""axe-core finds nothing wrong with the page, in light and dark, and when everything is open."""

from pathlib import Path

import pytest

from cdk_instance_role.cli.status_model import Report
from tests.browser.conftest import Show
from tests.cli import reports

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
REPORTS = {
    "plan": reports.in_many_accounts(),
    "plan of one": reports.mixed(),
    "status": reports.enforced(),
    "drifted": reports.drifted(),
    "long": reports.huge(300),
    "empty": reports.empty(),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("report", REPORTS.values(), ids=list(REPORTS))
def test_axe_finds_nothing(show: Show, report: Report, scheme: str) -> None:
    shown = show(report, color_scheme=scheme)
    shown.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    for button in shown.page.get_by_role("button", name="Details of").all()[:3]:
        button.click()

    shown.page.evaluate(AXE.read_text(encoding="utf-8"))
    found = shown.page.evaluate("tags => axe.run({runOnly: tags})", RULES)

    assert [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in found["violations"]] == []
    assert len(found["passes"]) > 20


def test_the_number_of_results_is_announced(show: Show) -> None:
    assert show(reports.kept()).page.locator("#result").get_attribute("role") == "status"


def test_no_result_is_shown_by_colour_alone(show: Show) -> None:
    shown = show(reports.in_many_accounts())
    page = shown.page

    results = page.locator("#environments tbody tr td:nth-child(3)").all_inner_texts()
    assert [one.replace("\n", " ") for one in results] == [
        *("? not fully seen", "? not seen", "! changes", "✓ nothing to do", "✓ nothing to do"),
    ]
    assert all(shown.column("Action"))


def test_the_focus_is_visible(show: Show) -> None:
    page = show(reports.mixed()).page

    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_a_table_has_a_caption_and_headings_of_rows_and_columns(show: Show) -> None:
    page = show(reports.in_many_accounts()).page

    for table in page.locator("table").all():
        assert table.locator("caption").count() == 1
        assert table.locator("thead th:not([scope=col])").count() == 0
        assert table.locator("tbody tr").count() == table.locator("tbody th[scope=row]").count()
