"""What a reader can do with the page: filter, sort, open, link and print."""

from dataclasses import replace
from typing import Any

import pytest

from cdk_instance_role.cli.model import PlanReport
from tests.browser.conftest import Show, Shown
from tests.cli import reports

id_ = reports.instance_id


def with_tags(report: dict[str, Any]) -> None:
    """Other tags for each instance."""
    for association in report["associations"]:
        for number, instance in enumerate(association["instances"]):
            instance["tags"] = {"Environment": "prod" if number % 2 else "test", "Team": f"Web {number}"}


def without_tags(report: dict[str, Any]) -> None:
    """Only the names, as where the tags could not be read."""
    for association in report["associations"]:
        for instance in association["instances"]:
            instance.pop("tags", None)


def ids(shown: Shown) -> list[str]:
    return shown.column("Instance")


def test_at_first_everything_is_shown_with_the_worst_first(show: Show) -> None:
    shown = show(reports.mixed())

    assert shown.column("Action") == [
        *("conflict", "replace", "replace", "replace", "associate", "associate"),
        *("undo", "undo", "wait", "drop", "keep"),
    ]
    assert shown.result == "11 instances."


@pytest.mark.parametrize(
    ("control", "choice", "found"),
    [
        ("Account", "111122223333", [1, 2, 1, 2]),
        ("Region", "us-east-1", [3, 4, 5, 1, 2, 6, 1, 2]),
        ("State", "shutting-down", [6]),
        ("Association", "Api/Association (444455556666, eu-west-1)", [8, 9, 10, 7]),
    ],
)
def test_a_choice_keeps_the_instances_that_have_it(show: Show, control: str, choice: str, found: list[int]) -> None:
    shown = show(reports.in_many_accounts())

    shown.page.get_by_label(control, exact=True).select_option(label=choice)

    assert ids(shown) == [*map(id_, found)]
    assert shown.result == f"{len(found)} of 14 instances: {control} {choice}."


def test_several_actions_can_be_chosen(show: Show) -> None:
    shown = show(reports.mixed())

    shown.page.get_by_label("conflict").check()
    shown.page.get_by_label("wait").check()

    assert ids(shown) == [id_(8), id_(6)]
    assert shown.result == "2 of 11 instances: Action conflict or wait."


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("NOBODY dares", [5]),
        (id_(7), [7]),
        ("Systems Manager", [3, 4]),
        ("foreignprofile", [8]),
        ("no such text", []),
    ],
)
def test_a_text_is_found_in_any_column(show: Show, text: str, found: list[int]) -> None:
    shown = show(reports.mixed())

    shown.page.get_by_label("Text").fill(text)

    assert ids(shown) == [*map(id_, found)]


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        ("Environment", [1, 2]),
        ("environment=PROD", [2]),
        ("Team=Web 0", [1]),
        ("Name=web-2", [2]),
        ("prod", []),
        ("Environment=prod=x", []),
    ],
)
def test_a_tag_is_found_by_its_key_or_by_its_key_and_value(show: Show, tag: str, found: list[int]) -> None:
    shown = show(reports.kept(), edit=with_tags)

    shown.page.get_by_label("Tag").fill(tag)

    assert ids(shown) == [*map(id_, found)]


def test_the_name_is_found_as_a_tag_even_if_the_other_tags_are_unknown(show: Show) -> None:
    shown = show(reports.mixed(), edit=without_tags)

    shown.page.get_by_label("Tag").fill("Name=web-11")
    assert ids(shown) == [id_(11)]

    shown.page.get_by_label("Tag").fill("Name")
    assert len(ids(shown)) == 10  # one instance has none


def test_filters_are_combined_and_cleared_together(show: Show) -> None:
    shown = show(reports.mixed())
    shown.page.get_by_label("replace").check()
    shown.page.get_by_label("State").select_option("stopped")
    assert ids(shown) == [id_(5)]

    shown.page.get_by_role("button", name="Clear all filters").click()

    assert len(ids(shown)) == 11
    assert not shown.page.get_by_label("replace").is_checked()


def test_what_has_drifted_can_be_filtered_in_a_status(show: Show) -> None:
    shown = show(reports.drifted())

    shown.page.get_by_label("drifted").check()
    assert ids(shown) == [id_(2), id_(3)]

    shown.page.get_by_label("drifted").uncheck()
    shown.page.get_by_label("Text").fill("unauthorizedoperation")
    assert ids(shown) == [id_(4)]


def test_the_associations_follow_the_filters(show: Show) -> None:
    shown = show(reports.in_many_accounts())

    shown.page.get_by_label("Account", exact=True).select_option("444455556666")

    assert shown.page.locator("details.association:visible").count() == 2
    assert shown.page.locator("#associations-left-out").inner_text() == (
        "2 of 4 associations: the others do not match the filters."
    )


def test_a_heading_sorts_up_then_down_then_in_the_original_order(show: Show) -> None:
    shown = show(reports.mixed())
    before = ids(shown)
    cell = shown.page.locator("#headings > th").nth(2)

    shown.heading("Name").click()
    assert shown.column("Name")[-4:] == ["web-8", "web-9", "web-10", "web-11"]
    assert cell.get_attribute("aria-sort") == "ascending"

    shown.heading("Name").click()
    assert shown.column("Name")[:3] == ["web-11", "web-10", "web-9"]
    assert cell.get_attribute("aria-sort") == "descending"
    assert shown.page.locator("#table caption").inner_text() == "Instances, by Name, descending"

    shown.heading("Name").click()
    assert ids(shown) == before
    assert cell.get_attribute("aria-sort") is None


def test_actions_are_sorted_by_severity(show: Show) -> None:
    shown = show(reports.mixed())

    shown.heading("Action").click()
    shown.heading("Action").click()

    assert shown.column("Action")[0] == "keep"
    assert shown.column("Action")[-1] == "conflict"


def test_the_details_of_an_instance_say_why_and_what_it_loses(show: Show) -> None:
    shown = show(reports.mixed())

    shown.page.get_by_role("button", name=f"Details of {id_(3)}").click()

    details = shown.page.locator("tr.details")
    text = details.inner_text()
    for said in (
        "replace OldProfile with Web/InstanceProfile",
        "(new) Web/InstanceProfile",
        "loses its connection to Systems Manager: role Web lacks ssm:UpdateInstanceInformation",
        "Permissions with role Web instead of Old",
        "s3:PutObject on arn:aws:s3:::releases/*",
    ):
        assert said in text
    assert details.get_by_role("link", name="Web/Association").count() == 1

    shown.page.get_by_role("button", name=f"Details of {id_(3)}").click()
    assert details.count() == 0


def test_the_details_of_a_drifted_instance_say_what_identity_has_changed_it(show: Show) -> None:
    shown = show(reports.enforced())

    shown.page.get_by_role("button", name=f"Details of {id_(1)}").first.click()

    text = shown.page.locator("tr.details").inner_text()
    assert "carries no instance profile" in text
    assert "DisassociateIamInstanceProfile by arn:aws:sts::111122223333:assumed-role/Admin/jo" in text


def test_a_link_shows_the_same_view(show: Show) -> None:
    first = show(reports.in_many_accounts())
    first.page.get_by_label("Account", exact=True).select_option("444455556666")
    first.page.get_by_label("replace").check()
    first.page.get_by_label("Text").fill("web & <co>")
    first.page.get_by_label("Text").fill("oldprofile")
    first.page.get_by_label("Tag").fill("name=web")
    first.heading("Name").click()
    first.heading("Name").click()
    first.page.get_by_role("button", name=f"Details of {id_(3)}").click()

    second = show(reports.in_many_accounts(), first.address)

    assert ids(second) == ids(first) == [id_(4), id_(3)]
    assert second.page.locator("tr.details").inner_text() == first.page.locator("tr.details").inner_text()
    assert second.result == first.result
    assert second.page.get_by_label("Text").input_value() == "oldprofile"
    assert second.heading("Name").locator("..").get_attribute("aria-sort") == "descending"
    assert second.address == first.address


def test_the_link_of_an_instance_shows_it_alone(show: Show) -> None:
    shown = show(reports.mixed())
    shown.page.get_by_role("button", name=f"Details of {id_(5)}").click()

    shown.page.get_by_role("link", name="to this instance alone").click()
    shown.settle()

    assert ids(shown) == [id_(5)]
    assert shown.page.locator("tr.details").count() == 1


def test_an_account_and_region_links_to_its_instances(show: Show) -> None:
    shown = show(reports.in_many_accounts())

    shown.page.locator("#environment-444455556666-us-east-1").get_by_role("link").click()
    shown.settle()

    assert shown.result == "6 of 14 instances: Account 444455556666; Region us-east-1."


def test_a_link_to_an_association_unfolds_it_and_keeps_the_filters(show: Show) -> None:
    fragment = "association-444455556666-eu-west-1-instancerole-web-api-association"
    shown = show(reports.in_many_accounts(), "#instances&state=running")
    assert shown.page.locator(f"#{fragment}").get_attribute("open") is None

    shown.follow(fragment)

    assert shown.page.locator(f"#{fragment}").get_attribute("open") == ""
    assert shown.page.get_by_label("State").input_value() == "running"
    assert shown.address == f"#{fragment}&state=running"


@pytest.mark.parametrize("fragment", ["#%", "#no-such-part", "#a=b&action=explode&sort=__proto__", "#&&=&open=x"])
def test_an_invalid_fragment_shows_everything(show: Show, fragment: str) -> None:
    assert show(reports.mixed(), fragment).result == "11 instances."


def test_the_back_button_shows_the_view_before(show: Show) -> None:
    shown = show(reports.in_many_accounts())
    shown.page.locator("#environment-444455556666-us-east-1").get_by_role("link").click()
    shown.settle()
    assert "6 of 14" in shown.result

    shown.page.go_back()
    shown.settle()

    assert shown.result == "14 instances."


def test_the_keyboard_alone_filters_sorts_and_opens(show: Show) -> None:
    shown = show(reports.mixed())
    press = shown.page.keyboard.press

    press("Tab")
    assert shown.page.evaluate("document.activeElement.textContent") == "Skip to the instances"
    press("Enter")
    shown.settle()
    press("Tab")
    assert shown.page.evaluate("document.activeElement.id") == "text"
    for _ in range(4):  # tag, association, state, the first action
        press("Tab")
    press("Space")
    assert shown.column("Action") == ["conflict"]
    press("Space")
    assert len(ids(shown)) == 11

    shown.heading("Instance").focus()
    press("Enter")
    assert ids(shown)[0] == id_(1)
    assert shown.page.evaluate("document.activeElement.textContent.trim()").startswith("Instance")

    shown.page.get_by_role("button", name=f"Details of {id_(1)}").focus()
    press("Space")
    assert shown.page.locator("tr.details").count() == 1
    assert shown.page.evaluate("document.activeElement.getAttribute('aria-expanded')") == "true"
    press("Enter")
    assert shown.page.locator("tr.details").count() == 0


def test_more_instances_are_added_while_the_reader_scrolls(show: Show) -> None:
    shown = show(reports.huge(1000))
    assert shown.rows.count() == 200
    assert shown.result == "1,000 instances."

    shown.page.get_by_role("button", name="Show 200 more").focus()
    shown.page.keyboard.press("Enter")
    shown.settle()
    assert shown.rows.count() >= 400
    assert shown.page.evaluate("document.activeElement.ariaLabel").startswith("Details of i-")

    shown.page.get_by_role("button", name="Show all 1,000 instances").click()
    assert shown.rows.count() == 1000
    assert not shown.page.locator("#more").is_visible()
    assert shown.page.evaluate("document.activeElement.ariaLabel") == "Table of the instances"


def test_a_print_shows_every_instance_that_matches_and_no_control(show: Show) -> None:
    shown = show(reports.huge(1000, 4), "#instances&action=keep")
    paper = shown.page.pdf()
    shown.page.emulate_media(media="print")

    assert len(paper) > 10_000
    assert shown.rows.count() == 4 * 998
    assert not shown.page.locator("#filters").is_visible()
    assert not shown.page.get_by_role("button", name="Details").first.is_visible()
    assert shown.page.locator("#result").is_visible()


def test_associations_are_unfolded_in_a_print_only(show: Show) -> None:
    shown = show(reports.in_many_accounts())
    unfolded = shown.page.locator("details.association[open]")
    shown.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert unfolded.count() == 4

    shown.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert unfolded.count() == 0


@pytest.mark.parametrize(("scheme", "background"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(13, 17, 23)")])
def test_it_follows_the_colour_scheme_of_the_reader(show: Show, scheme: str, background: str) -> None:
    shown = show(reports.mixed(), color_scheme=scheme)

    assert shown.page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == background


@pytest.mark.parametrize(("motion", "behavior"), [("reduce", "auto"), ("no-preference", "smooth")])
def test_it_scrolls_smoothly_unless_the_reader_prefers_reduced_motion(show: Show, motion: str, behavior: str) -> None:
    shown = show(reports.kept(), reduced_motion=motion)

    assert shown.page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == behavior


def test_without_scripts_it_shows_the_verdict_the_totals_and_the_associations(show: Show) -> None:
    shown = show(reports.mixed(), java_script_enabled=False)

    text = shown.page.locator("body").inner_text()
    assert "The deployment would be refused." in text
    assert "1 conflict" in text
    assert "its trust policy does not let ec2.amazonaws.com assume it" in text
    assert "The table of the instances needs JavaScript." in text
    assert not shown.page.locator("#filters").is_visible()


def test_no_associations_are_reported_in_a_sentence(show: Show) -> None:
    shown = show(PlanReport(()))

    text = shown.page.locator("body").inner_text()
    assert "There are no associations." in text
    assert "There are no instances." in text


def test_an_instance_of_two_associations_is_opened_in_only_one_of_them(show: Show) -> None:
    (plan,) = reports.kept().associations
    shown = show(PlanReport((plan, replace(plan, association="Other"))))

    shown.page.get_by_role("button", name=f"Details of {id_(1)}").nth(1).click()
    assert shown.page.locator("tr.details").count() == 1

    again = show(PlanReport((plan, replace(plan, association="Other"))), shown.address)
    assert "Other" in again.page.locator("tr.details").inner_text()
