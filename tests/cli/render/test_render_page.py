"""The page, as text: what it holds, and what it can't load or run. `tests/browser` shows it in a browser."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from cdk_instance_role.cli.model import PlanReport, Verb
from cdk_instance_role.cli.render import Format, render
from cdk_instance_role.cli.status_model import Report
from tests.cli import reports
from tests.cli.golden_files import REPORTS

HOSTILE = (
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "<img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "' autofocus onfocus='alert(1)",
    "{{script}}",
    "&lt;b&gt;",
    "javascript:alert(1)",
    reports.NASTY,
)
VOID = {"meta", "input", "link", "img"}


class Page(HTMLParser):
    """What a browser makes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.contents: list[tuple[str, dict[str, str | None], str]] = []
        self._open: list[int] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(len(self.contents))
            self.contents.append((tag, dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        assert self.contents[self._open.pop()][0] == tag

    def handle_data(self, data: str) -> None:
        for number in self._open:
            tag, attributes, text = self.contents[number]
            self.contents[number] = tag, attributes, text + data

    def all(self, tag: str) -> list[str]:
        return [text for name, _, text in self.contents if name == tag]

    def part(self, id_: str) -> str:
        (found,) = [text for _, attributes, text in self.contents if attributes.get("id") == id_]
        return found

    @property
    def report(self) -> Any:
        return json.loads(self.part("report"))

    @property
    def script(self) -> str:
        (found,) = [text for tag, attributes, text in self.contents if tag == "script" and "type" not in attributes]
        return found

    @property
    def policy(self) -> str:
        (found,) = [a["content"] for _, a in self.tags if a.get("http-equiv") == "Content-Security-Policy"]
        return str(found)


def shown(report: Report, format_: Format = Format.HTML) -> str:
    file = StringIO()
    render(report, format_, Console(file=file, width=20))
    return file.getvalue()


def hash_of(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def skeleton(page: Page) -> list[tuple[str, tuple[str, ...]]]:
    return [(tag, tuple(attributes)) for tag, attributes in page.tags]


every_report = pytest.mark.parametrize("name", REPORTS)
every_kind = pytest.mark.parametrize("kind", [0, 1], ids=["plan", "status"])


@every_report
def test_it_contains_the_document_of_the_json_format(name: str) -> None:
    assert Page(shown(REPORTS[name])).report == json.loads(shown(REPORTS[name], Format.JSON))


@every_report
def test_the_policy_allows_only_its_own_style_and_script(name: str) -> None:
    page = Page(shown(REPORTS[name]))
    (style,) = page.all("style")

    assert page.policy.split("; ") == [
        "default-src 'none'",
        f"style-src {hash_of(style)}",
        f"script-src {hash_of(page.script)}",
        "base-uri 'none'",
        "form-action 'none'",
    ]


@every_report
def test_it_loads_nothing(name: str) -> None:
    text = shown(REPORTS[name])
    page = Page(text)
    allowed = {"html", "head", "meta", "title", "style", "body", "header", "main", "section", "noscript", "script"}
    allowed |= {"h1", "h2", "h3", "h4", "h5", "p", "a", "strong", "span", "div", "ul", "li", "dl", "dt", "dd", "code"}
    allowed |= {"bdi", "details", "summary", "form", "label", "input", "datalist", "select", "fieldset", "legend"}
    allowed |= {"button", "table", "caption", "thead", "tbody", "tr", "th", "td"}

    assert {tag for tag, _ in page.tags} <= allowed
    assert [a for _, a in page.tags if {"src", "srcset", "action", "formaction", "style", "ping"} & a.keys()] == []
    assert {str(a["href"])[0] for _, a in page.tags if "href" in a} == {"#"}
    assert not re.search(
        r"url\(|@import|fetch\(|XMLHttpRequest|import\(|sendBeacon", page.script + page.all("style")[0]
    )


def test_the_script_does_not_turn_data_into_markup() -> None:
    script = Page(shown(reports.kept())).script

    for dangerous in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", ".style"):
        assert dangerous not in script


@every_kind
@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_from_outside_adds_no_element_and_no_attribute(text: str, kind: int) -> None:
    hostile, harmless = (Page(shown(reports.everywhere(one)[kind])) for one in (text, "x"))

    assert skeleton(hostile) == skeleton(harmless)
    assert hostile.script == harmless.script
    assert text in json.dumps(hostile.report, ensure_ascii=False) or json.dumps(text)[1:-1] in json.dumps(
        hostile.report
    )


@every_kind
def test_a_text_from_outside_is_shown_unchanged(kind: int) -> None:
    page = Page(shown(reports.everywhere("</p><b>&amp;")[kind]))

    assert "</p><b>&amp;" in page.all("h3")
    assert any("</p><b>&amp;" in item for item in page.all("li"))


def test_a_text_cannot_change_the_direction_of_its_neighbours() -> None:
    (_, status) = reports.everywhere("a\u202eb\u2066c")
    (body,) = Page(shown(status)).all("main")

    assert "a b c" in body
    assert not {"\u202e", "\u2066"} & {*body}


def test_characters_that_end_a_line_of_a_script_are_escaped() -> None:
    instance = reports.view(1, Verb.KEEP, "a\u2028b\u2029c<d>&e", name="x")
    text = shown(PlanReport((reports.plan_of(instance),)))

    assert r"a\u2028b\u2029c\u003cd\u003e\u0026e" in text


def test_it_can_be_written_to_a_pipe_of_any_encoding() -> None:
    instance = reports.view(1, Verb.KEEP, "geh\u00f6rt dazu", name="\u6771\u4eac \ud800")
    text = shown(PlanReport((reports.plan_of(instance, association="Caf\u00e9"),)))

    assert text.isascii()
    assert "Caf\u00e9" in Page(text).all("h3")
    assert Page(text).report["associations"][0]["instances"][0]["name"] == "\u6771\u4eac \ud800"


@every_kind
def test_script_and_style_are_ascii_only(kind: int) -> None:
    page = Page(shown(reports.everywhere("x")[kind]))

    assert "&#" not in page.script + page.all("style")[0]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("plan-empty", ["There are no associations."]),
        ("plan-kept", ["The deployment would change no instance.", "1 association: 2 keep; nothing to call."]),
        ("plan-mixed", ["Not everything could be looked at. The deployment would be refused.", "3 associations: "]),
        ("status-in-order", ["Everything is in order.", "1 association: 2 instances, all in order."]),
    ],
)
def test_it_shows_the_verdict_and_the_totals_without_its_script(name: str, words: list[str]) -> None:
    page = Page(shown(REPORTS[name]))
    (header,) = page.all("header")

    assert [one for one in words if one not in header] == []
    assert "needs JavaScript" in page.all("noscript")[0]


def test_every_account_and_region_has_its_totals_the_worst_first() -> None:
    page = Page(shown(reports.in_many_accounts()))

    assert [a["id"] for tag, a in page.tags if tag == "tr" and "id" in a and a["id"] != "headings"] == [
        "environment-444455556666-eu-west-1",
        "environment-777788889999-eu-west-1",
        "environment-444455556666-us-east-1",
        "environment-111122223333-eu-west-1",
        "environment-111122223333-us-east-1",
    ]
    table = page.part("environments")
    assert "not fully seen" in table
    assert "777788889999eu-west-1? not seenunknownunknownunknown" in table
    assert "5 accounts and Regions, the worst first" in table


def test_the_worst_association_comes_first_and_each_has_a_fragment_of_its_own() -> None:
    page = Page(shown(reports.drifted()))
    fragments = [a["id"] for tag, a in page.tags if tag == "details" and a.get("class") == "association"]

    assert fragments == [
        "association-111122223333-eu-west-1-instancerole-web-web-association--2",
        "association-111122223333-eu-west-1-instancerole-web-web-association",
    ]


def test_many_associations_are_folded() -> None:
    few, many = (Page(shown(reports.huge(4, number))) for number in (3, 4))

    def unfolded(page: Page) -> int:
        return len([a for tag, a in page.tags if tag == "details" and a["class"] == "association" and "open" in a])

    assert (unfolded(few), unfolded(many)) == (3, 0)


def test_it_says_what_a_role_loses_and_gains() -> None:
    text = Page(shown(reports.mixed())).part("associations")

    assert "Permissions with role Web instead of Old on 3 instances" in text
    assert "s3:PutObject on arn:aws:s3:::releases/*" in text


def test_ids_are_unique() -> None:
    for report in REPORTS.values():
        ids = [a["id"] for _, a in Page(shown(report)).tags if "id" in a]
        assert len(ids) == len(set(ids))


def test_every_control_has_a_label() -> None:
    page = Page(shown(reports.kept()))
    controls = [a["id"] for tag, a in page.tags if tag in ("input", "select")]

    assert controls
    assert {a.get("for") for tag, a in page.tags if tag == "label"} == {*controls}


def test_the_same_report_makes_the_same_page() -> None:
    assert shown(reports.mixed()) == shown(reports.mixed())


def test_it_contains_all_of_ten_thousand_instances() -> None:
    (association,) = Page(shown(reports.huge())).report["associations"]

    assert len(association["instances"]) == 10_000
