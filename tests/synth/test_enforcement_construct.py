"""What an association says about enforcement, and what is refused at once."""

import json
import re
from typing import Any

import pytest
from aws_cdk import Duration, Environment, NestedStack, RemovalPolicy, Stack, Token
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sns as sns

from cdk_instance_role import Enforcement, InstanceProfileAssociation, InstanceRole, Rollout
from tests.synth.builders import (
    ACCOUNT,
    BY_ID,
    BY_TAGS,
    IRELAND,
    alarm,
    as_text,
    associated,
    association_of,
    new_app,
    new_stack,
    only,
    resources,
)

RULE = "AWS::Events::Rule"
A_NUMBER_TOKEN = Token.as_number({"Ref": "Parameter"})
A_TEXT_TOKEN = Token.as_string({"Ref": "Parameter"})


def enforced(stack: Stack | None = None, enforcement: Enforcement | None = None) -> InstanceProfileAssociation:
    """An association with enforcement."""
    role = InstanceRole(stack or new_stack(), "Web")
    return role.associate_with("Fleet", BY_TAGS, enforcement=enforcement or Enforcement.report())


# What the handler reads


def test_none_adds_nothing_to_the_template() -> None:
    assert Enforcement.none().render() == {}
    assert "Enforcement" not in association_of(associated(enforcement=Enforcement.none()))["Properties"]


def test_report_passes_the_interval_of_the_sweeps() -> None:
    assert Enforcement.report().render() == {"Enforcement": {"Mode": "report", "EverySeconds": 900}}


def test_repair_passes_the_limit_of_changes_too() -> None:
    assert Enforcement.repair().render() == {
        "Enforcement": {"Mode": "repair", "EverySeconds": 900, "MaxChanges": "10%"}
    }


def test_every_part_is_passed_to_the_handler() -> None:
    stack = associated(enforcement=Enforcement.repair(every=Duration.hours(1), max_changes=25))
    assert association_of(stack)["Properties"]["Enforcement"] == {
        "Mode": "repair",
        "EverySeconds": 3600,
        "MaxChanges": "25",
    }


@pytest.mark.parametrize(
    ("every", "seconds"),
    [
        (Duration.minutes(1), 60),
        (Duration.seconds(90), 90),
        (Duration.days(1), 86400),
        (Duration.minutes(1.1), 66),
    ],
    ids=["shortest", "no whole minutes", "longest", "what floats add"],
)
def test_accepts_sweeps_from_every_minute_to_every_day(every: Duration, seconds: int) -> None:
    assert Enforcement.report(every).render()["Enforcement"]["EverySeconds"] == seconds


@pytest.mark.parametrize(
    ("every", "message"),
    [
        (Duration.seconds(59), "every is 59 seconds: give a Duration in whole seconds, from 1 minute to 1 day"),
        (Duration.seconds(86401), "from 1 minute to 1 day"),
        (Duration.millis(90500), "in whole seconds"),
        (Duration.seconds(A_NUMBER_TOKEN), "every is a token: give a Duration that is known at synth"),
        (900, "every is 900: give a Duration like Duration.minutes(15)"),
        ("15m", "every is '15m': give a Duration"),
    ],
    ids=["too short", "too long", "part of a second", "token", "number", "text"],
)
@pytest.mark.parametrize("factory", [Enforcement.report, Enforcement.repair], ids=["report", "repair"])
def test_refuses_another_time_between_sweeps(factory: Any, every: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        factory(every=every)


@pytest.mark.parametrize(
    "max_changes", [0, -5, "0", "0%", "200%", "many", True, 2.5, None, 10**400], ids=lambda value: str(value)[:10]
)
def test_refuses_another_limit_of_changes(max_changes: Any) -> None:
    expected = (
        f"max_changes is {max_changes!r}: give a whole number of instances from 1, or a percentage of them above 0 and "
        "up to 100, like '10%'"
    )
    with pytest.raises(ValueError, match=re.escape(expected)):
        Enforcement.repair(max_changes=max_changes)


@pytest.mark.parametrize("token", [A_NUMBER_TOKEN, A_TEXT_TOKEN], ids=["number", "text"])
def test_refuses_a_limit_that_is_a_token(token: Any) -> None:
    with pytest.raises(ValueError, match="max_changes is a token: give a number or a percentage"):
        Enforcement.repair(max_changes=token)


@pytest.mark.parametrize("policy", [RemovalPolicy.RETAIN, RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE])
@pytest.mark.parametrize("enforcement", [Enforcement.report(), Enforcement.repair()], ids=["report", "repair"])
def test_refuses_enforcement_of_a_retained_association(policy: RemovalPolicy, enforcement: Enforcement) -> None:
    with pytest.raises(ValueError, match=f"enforcement is {enforcement.mode} and removal_policy retains"):
        associated(enforcement=enforcement, removal_policy=policy)


def test_a_retained_association_may_set_enforcement_none() -> None:
    stack = associated(enforcement=Enforcement.none(), removal_policy=RemovalPolicy.RETAIN)
    assert association_of(stack)["DeletionPolicy"] == "Retain"


def test_refuses_another_kind_of_enforcement() -> None:
    with pytest.raises(ValueError, match=re.escape("enforcement is 'repair': give Enforcement.report(...), repair(")):
        associated(enforcement="repair")


# The event of drift


def test_drift_of_the_association_is_sent_to_a_target() -> None:
    stack = new_stack()
    topic = sns.Topic(stack, "Topic")
    rule = enforced(stack).on_drift(
        "Drift", target=targets.SnsTopic(topic), description="Drift of the web fleet", rule_name="web-drift"
    )
    (properties,) = (one["Properties"] for one in resources(stack, RULE).values() if "Name" in one["Properties"])
    (association,) = resources(stack, "Custom::InstanceProfileAssociation")

    assert isinstance(rule, events.Rule)
    assert properties["EventPattern"] == {
        "source": ["cdk-instance-role"],
        "detail-type": ["Instance Profile Drift"],
        "detail": {"stackId": [{"Ref": "AWS::StackId"}], "association": [association]},
    }
    assert (properties["Name"], properties["Description"]) == ("web-drift", "Drift of the web fleet")
    assert as_text(properties["Targets"][0]["Arn"]) == "${Topic}"


def test_pauses_of_the_association_are_sent_to_a_target() -> None:
    stack = new_stack()
    topic = sns.Topic(stack, "Topic")
    enforced(stack).on_pause("Pause", target=targets.SnsTopic(topic), rule_name="web-pause")
    (properties,) = (one["Properties"] for one in resources(stack, RULE).values() if "Name" in one["Properties"])
    (association,) = resources(stack, "Custom::InstanceProfileAssociation")
    assert properties["EventPattern"] == {
        "source": ["cdk-instance-role"],
        "detail-type": ["Enforcement Paused"],
        "detail": {"stackId": [{"Ref": "AWS::StackId"}], "association": [association]},
    }
    assert as_text(properties["Targets"][0]["Arn"]) == "${Topic}"


def test_a_rule_about_drift_may_match_fewer_events() -> None:
    stack = new_stack()
    pattern = events.EventPattern(detail={"status": ["opened"]})
    enforced(stack).on_drift("Drift", event_pattern=pattern)

    patterns = [one["Properties"]["EventPattern"] for one in resources(stack, RULE).values()]
    details = [one["detail"] for one in patterns if "detail" in one]
    assert [sorted(one) for one in details] == [["association", "stackId", "status"]]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        (events.EventPattern(source=["mine"], detail_type=["Mine"]), "source, detail_type"),
        (events.EventPattern(detail={"stackId": ["other"], "association": ["Other"]}), "stackId, association"),
    ],
    ids=["envelope", "detail"],
)
def test_refuses_a_pattern_that_would_match_more_events(pattern: events.EventPattern, names: str) -> None:
    with pytest.raises(ValueError, match=f"event_pattern has {names}, which the rule sets itself"):
        enforced().on_drift("Drift", event_pattern=pattern)


def test_refuses_a_rule_about_drift_without_enforcement() -> None:
    association = InstanceRole(new_stack(), "Web").associate_with("Fleet", BY_ID)
    with pytest.raises(ValueError, match="Stack/Web/Fleet has no enforcement, so nothing reports its drift"):
        association.on_drift("Drift")


def test_a_rule_in_another_stack_names_the_stack_of_the_association() -> None:
    app = new_app()
    web, watching = Stack(app, "Web", env=IRELAND), Stack(app, "Watching", env=IRELAND)
    enforced(web).on_drift("Drift", cross_stack_scope=watching)

    assembly = app.synth()
    pattern = next(iter(assembly.get_stack_artifact(watching.artifact_id).template["Resources"].values()))
    outputs = assembly.get_stack_artifact(web.artifact_id).template["Outputs"]

    (stack_id,) = pattern["Properties"]["EventPattern"]["detail"]["stackId"]
    assert [one["Value"] for one in outputs.values()] == [{"Ref": "AWS::StackId"}]
    assert list(stack_id) in (["Fn::ImportValue"], ["Fn::GetStackOutput"])


def test_in_a_nested_stack_the_rule_names_that_stack() -> None:
    nested = NestedStack(new_stack(), "Nested")
    enforced(nested).on_drift("Drift")

    rules = json.dumps(resources(nested, RULE))
    assert '"stackId": [{"Ref": "AWS::StackId"}]' in rules


# Metrics


def test_the_metrics_of_enforcement_are_the_ones_that_the_handler_writes() -> None:
    association = enforced()
    metrics = [
        association.metric_drifted(),
        association.metric_repaired(),
        association.metric_late_arrivals(),
        association.metric_enforcement_lag(),
    ]

    assert [(one.metric_name, one.statistic, one.unit) for one in metrics] == [
        ("Drifted", "Maximum", None),
        ("Repaired", "Sum", None),
        ("LateArrivals", "Sum", None),
        ("EnforcementLag", "Maximum", cloudwatch.Unit.SECONDS),
    ]
    assert {one.namespace for one in metrics} == {"CdkInstanceRole"}


def test_a_dashboard_has_a_second_row_for_enforcement() -> None:
    stack = new_stack()
    association = enforced(stack)
    cloudwatch.Dashboard(stack, "Dashboard").add_widgets(*association.dashboard_widgets())

    body = json.loads(as_text(only(stack, "AWS::CloudWatch::Dashboard")["Properties"]["DashboardBody"]))
    second = [one for one in body["widgets"] if one["y"] > 0]
    shown = {one["properties"]["title"]: [row[1] for row in one["properties"]["metrics"]] for one in second}

    assert shown == {
        "Drift": ["Drifted"],
        "Enforcement": ["Repaired", "LateArrivals"],
        "Enforcement lag": ["EnforcementLag"],
    }
    assert {one["y"] for one in second} == {6}


def test_the_second_row_stays_together_below_the_alarms_of_a_rollout() -> None:
    stack = Stack(new_app(), "Stack", env=Environment(account=ACCOUNT, region="eu-west-1"))
    rollout = Rollout.in_waves(alarms=[alarm(stack, "Errors")])
    association = InstanceRole(stack, "Web").associate_with(
        "Fleet", BY_TAGS, rollout=rollout, enforcement=Enforcement.repair()
    )
    cloudwatch.Dashboard(stack, "Dashboard").add_widgets(*association.dashboard_widgets())

    body = json.loads(as_text(only(stack, "AWS::CloudWatch::Dashboard")["Properties"]["DashboardBody"]))
    assert [one["y"] for one in body["widgets"]] == [0, 0, 0, 0, 6, 6, 6]
