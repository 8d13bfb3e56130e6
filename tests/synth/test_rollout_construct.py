"""In which waves targets are changed: what the handler gets, and what is refused at once."""

import re
from typing import Any

import pytest
from aws_cdk import CfnParameter, Duration, Environment, Stack, Token
from aws_cdk import aws_cloudwatch as cloudwatch

from cdk_instance_role import InstanceSelection, Rollout
from cdk_instance_role.runtime.association.contract import MAX_UPDATE_SECONDS
from cdk_instance_role.runtime.association.request.rollout import Rollout as Waves
from cdk_instance_role.runtime.association.request.rollout import time_problem as problem_of_the_handler
from tests.synth.builders import (
    BY_ID,
    BY_TAGS,
    IRELAND,
    alarm,
    as_text,
    associated,
    association_of,
    composite_alarm,
    instance_ids,
    new_app,
    new_stack,
)

HALF_AN_HOUR, HOUR = Duration.minutes(30), Duration.hours(1)
NO_TIME = Duration.seconds(0)
A_TOKEN = Token.as_number({"Ref": "Parameter"})
HUGE = 10**400
"""More than a float can say."""


def rendered(rollout: Rollout) -> Any:
    return rollout.render()["Rollout"]


# What the handler gets


def test_all_at_once_adds_nothing_to_the_template() -> None:
    assert Rollout.all_at_once().render() == {}


def test_waves_have_a_canary_and_then_reach_percentages_by_default() -> None:
    assert rendered(Rollout.in_waves()) == {
        "First": 1,
        "Percentages": [1, 10, 50, 100],
        "BakeSeconds": 300,
        "Alarms": [],
        "MaxFailures": "0",
    }


def test_every_part_is_passed_to_the_handler() -> None:
    waves = Rollout.in_waves(first=5, growth=1.5, bake=Duration.seconds(90), max_failures="2.5%")
    assert rendered(waves) == {
        "First": 5,
        "Growth": 1.5,
        "BakeSeconds": 90,
        "Alarms": [],
        "MaxFailures": "2.5%",
    }


@pytest.mark.parametrize(
    ("bake", "seconds"),
    [(Duration.minutes(33.3), 1998), (Duration.minutes(0.1), 6), (Duration.millis(1500), 1.5)],
    ids=["odd minutes", "part of a minute", "milliseconds"],
)
def test_passes_the_bake_without_rounding_errors_of_floats(bake: Duration, seconds: float) -> None:
    assert rendered(Rollout.in_waves(bake=bake))["BakeSeconds"] == seconds


def test_the_association_passes_the_names_of_alarms() -> None:
    stack = new_stack()
    imported = cloudwatch.Alarm.from_alarm_name(stack, "Imported", "latency")
    alarms = [alarm(stack, "Errors"), composite_alarm(stack, "Composite"), imported]
    associated(BY_TAGS, stack, rollout=Rollout.in_waves(alarms=alarms))
    found = as_text(association_of(stack)["Properties"]["Rollout"])
    assert found["Alarms"] == ["${Errors}", "${Composite}", "latency"]


def test_without_waves_the_association_has_no_rollout_property() -> None:
    assert "Rollout" not in association_of(associated(rollout=Rollout.all_at_once()))["Properties"]


def test_an_alarm_of_another_stack_is_created_before_the_association() -> None:
    app = new_app()
    watching = Stack(app, "Watching", env=IRELAND)
    stack = associated(BY_TAGS, Stack(app, "Web", env=IRELAND), rollout=Rollout.in_waves(alarms=[alarm(watching)]))
    app.synth()
    assert watching in stack.dependencies


def test_an_alarm_that_is_named_twice_is_watched_once() -> None:
    stack = new_stack()
    one, same = (cloudwatch.Alarm.from_alarm_name(stack, id_, "errors") for id_ in ("One", "Same"))
    assert rendered(Rollout.in_waves(alarms=[one, same]))["Alarms"] == ["errors"]


@pytest.mark.parametrize("max_failures", [0, 3, "3", "2%", "0.5%", "100%"])
def test_accepts_a_number_or_a_percentage_of_failures(max_failures: Any) -> None:
    assert rendered(Rollout.in_waves(max_failures=max_failures))["MaxFailures"] == str(max_failures)


def test_failures_that_are_a_token_are_not_inspected() -> None:
    token = Token.as_string({"Ref": "Parameter"})
    assert rendered(Rollout.in_waves(max_failures=token))["MaxFailures"] == token


@pytest.mark.parametrize(
    "rollout",
    [
        Rollout.in_waves(),
        Rollout.in_waves(first=2, growth=1, bake=Duration.seconds(0)),
        Rollout.in_waves(first=3, percentages=(0.5, 33.3, 100), bake=Duration.millis(1500), max_failures="2%"),
    ],
    ids=["default", "growth", "percentages"],
)
def test_the_handler_parses_what_the_construct_renders(rollout: Rollout) -> None:
    read = Waves.from_properties({"Rollout": as_sent(rendered(rollout))})
    assert (read.first, read.growth, read.percentages, read.bake) == (
        rollout.waves.first,
        rollout.waves.growth,
        rollout.waves.percentages,
        rollout.waves.bake,
    )
    assert (read.alarms, read.tolerance.of(1000)) == ((), 20 if rollout.max_failures == "2%" else 0)


def as_sent(value: Any) -> Any:
    """CloudFormation sends every scalar as a string."""
    match value:
        case dict():
            return {key: as_sent(item) for key, item in value.items()}
        case list():
            return [as_sent(item) for item in value]
    return str(value)


# What is refused at once


@pytest.mark.parametrize("first", [0, -1, 1.0, True, None, "1", pytest.param(HUGE, id="huge")])
def test_fails_when_the_first_wave_has_no_number_of_targets(first: Any) -> None:
    with pytest.raises(ValueError, match=r"^first is .*: give the number of targets of the first wave, at least 1$"):
        Rollout.in_waves(first=first)


@pytest.mark.parametrize("growth", [0.9, 0, -2, True, "2", float("inf"), float("nan"), pytest.param(HUGE, id="huge")])
def test_fails_when_waves_do_not_grow(growth: Any) -> None:
    with pytest.raises(ValueError, match=r"^growth is .*: give how many times as large .* a number from 1$"):
        Rollout.in_waves(growth=growth)


@pytest.mark.parametrize(
    "percentages",
    [
        [],
        [10, 50],
        [50, 10, 100],
        [10, 10, 100],
        [0, 100],
        [-1, 100],
        [50, 101],
        [True, 100],
        ["50", "100"],
        [1, HUGE, 100],
        "100",
        100,
    ],
    ids=lambda percentages: str(percentages)[:20],
)
def test_fails_when_percentages_do_not_rise_to_100(percentages: Any) -> None:
    message = r"^percentages are .*: give rising numbers above 0, the last of which is 100, like \[1, 10, 50, 100\]$"
    with pytest.raises(ValueError, match=message):
        Rollout.in_waves(percentages=percentages)


def test_fails_when_waves_have_both_growth_and_percentages() -> None:
    with pytest.raises(ValueError, match=r"^growth and percentages are both given: leave one of them out"):
        Rollout.in_waves(growth=2, percentages=[100])


@pytest.mark.parametrize("bake", [300, "5m", True])
def test_fails_when_the_bake_is_not_a_duration(bake: Any) -> None:
    with pytest.raises(ValueError, match=r"^bake is .*: give a Duration like Duration.minutes\(5\)$"):
        Rollout.in_waves(bake=bake)


@pytest.mark.parametrize("max_failures", [-1, 1.5, True, None, "", "%", "two", "-1", "1.5", "101%", "nan%", "inf"])
def test_fails_when_the_failures_are_neither_a_number_nor_a_percentage(max_failures: Any) -> None:
    message = "^max_failures is .*: give a whole number of targets, or a percentage of them like '2%'$"
    with pytest.raises(ValueError, match=message):
        Rollout.in_waves(max_failures=max_failures)


@pytest.mark.parametrize(
    ("what", "arguments"),
    [
        ("first", {"first": A_TOKEN}),
        ("growth", {"growth": A_TOKEN}),
        ("one of the percentages", {"percentages": [A_TOKEN, 100]}),
        ("bake", {"bake": Duration.minutes(A_TOKEN)}),
    ],
)
def test_fails_when_the_duration_of_the_waves_is_unknown(what: str, arguments: Any) -> None:
    message = f"^{what} is a token: give a value that is known at synth, because it is checked whether all waves fit$"
    with pytest.raises(ValueError, match=message):
        Rollout.in_waves(**arguments)


def test_fails_when_the_failures_are_a_token_that_is_a_number_and_says_which_one_can_be_used() -> None:
    message = "^max_failures is a token: give a value that is known at synth, or a token of text, like value_as_string$"
    most: Any = CfnParameter(new_stack(), "Most", type="Number").value_as_number
    with pytest.raises(ValueError, match=message):
        Rollout.in_waves(max_failures=most)


@pytest.mark.parametrize("alarms", ["errors", None, 1])
def test_fails_when_alarms_are_not_a_list(alarms: Any) -> None:
    with pytest.raises(ValueError, match=r"^alarms is .*: give a list of alarms$"):
        Rollout.in_waves(alarms=alarms)


@pytest.mark.parametrize("alarms", [["errors"], [None]])
def test_fails_when_an_alarm_is_not_an_alarm(alarms: Any) -> None:
    message = r"in alarms is no alarm: give one of the app, or import it with Alarm.from_alarm_name\(...\)$"
    with pytest.raises(ValueError, match=message):
        Rollout.in_waves(alarms=alarms)


def test_fails_when_an_alarm_is_an_l1_construct_without_an_arn() -> None:
    low_level: Any = cloudwatch.CfnAlarm(
        new_stack(), "Alarm", comparison_operator="GreaterThanThreshold", evaluation_periods=1, alarm_name="errors"
    )
    with pytest.raises(ValueError, match=r"in alarms is no alarm: give one of the app, or import it with Alarm\.from"):
        Rollout.in_waves(alarms=[low_level])


def test_fails_when_there_are_more_alarms_than_one_call_can_read() -> None:
    stack = new_stack()
    alarms = [cloudwatch.Alarm.from_alarm_name(stack, f"Alarm{number}", f"errors-{number}") for number in range(101)]
    assert len(rendered(Rollout.in_waves(alarms=alarms[1:]))["Alarms"]) == 100
    message = "^101 alarms are more than the 100 .* at once: watch a composite alarm of them$"
    with pytest.raises(ValueError, match=message):
        Rollout.in_waves(alarms=alarms)


@pytest.mark.parametrize(
    ("arn", "elsewhere"),
    [
        ("arn:aws:cloudwatch:us-east-1:111122223333:alarm:x", "in Region us-east-1 and the association in eu-west-1"),
        ("arn:aws:cloudwatch:eu-west-1:444455556666:alarm:x", "in account 444455556666 and the association in 1111"),
    ],
    ids=["Region", "account"],
)
def test_fails_when_an_alarm_is_in_another_account_or_region(arn: str, elsewhere: str) -> None:
    stack = new_stack()
    imported = cloudwatch.Alarm.from_alarm_arn(stack, "Alarm", arn)
    with pytest.raises(ValueError, match=rf"^alarm Stack/Alarm is {elsewhere}.*: watch an alarm in the same "):
        associated(BY_TAGS, stack, rollout=Rollout.in_waves(alarms=[imported]))


def test_fails_when_the_stack_of_an_alarm_is_in_another_account_or_region() -> None:
    app = new_app()
    watching = alarm(Stack(app, "Watching", env=Environment(account="444455556666", region="eu-west-1")))
    with pytest.raises(
        ValueError, match=r"^alarm Watching/Alarm is in account 444455556666 and the association in 1111"
    ):
        associated(BY_TAGS, Stack(app, "Web", env=IRELAND), rollout=Rollout.in_waves(alarms=[watching]))


# Whether there is time for it


def ids(count: int) -> InstanceSelection:
    return InstanceSelection.by_ids(*instance_ids(count))


@pytest.mark.parametrize(
    ("rollout", "instances", "timeout"),
    [
        (Rollout.all_at_once(), BY_TAGS, Duration.minutes(1)),
        (Rollout.in_waves(), BY_TAGS, HOUR),
        (Rollout.in_waves(), ids(1000), HOUR),
        (Rollout.in_waves(bake=Duration.minutes(28)), BY_ID, HALF_AN_HOUR),
        (Rollout.in_waves(bake=Duration.minutes(10)), BY_TAGS, HOUR),
        (Rollout.in_waves(growth=2, bake=Duration.minutes(4)), ids(31), HALF_AN_HOUR),
        (Rollout.in_waves(growth=1), BY_TAGS, HALF_AN_HOUR),
        (Rollout.in_waves(growth=1, bake=NO_TIME), ids(49), HOUR),
    ],
    ids=[
        "all at once",
        "the default by tags",
        "the default by ids",
        "one wave",
        "almost an hour",
        "growing",
        "growing by tags, which only the deployment can count",
        "without a time to bake",
    ],
)
def test_accepts_a_rollout_that_may_fit(rollout: Rollout, instances: InstanceSelection, timeout: Duration) -> None:
    assert rollout.time_problem(instances, timeout.to_seconds()) == ""


@pytest.mark.parametrize(
    ("rollout", "instances", "timeout", "problem"),
    [
        (
            Rollout.in_waves(growth=1),
            ids(14),
            HOUR,
            (
                "takes 14 waves of up to 70 seconds until EC2 has confirmed the targets and 5 minutes to bake, "
                "86 minutes 20 seconds in all, and CloudFormation waits for 60 minutes, of which the handler may use "
                "58 minutes 20 seconds: bake for a shorter time, or make fewer waves"
            ),
        ),
        (
            Rollout.in_waves(bake=Duration.seconds(630)),
            BY_TAGS,
            HALF_AN_HOUR,
            (
                "takes 5 waves of up to 70 seconds until EC2 has confirmed the targets and 10 minutes 30 seconds to "
                "bake, 58 minutes 20 seconds in all, and CloudFormation waits for 60 minutes, of which the handler may "
                "use 58 minutes 20 seconds: bake for a shorter time, or make fewer waves"
            ),
        ),
        (
            Rollout.in_waves(),
            BY_TAGS,
            HALF_AN_HOUR,
            (
                "takes 5 waves of up to 70 seconds until EC2 has confirmed the targets and 5 minutes to bake, "
                "30 minutes 50 seconds in all, and the timeout is 30 minutes: "
                "raise `timeout`, or bake for a shorter time, or make fewer waves"
            ),
        ),
        (
            Rollout.in_waves(growth=2, bake=Duration.minutes(1)),
            BY_TAGS,
            Duration.minutes(1),
            (
                "takes 1 wave of up to 70 seconds until EC2 has confirmed the targets and 1 minute to bake, "
                "2 minutes 10 seconds in all, and the timeout is 1 minute: "
                "raise `timeout`, or bake for a shorter time, or make fewer waves"
            ),
        ),
        (
            Rollout.in_waves(growth=1, bake=NO_TIME),
            ids(50),
            HOUR,
            (
                "takes 50 waves of up to 70 seconds until EC2 has confirmed the targets, 58 minutes 20 seconds in all, "
                "and CloudFormation waits for 60 minutes, of which the handler may use 58 minutes 20 seconds: "
                "make fewer waves"
            ),
        ),
        (
            Rollout.in_waves(bake=NO_TIME),
            BY_TAGS,
            Duration.minutes(5),
            (
                "takes 5 waves of up to 70 seconds until EC2 has confirmed the targets, 5 minutes 50 seconds in all, "
                "and the timeout is 5 minutes: raise `timeout`, or make fewer waves"
            ),
        ),
        (
            Rollout.in_waves(growth=2, bake=Duration.millis(1001)),
            BY_TAGS,
            Duration.minutes(1),
            (
                "takes 1 wave of up to 70 seconds until EC2 has confirmed the targets and 1.001 seconds to bake, "
                "1 minute 11.001 seconds in all, and the timeout is 1 minute: "
                "raise `timeout`, or bake for a shorter time, or make fewer waves"
            ),
        ),
    ],
    ids=[
        "by ids",
        "a large fleet, to the second",
        "longer than the timeout",
        "the first wave alone",
        "without a bake",
        "without a bake, longer than the timeout",
        "parts of a second",
    ],
)
def test_says_how_long_waves_take_that_do_not_fit(
    rollout: Rollout, instances: InstanceSelection, timeout: Duration, problem: str
) -> None:
    assert rollout.time_problem(instances, timeout.to_seconds()) == problem


@pytest.mark.parametrize("timeout", [60, 70, 71, 349, 350, 351, 1850, 1851, 3499, 3500, 3501, 3600])
@pytest.mark.parametrize("bake", [0, 300, 629, 630])
def test_refuses_a_rollout_that_the_handler_would_refuse(bake: int, timeout: int) -> None:
    rollout = Rollout.in_waves(bake=Duration.seconds(bake))
    allowed = min(timeout, MAX_UPDATE_SECONDS)
    for count in (1, 2, 200):
        refused = problem_of_the_handler(rollout.waves, count, 0, allowed)
        assert bool(rollout.time_problem(ids(count), timeout)) == bool(refused)


def test_fails_when_there_is_no_time_for_the_waves_and_names_the_association() -> None:
    message = (
        "the rollout of Stack/Web/Fleet takes 5 waves of up to 70 seconds until EC2 has confirmed the targets and 5 m"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        associated(BY_TAGS, rollout=Rollout.in_waves(), timeout=Duration.minutes(20))
