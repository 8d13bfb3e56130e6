"""The metrics of an association, and its widgets for a dashboard."""

import json
from typing import Any

import pytest
from aws_cdk import Duration, Environment, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk.assertions import Template

from cdk_instance_role import InstanceProfileAssociation, InstanceRole, Rollout
from cdk_instance_role.runtime.association.contract import Metric
from cdk_instance_role.runtime.association.report import metrics
from cdk_instance_role.runtime.association.request.event import Request
from tests.synth.builders import ACCOUNT, BY_TAGS, IRELAND, alarm, as_text, new_app, new_stack, only
from tests.unit.frozen_events import frozen_events, versions

KINDS = [metric.value.lower() for metric in Metric]


@pytest.fixture(scope="module")
def association() -> InstanceProfileAssociation:
    stack = new_stack()
    rollout = Rollout.in_waves(alarms=[alarm(stack, "Errors")])
    return InstanceRole(stack, "Web").associate_with("Fleet", BY_TAGS, rollout=rollout)


def metric_of(association: InstanceProfileAssociation, kind: str, **options: Any) -> cloudwatch.Metric:
    metric = getattr(association, f"metric_{kind}")(**options)
    assert isinstance(metric, cloudwatch.Metric)
    return metric


def widgets_of(dashboard: Stack) -> list[dict[str, Any]]:
    body = as_text(only(dashboard, "AWS::CloudWatch::Dashboard")["Properties"]["DashboardBody"])
    return list(json.loads(body)["widgets"])


def test_the_metrics_are_the_ones_that_the_handler_writes(
    association: InstanceProfileAssociation, capsys: pytest.CaptureFixture[str]
) -> None:
    event = next(frozen.event for frozen in frozen_events(versions()[-1]) if frozen.name == "create-by-tags")
    metrics.write(Request.from_event(event), dict.fromkeys(Metric, 1), 0)
    line = json.loads(capsys.readouterr().out)
    (definition,) = line["_aws"]["CloudWatchMetrics"]
    of_construct = [metric_of(association, kind) for kind in KINDS]

    assert {metric.namespace for metric in of_construct} == {definition["Namespace"]}
    assert [metric.metric_name for metric in of_construct] == [one["Name"] for one in definition["Metrics"]]
    dimensions = Stack.of(association).resolve(of_construct[0].dimensions)
    assert [dimensions.keys()] == [set(names) for names in definition["Dimensions"]]
    assert dimensions == {name: line[name] for name in dimensions}


def test_throttled_calls_are_a_sum_and_all_other_metrics_a_maximum(
    association: InstanceProfileAssociation,
) -> None:
    statistics = {kind: metric_of(association, kind).statistic for kind in KINDS}
    assert statistics == dict.fromkeys(KINDS, "Maximum") | {"throttled": "Sum"}


def test_a_metric_has_a_period_of_one_minute(association: InstanceProfileAssociation) -> None:
    assert association.metric_done().period.to_seconds() == 60


@pytest.mark.parametrize("kind", KINDS)
def test_a_metric_accepts_the_usual_options(association: InstanceProfileAssociation, kind: str) -> None:
    metric = metric_of(
        association, kind, statistic="Average", period=Duration.minutes(5), label="mine", color="#123456"
    )
    assert (metric.statistic, metric.period.to_minutes()) == ("Average", 5)
    assert (metric.label, metric.color) == ("mine", "#123456")


def test_any_metric_can_be_made_by_its_name(association: InstanceProfileAssociation) -> None:
    assert association.metric("Done").metric_name == "Done"


def test_a_dashboard_has_a_row_of_widgets(association: InstanceProfileAssociation) -> None:
    stack = Stack.of(association)
    cloudwatch.Dashboard(stack, "Dashboard").add_widgets(*association.dashboard_widgets())

    *graphs, alarms = widgets_of(stack)

    shown = {graph["properties"]["title"]: [row[1] for row in graph["properties"]["metrics"]] for graph in graphs}
    assert shown == {
        "Targets": ["Targets", "Done"],
        "Failures and throttling": ["Failed", "Throttled"],
        "Wave": ["Wave"],
    }
    assert alarms["properties"]["alarms"] == ["${Errors.Arn}"]
    assert {widget["y"] for widget in (*graphs, alarms)} == {0}


def test_a_dashboard_in_another_region_shows_alarms_that_have_a_name() -> None:
    app = new_app()
    web = Stack(app, "Web", env=IRELAND)
    rollout = Rollout.in_waves(alarms=[alarm(web, "Errors", alarm_name="web-errors")])
    association = InstanceRole(web, "Web").associate_with("Fleet", BY_TAGS, rollout=rollout)
    central = Stack(app, "Central", env=Environment(account="444455556666", region="us-east-1"))
    cloudwatch.Dashboard(central, "Dashboard").add_widgets(*association.dashboard_widgets())

    *_, alarms = widgets_of(central)

    assert alarms["properties"]["alarms"] == [f"arn:aws:cloudwatch:eu-west-1:{ACCOUNT}:alarm:web-errors"]


def test_a_metric_makes_an_alarm(association: InstanceProfileAssociation) -> None:
    stack = Stack(new_app(), "Watching", env=IRELAND)
    association.metric_failed().create_alarm(
        stack,
        "FailedTargets",
        threshold=1,
        evaluation_periods=1,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )
    assert only(stack, "AWS::CloudWatch::Alarm")["Properties"]["TreatMissingData"] == "notBreaching"


def test_a_dashboard_in_another_region_names_that_of_the_metrics_and_adds_nothing_to_their_stack() -> None:
    app = new_app()
    web = Stack(app, "Web", env=IRELAND)
    association = InstanceRole(web, "Web").associate_with("Fleet", BY_TAGS)
    central = Stack(app, "Central", env=Environment(account=ACCOUNT, region="us-east-1"))
    cloudwatch.Dashboard(central, "Dashboard").add_widgets(*association.dashboard_widgets())

    widgets = widgets_of(central)

    assert len(widgets) == 3, "without a rollout there are no alarms to be shown"
    for widget in widgets:
        for *_, options in widget["properties"]["metrics"]:
            assert options["region"] == "eu-west-1"
    template = Template.from_stack(web).to_json()
    assert "Outputs" not in template
    assert not [one for one in template["Resources"].values() if "CloudWatch" in one["Type"]]
