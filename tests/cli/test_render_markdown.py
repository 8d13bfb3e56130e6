"""The comment on a pull request."""

from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console

from cdk_instance_role.cli.model import PlanReport, Report, Verb
from cdk_instance_role.cli.render import Format, render
from cdk_instance_role.cli.render.blocks import row
from cdk_instance_role.cli.render.escape import code, sentence
from tests.cli import reports
from tests.cli.golden_files import REPORTS, reviewed

GITHUB_TAKES = 65_536


def shown(report: Report, *, full: bool = False) -> str:
    file = StringIO()
    render(report, Format.MARKDOWN, Console(file=file, width=20), full=full)
    return file.getvalue()


def html_of(markdown: str) -> str:
    return str(MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown))


def cells_of(*cells: str) -> list[str]:
    """What a reader sees in the cells of one row."""
    tokens = (
        MarkdownIt().enable("table").parse("\n".join([row("abc"[: len(cells)]), row(["---"] * len(cells)), row(cells)]))
    )
    (*_, last) = (number for number, token in enumerate(tokens) if token.type == "tr_open")
    inline = [token for token in tokens[last:] if token.type == "inline"]
    return ["".join(child.content for child in token.children or ()) for token in inline]


@pytest.mark.parametrize("name", REPORTS)
def test_the_comment_is_the_reviewed_one(name: str) -> None:
    found = shown(REPORTS[name])
    assert found == reviewed(f"{name}.md", found)


def test_a_workflow_finds_its_comment_again() -> None:
    assert shown(reports.kept()).startswith("<!-- instance-role plan -->\n")
    assert shown(reports.in_order()).startswith("<!-- instance-role status -->\n")


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("associations", [1, 3, 40])
def test_github_takes_the_comment_about_ten_thousand_instances(associations: int, full: bool) -> None:
    text = shown(reports.huge(10_000 // associations, associations), full=full)
    assert len(text.encode()) < GITHUB_TAKES
    assert f"{associations} replace, {10_000 // associations * associations - 2 * associations} keep" in text
    assert "show all" in text


def test_full_fills_the_comment() -> None:
    assert len(shown(reports.huge(), full=True)) > 2 * len(shown(reports.huge())) > 10_000


def test_github_takes_the_comment_about_a_thousand_associations() -> None:
    text = shown(reports.huge(4, 1000))
    assert len(text.encode()) < GITHUB_TAKES
    assert "more associations**: they are too many for a comment." in text
    assert "1000 associations: 1000 replace, 2000 keep, 1000 conflict" in text


def test_github_takes_the_comment_about_endless_texts() -> None:
    endless = "@" * 5_000
    instance = reports.view(1, Verb.CONFLICT, endless, name=endless, warnings=(endless,))
    plan = reports.plan_of(instance, problems=(endless,) * 50, unseen=(endless,) * 50)
    assert len(shown(PlanReport((plan,) * 3)).encode()) < GITHUB_TAKES


def test_github_takes_the_status_of_ten_thousand_instances() -> None:
    text = shown(reports.huge_status())
    assert len(text.encode()) < GITHUB_TAKES
    assert "10000 instances, 1 drifted" in text
    assert reports.instance_id(10_000) in text


def test_a_short_table_is_open_and_a_long_one_folded() -> None:
    assert "<details>" not in shown(reports.kept())
    assert "<summary>100 of 10000 instances</summary>" in shown(reports.huge())


def test_nobody_can_write_html_or_call_people_with_a_tag() -> None:
    html = html_of(shown(reports.nasty()))
    assert "<img" not in html
    assert "<em>" not in html
    assert 'href="' not in html
    for text in html.split("@everyone")[:-1]:
        assert text.rpartition("<code>")[2].count("</code>") == 0, "outside of code GitHub notifies people"


def test_every_row_has_the_cells_of_its_heading() -> None:
    html = html_of(shown(reports.nasty()))
    assert html.count("<td>") == 2 * html.count("<th>") == 12


@given(st.text(), st.text())
def test_any_text_stays_in_its_cell(one: str, other: str) -> None:
    assert len(cells_of(code(one), sentence(other), "end")) == 3
    assert cells_of(code(one), sentence(other), "end")[2] == "end"


@pytest.mark.parametrize("text", ["a|b", "a\\|b", "a`b", "`", "a``b`", "*a*", "<b>", "&lt;", "a_b_c", "\\", "[a](b)"])
def test_a_text_shows_as_it_is(text: str) -> None:
    assert cells_of(code(text).removeprefix("<code>").removesuffix("</code>"), sentence(text)) == [text, text]


def test_no_associations_are_one_line() -> None:
    assert shown(reports.empty()).splitlines()[-1] == "There are no associations."
