"""The sentences that all formats share."""

import pytest

from cdk_instance_role.cli.model import Estimate, RolloutView, Verb
from cdk_instance_role.cli.render import findings, words
from tests.cli import reports


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
def test_an_estimate_is_shown_in_hours_minutes_and_seconds(calls: int, seconds: float, said: str) -> None:
    assert words.estimate(Estimate(calls, seconds)) == said


def test_an_estimate_says_that_it_includes_bakes() -> None:
    assert words.estimate(Estimate(300, 40.0, 600.0)) == "300 calls, at least 10 min 40 s with all bakes"
    assert words.estimate(Estimate(0, 0.0, 600.0)) == "nothing to call, at least 10 min with all bakes"


@pytest.mark.parametrize(
    ("sizes", "bake", "said"),
    [
        ((1,), 300.0, "1 wave of 1 instance, which bakes for 5 min"),
        ((5,), 0.0, "1 wave of 5 instances"),
        ((1, 1), 90.0, "2 waves of 1 and 1 instances, each bakes for 1 min 30 s"),
        ((1, 9, 40), 0.0, "3 waves of 1, 9 and 40 instances"),
        ((2,) * 30, 0.0, "30 waves of 2, 2, 2, 2, 2, 2, … and 2 instances"),
    ],
)
def test_waves_are_shown_with_their_sizes(sizes: tuple[int, ...], bake: float, said: str) -> None:
    assert words.rollout(RolloutView(sizes, bake)) == f"{said}; undone if any instance fails"


@pytest.mark.parametrize(
    ("alarms", "tolerated", "said"),
    [
        (("Errors",), 0, "alarm Errors goes to ALARM, or any instance fails"),
        (("Errors",), 1, "alarm Errors goes to ALARM, or more than 1 instance, or all so far, fail"),
        (("A", "B"), 20, "any of the alarms A, B goes to ALARM, or more than 20 instances, or all so far, fail"),
        (tuple("ABCDE"), 0, "any of the alarms A, B, C and 2 more goes to ALARM, or any instance fails"),
        (("a\n\x1b[31mb",), 0, "alarm a [31mb goes to ALARM, or any instance fails"),
    ],
)
def test_waves_are_shown_with_what_ends_them(alarms: tuple[str, ...], tolerated: int, said: str) -> None:
    found = words.rollout(RolloutView((1, 9), 0.0, alarms, tolerated))
    assert found == f"2 waves of 1 and 9 instances; undone if {said}"


def test_every_wave_and_alarm_is_shown_with_full() -> None:
    found = words.rollout(RolloutView((1, *(2,) * 9), 0.0, tuple("ABCDE")), None)
    assert found.startswith(
        "10 waves of 1, 2, 2, 2, 2, 2, 2, 2, 2 and 2 instances; undone if any of the alarms A, B, C, D, E"
    )


def test_a_profile_is_shown_with_its_role() -> None:
    assert words.profile(reports.WANTED) == "WebProfile (role Web)"


def test_a_profile_that_the_deployment_creates_is_shown_as_new() -> None:
    assert words.profile(reports.NEW) == "(new) Web/InstanceProfile"


def test_totals_leave_out_zeros() -> None:
    instances = [reports.view(number, Verb.ASSOCIATE, "") for number in (1, 2, 3)]
    assert words.totals([reports.view(4, Verb.CONFLICT, ""), *instances]) == "3 associate, 1 conflict"


def test_a_time_is_shown_in_utc() -> None:
    assert words.moment(reports.SINCE) == "2025-11-25T01:43:26Z"


def test_a_missing_time_is_not_shown_as_1970() -> None:
    assert words.moment(0.0) == ""


def test_estimates_of_regions_are_simultaneous() -> None:
    one, other = (reports.plan_of(estimate=Estimate(2, 10.0)) for _ in range(2))
    assert findings.whole_estimate([one, other]) == Estimate(4, 20.0)
    elsewhere = type(one)("S", "A", reports.ACCOUNT, "us-east-1", one.event, None, estimate=Estimate(1, 5.0))
    assert findings.whole_estimate([one, other, elsewhere]) == Estimate(5, 20.0)


def test_bakes_of_associations_are_simultaneous() -> None:
    short, long = (reports.plan_of(estimate=Estimate(1, 10.0, baking)) for baking in (5.0, 600.0))
    assert findings.whole_estimate([short, long]) == Estimate(2, 20.0, 590.0)
    assert findings.whole_estimate([short, short]) == Estimate(2, 20.0, 0.0)


def test_a_note_about_many_instances_is_shown_once() -> None:
    found = findings.warnings(reports.huge(10).associations[0])
    assert found[0].endswith("and 5 more: kept although it carries something else")
    assert len(found) == 2


def test_the_verdict_on_a_status_says_what_was_read_and_what_was_not() -> None:
    assert findings.verdict(reports.in_order()) == "Everything is in order."
    assert findings.verdict(reports.huge_status(10)) == "1 instance is not as the association left it."
    unseen = "Not everything could be looked at. 2 instances are not as the association left them."
    assert findings.verdict(reports.drifted()) == unseen


def test_the_verdict_on_a_plan_says_what_was_read_and_what_was_not() -> None:
    assert findings.verdict(reports.kept()) == "The deployment would change no instance."
    assert findings.verdict(reports.huge(10)) == "The deployment would be refused."
    assert findings.verdict(reports.mixed()) == "Not everything could be looked at. The deployment would be refused."
