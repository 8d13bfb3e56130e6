"""Attacks in tags, names and reasons are shown as text, and do nothing else."""

from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from cdk_instance_role.cli.model import PlanReport, Verb
from tests.browser.conftest import Show
from tests.cli import reports

ATTACKS = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<!--<script>alert(1)",
    "<img src=x onerror=alert(1)>",
    '"onmouseover="alert(1)',
    "' onfocus=alert(1) autofocus '",
    "javascript:alert(1)",
    "<style>*{display:none}</style>",
    "<base href=//example.org/>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'>",
    "{{script}}${alert(1)}`",
    "__proto__",
    "constructor",
    reports.NASTY,
)


@pytest.mark.parametrize("kind", [0, 1], ids=["plan", "status"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_shown_and_does_nothing(show: Show, attack: str, kind: int) -> None:
    shown = show(reports.everywhere(attack)[kind])
    elements = show(reports.everywhere("x")[kind])
    for one in (shown, elements):
        one.page.get_by_role("button", name="Details of").click()
        one.page.locator("body").press("Tab")
        one.settle()

    tags = "[...document.querySelectorAll('*')].map(e => e.localName).join()"
    assert shown.page.evaluate(tags) == elements.page.evaluate(tags)
    attributes = "[...document.querySelectorAll('*')].map(e => e.getAttributeNames().join()).join(';')"
    assert shown.page.evaluate(attributes) == elements.page.evaluate(attributes)
    visible = " ".join(attack.replace("\x1b", " ").split())
    assert visible in shown.page.locator("#rows").inner_text()
    assert visible in shown.page.locator("#associations").inner_text()


@pytest.mark.parametrize("attack", ATTACKS)
def test_keys_and_values_of_tags_do_nothing_and_are_found(show: Show, attack: str) -> None:
    def tag(report: dict[str, Any]) -> None:
        report["associations"][0]["instances"][0]["tags"] = {attack: attack}

    shown = show(reports.kept(), edit=tag)
    visible = " ".join(attack.replace("\x1b", " ").split())

    shown.page.get_by_label("Tag").fill(f"{visible}={visible}")
    shown.page.get_by_label("Text").fill(visible.split()[0])
    shown.page.get_by_role("button", name=f"Details of {reports.instance_id(1)}").first.click()

    assert f"{visible}={visible}" in shown.page.locator("tr.details").inner_text()


@pytest.mark.parametrize("attack", ATTACKS[:4] + ATTACKS[-4:])
def test_a_crafted_fragment_does_nothing(show: Show, attack: str) -> None:
    names = ("text", "tag", "account", "association", "state", "sort", "open", "action")
    address = "&".join(f"{name}={quote(attack)}" for name in names)
    shown = show(reports.mixed(), f"#instances&{address}")

    assert shown.result.startswith("0 of 11 instances: ")

    shown.follow(attack)
    assert shown.result == "11 instances."


def test_direction_marks_and_invisible_characters_are_removed(show: Show) -> None:
    (plan,) = reports.kept().associations
    name = "web\u202egpj.exe\u2066\u200b\u3164x"
    one = reports.view(1, Verb.KEEP, name, name=name)
    shown = show(PlanReport((replace(plan, instances=(one,), association=name),)))

    assert shown.column("Name") == ["web gpj.exe x"] or shown.column("Name") == ["web gpj.exe    x"]
    assert not {"\u202e", "\u2066", "\u200b", "\u3164"} & {*shown.page.locator("body").inner_text()}


def test_a_script_that_is_put_into_the_page_does_not_run(show: Show) -> None:
    """Shows that the policy is in force: the page itself cannot insert a script."""
    shown = show(reports.kept())

    shown.page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = 1'}))"
    )
    shown.page.evaluate("document.body.setAttribute('style', 'color: red')")
    shown.page.evaluate("document.body.append(Object.assign(new Image(), {src: 'https://example.org/x.png'}))")
    shown.settle()

    assert shown.page.evaluate("window.ran") is None
    complaints = [one for one in shown.complaints if one != "https://example.org/x.png"]
    assert len(complaints) == 3
    assert all("Content Security Policy" in one for one in complaints)
    shown.complaints.clear()
