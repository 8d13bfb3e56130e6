"""What every format says in the same words."""

import doctest

import pytest

from cdk_instance_role.cli.model import Estimate, Verb
from cdk_instance_role.cli.render import escape, findings, words
from tests.cli import reports


@pytest.mark.parametrize("module", [words, escape])
def test_the_examples_are_true(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("calls", "seconds", "said"),
    [
        (0, 0.0, "nothing to call"),
        (1, 0.0, "1 call"),
        (2, 0.2, "2 calls, at least 1 s"),
        (3, 124.2, "3 calls, at least 2 min 5 s"),
        (300, 119.5, "300 calls, at least 2 min"),
        (9000, 3600.0, "9000 calls, at least 1 h"),
    ],
)
def test_an_estimate_is_said_in_hours_minutes_and_seconds(calls: int, seconds: float, said: str) -> None:
    assert words.estimate(Estimate(calls, seconds)) == said


def test_a_profile_is_shown_with_its_role() -> None:
    assert words.profile(reports.WANTED) == "WebProfile (role Web)"


def test_a_profile_that_the_deployment_creates_is_shown_as_new() -> None:
    assert words.profile(reports.NEW) == "(new) Web/InstanceProfile"


def test_totals_name_only_what_there_is() -> None:
    instances = [reports.view(number, Verb.ASSOCIATE, "") for number in (1, 2, 3)]
    assert words.totals([reports.view(4, Verb.CONFLICT, ""), *instances]) == "3 associate, 1 conflict"


def test_a_moment_is_in_utc() -> None:
    assert words.moment(reports.SINCE) == "2025-11-25T01:43:26Z"


def test_no_moment_is_not_1970() -> None:
    assert words.moment(0.0) == ""


def test_regions_can_go_on_at_the_same_time() -> None:
    one, other = (reports.plan_of(estimate=Estimate(2, 10.0)) for _ in range(2))
    assert findings.whole_estimate([one, other]) == Estimate(4, 20.0)
    elsewhere = type(one)("S", "A", reports.ACCOUNT, "us-east-1", one.event, None, estimate=Estimate(1, 5.0))
    assert findings.whole_estimate([one, other, elsewhere]) == Estimate(5, 20.0)


def test_what_is_true_of_many_instances_is_said_once() -> None:
    found = findings.warnings(reports.huge(10).associations[0])
    assert found[0].endswith("and 5 more: kept although it carries something else")
    assert len(found) == 2


def test_the_verdict_on_a_status_says_what_was_seen_and_what_was_not() -> None:
    assert findings.verdict(reports.in_order()) == "Everything is in order."
    assert findings.verdict(reports.huge_status(10)) == "1 instance is not as the association left it."
    unseen = "Not everything could be looked at. 2 instances are not as the association left them."
    assert findings.verdict(reports.drifted()) == unseen


def test_the_verdict_on_a_plan_says_what_was_seen_and_what_was_not() -> None:
    assert findings.verdict(reports.kept()) == "The deployment would change no instance."
    assert findings.verdict(reports.huge(10)) == "The deployment would be refused."
    assert findings.verdict(reports.mixed()) == "Not everything could be looked at. The deployment would be refused."
