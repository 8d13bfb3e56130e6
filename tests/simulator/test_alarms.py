"""CloudWatch's alarms."""

import pytest
from botocore.exceptions import ClientError

from tests.simulator.authority import Authority
from tests.simulator.clients import Clients
from tests.simulator.simulator import Simulator

BOTH = ["MetricAlarm", "CompositeAlarm"]
ARN = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:Errors"


@pytest.fixture(autouse=True)
def _alarms(simulator: Simulator) -> None:
    simulator.cloudwatch.alarms = {"Errors": "OK", "Latency": "ALARM"}
    simulator.cloudwatch.composite_alarms = {"Everything": "ALARM"}


def allowed_on(resource: str) -> Authority:
    statement = {"Effect": "Allow", "Action": "cloudwatch:DescribeAlarms", "Resource": resource}
    return Authority({"Handler": {"Version": "2012-10-17", "Statement": [statement]}})


def test_only_alarms_that_are_named_are_in_the_answer(clients: Clients) -> None:
    answer = clients.cloudwatch.describe_alarms(AlarmNames=["Errors", "Unknown"], AlarmTypes=BOTH)  # type: ignore[arg-type]
    assert [(alarm["AlarmName"], alarm["StateValue"]) for alarm in answer["MetricAlarms"]] == [("Errors", "OK")]
    assert answer["CompositeAlarms"] == []


def test_composite_alarms_are_in_the_answer_only_if_their_type_is_named(clients: Clients) -> None:
    assert clients.cloudwatch.describe_alarms(AlarmNames=["Everything"])["CompositeAlarms"] == []
    (alarm,) = clients.cloudwatch.describe_alarms(AlarmNames=["Everything"], AlarmTypes=BOTH)["CompositeAlarms"]  # type: ignore[arg-type]
    assert alarm["StateValue"] == "ALARM"


def test_a_right_to_one_alarm_is_enough_for_that_one(simulator: Simulator, clients: Clients) -> None:
    simulator.authority = allowed_on(ARN)
    clients.cloudwatch.describe_alarms(AlarmNames=["Errors"])
    with pytest.raises(ClientError, match="AccessDenied"):
        clients.cloudwatch.describe_alarms(AlarmNames=["Latency"])


def test_composite_alarms_need_the_right_to_all(simulator: Simulator, clients: Clients) -> None:
    simulator.authority = allowed_on("arn:aws:cloudwatch:eu-west-1:111122223333:alarm:*")
    with pytest.raises(ClientError, match="AccessDenied"):
        clients.cloudwatch.describe_alarms(AlarmNames=["Everything"], AlarmTypes=BOTH)  # type: ignore[arg-type]
    simulator.authority = allowed_on("*")
    clients.cloudwatch.describe_alarms(AlarmNames=["Everything"], AlarmTypes=BOTH)  # type: ignore[arg-type]
