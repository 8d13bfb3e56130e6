"""The comment on a pull request."""

from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from cdk_instance_role.cli.model import PlanReport, Verb
from cdk_instance_role.cli.render import Format, render
from cdk_instance_role.cli.render.blocks import row
from cdk_instance_role.cli.render.escape import code, sentence
from cdk_instance_role.cli.status_model import Report
from cdk_instance_role.cli.text import one_line
from tests.cli import reports
from tests.cli.github import OF_A_COMMENT, Shown
from tests.cli.golden_files import REPORTS, reviewed

GITHUB_TAKES = 65_536


def shown(report: Report, *, full: bool = False) -> str:
    file = StringIO()
    render(report, Format.MARKDOWN, Console(file=file, width=20), full=full)
    return file.getvalue()


LINKS = (
    "http://example.org",
    "see https://example.org/a?b=c.",
    "HTTPS://EXAMPLE.ORG",
    "(www.example.org)",
    "ftp://example.org",
    "someone@example.org",
    "mailto:someone@example.org",
    "xmpp:someone@example.org/x",
    "<https://example.org>",
    "[click](https://example.org)",
    "![picture](https://example.org/x.png)",
    '<a href="//example.org">',
    "a|http://example.org|b",
    "`a` http://example.org",
    "`|http://example.org|`",
    "`http://example.org",
    "a`http://example.org``b",
    "@team",
    "@owner/team, (@someone)",
    "#1",
    "(#123).",
    "GH-1",
    "fixes GH-12",
    "owner/repo#1",
    "owner/repo@0123456789abcdef0123456789abcdef01234567",
    "owner@0123456",
    "0123456789abcdef0123456789abcdef01234567",
    "deadbeef",
    "defaced-x",
    "'effaced'",
    "1234567",
    "JIRA-12",
    ":tada:",
    "a :+1: b",
    "$x^2$",
    "a $ b $",
    "<img src=x onerror=y>",
    "<!-- x",
    "</details>",
    "&lt;b&gt; &#64;team &commat;team",
    "1. x",
    "- x",
    "# x",
    "> x",
    "[ ] x",
    "===",
    "***",
    "```",
    "~~~ x",
    "~~x~~",
    "\\@team",
    "\\|@team\\\\|@team",
    "x\n\n# heading\n| a |",
    "\u202e@team\u200b#1",
    "\uff20team",
)
"""Texts of which GitHub would make something else."""
FRAGMENTS = st.sampled_from([*"@#`|\\<>[]()!*_~$&:;.,'\"-+ 0a", "www.", "http://", "GH-", "abcdefa", "x", "x.yz"])
ANY = st.one_of(st.text(), st.lists(FRAGMENTS, max_size=12).map("".join))


def cells_of(*cells: str) -> list[str]:
    """What a reader sees in the cells of one row."""
    return Shown("\n".join([row("abc"[: len(cells)]), row(["---"] * len(cells)), row(cells)])).cells[1]


@pytest.mark.parametrize("name", REPORTS)
def test_the_comment_is_equal_to_the_reviewed_snapshot(name: str) -> None:
    found = shown(REPORTS[name])
    assert found == reviewed(f"{name}.md", found)


def test_a_workflow_finds_its_comment_again() -> None:
    assert shown(reports.kept()).startswith("<!-- instance-role plan -->\n")
    assert shown(reports.in_order()).startswith("<!-- instance-role status -->\n")


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("associations", [1, 3, 40])
def test_github_accepts_the_comment_about_ten_thousand_instances(associations: int, full: bool) -> None:
    text = shown(reports.huge(10_000 // associations, associations), full=full)
    assert len(text.encode()) < GITHUB_TAKES
    assert f"{associations} replace, {10_000 // associations * associations - 2 * associations} keep" in text
    assert "show all" in text


@pytest.mark.parametrize("full", [False, True])
def test_github_accepts_the_comment_about_two_hundred_accounts_and_regions(full: bool) -> None:
    text = shown(reports.in_two_hundred_environments(), full=full)
    assert len(text.encode()) < GITHUB_TAKES
    rows = [line for line in text.split("###")[0].splitlines() if line.startswith("| `")]
    assert [row.split(" | ")[2] for row in rows[:3]] == ["not seen", "would be refused", "changes"]
    assert rows[0].startswith("| `000000000100` | `us-east-1` |")
    assert len(rows) == 50
    assert "And 52 more accounts and Regions" in text
    assert "98 accounts and Regions: nothing to do." in text


def test_the_worst_of_many_accounts_and_regions_comes_first() -> None:
    sections = shown(reports.in_two_hundred_environments()).split("### ")[1:]
    assert "would be refused" in sections[0]
    assert "1 replace, 498 keep, 1 conflict" in sections[0]
    assert "500 replace" in sections[1]


def test_full_fills_the_comment() -> None:
    assert len(shown(reports.huge(), full=True)) > 2 * len(shown(reports.huge())) > 10_000


def test_github_accepts_the_comment_about_a_thousand_associations() -> None:
    text = shown(reports.huge(4, 1000))
    assert len(text.encode()) < GITHUB_TAKES
    assert "more associations**: they are too many for a comment." in text
    assert "1000 associations: 1000 replace, 2000 keep, 1000 conflict" in text


def test_github_accepts_the_comment_about_very_long_texts() -> None:
    endless = "@" * 5_000
    instance = reports.view(1, Verb.CONFLICT, endless, name=endless, warnings=(endless,))
    plan = reports.plan_of(instance, problems=(endless,) * 50, unseen=(endless,) * 50)
    assert len(shown(PlanReport((plan,) * 3)).encode()) < GITHUB_TAKES


def test_github_accepts_the_status_of_ten_thousand_instances() -> None:
    text = shown(reports.huge_status())
    assert len(text.encode()) < GITHUB_TAKES
    assert "10000 instances, 1 drifted" in text
    assert reports.instance_id(10_000) in text


def test_a_short_table_is_open_and_a_long_one_folded() -> None:
    assert "<details>" not in shown(reports.kept())
    assert "<summary>100 of 10000 instances</summary>" in shown(reports.huge())


@pytest.mark.parametrize("text", LINKS)
def test_a_text_from_outside_becomes_neither_a_link_nor_a_mention_nor_a_picture(text: str) -> None:
    for report in reports.everywhere(text):
        found = Shown(shown(report))
        assert found.elements <= OF_A_COMMENT
        assert found.attributes == []
        assert found.references == []


@given(ANY)
def test_no_text_becomes_a_link_a_mention_or_an_element(text: str) -> None:
    for markdown in (f"- {sentence(text)}", f"### {sentence(text)}", f"> - {sentence(text)}", f"{code(text)}: x"):
        found = Shown(markdown)
        assert found.elements <= OF_A_COMMENT
        assert found.attributes == []
        assert found.references == []


@pytest.mark.parametrize("text", LINKS[:10])
def test_the_renderer_links_what_is_not_escaped(text: str) -> None:
    assert "a" in Shown(f"- {text}").elements


def test_every_row_has_the_cells_of_its_heading() -> None:
    heading, *rows = Shown(shown(reports.nasty())).cells
    assert [len(one) for one in rows] == [len(heading)] * 2 == [6, 6]


@given(ANY, ANY)
def test_any_text_stays_in_its_cell(one: str, other: str) -> None:
    assert len(cells_of(code(one), sentence(other), "end")) == 3
    assert cells_of(code(one), sentence(other), "end")[2] == "end"


@given(ANY)
def test_a_text_is_shown_unchanged(text: str) -> None:
    first, second = cells_of(code(text), sentence(text))
    assert first == one_line(text)
    assert second.replace("`", "") == one_line(text).replace("`", "")


def test_words_are_text_and_names_are_code() -> None:
    text = "role Web of i-0123 (web-1) lacks s3:Get* on `arn`, isn't that so? See 3 re-created profiles, EC2 says."
    assert sentence(text) == (
        "role Web of `i-0123` (`web-1`) lacks `s3:Get*` on `arn`, isn't that so? See 3 re-created profiles, EC2 says."
    )


def test_no_associations_are_one_line() -> None:
    assert shown(reports.empty()).splitlines()[-1] == "There are no associations."
