"""The protocols: what boto3 sends arrives, and what is answered is what boto3 returns."""

import pytest

from tests.simulator.calls import Calls, refusal
from tests.simulator.clients import Clients
from tests.simulator.dynamodb import GET
from tests.simulator.ec2 import DESCRIBE_INSTANCES
from tests.simulator.errors import AwsError
from tests.simulator.fleet import Fleet
from tests.simulator.iam import GET_PROFILE
from tests.simulator.simulator import Simulator
from tests.simulator.wire import parse_form

AWKWARD = ["a&b", "<tag>", '"quoted"', "a b+c%20d", "Grüße, 世界", "a.1.b", "1", ""]


def test_a_list_of_a_form_is_a_list() -> None:
    assert parse_form("InstanceId.1=a&InstanceId.2=b") == {"InstanceId": ["a", "b"]}


def test_a_long_list_keeps_its_order() -> None:
    form = "&".join(f"InstanceId.{number}={number}" for number in range(1, 21))
    assert parse_form(form)["InstanceId"] == [str(number) for number in range(1, 21)]


def test_a_structure_of_a_form_is_a_structure() -> None:
    assert parse_form("IamInstanceProfile.Arn=a&Action=b") == {"IamInstanceProfile": {"Arn": "a"}, "Action": "b"}


def test_a_list_of_structures_may_contain_lists() -> None:
    form = "Filter.1.Name=a&Filter.1.Value.1=x&Filter.1.Value.2=y&Filter.2.Name=b&Filter.2.Value.1=z"
    assert parse_form(form) == {"Filter": [{"Name": "a", "Value": ["x", "y"]}, {"Name": "b", "Value": ["z"]}]}


def test_an_empty_value_of_a_form_is_kept() -> None:
    assert parse_form("Filter.1.Value.1=") == {"Filter": [{"Value": [""]}]}


@pytest.mark.parametrize("value", AWKWARD)
def test_any_text_is_returned_unchanged(ec2: Calls, fleet: Fleet, value: str) -> None:
    fleet.add_instance(tags={"app": value})
    (instance,) = ec2.instances("tag:app", value)
    assert instance["Tags"] == [{"Key": "app", "Value": value}]


@pytest.mark.parametrize("text", AWKWARD[:-1])
def test_any_text_fits_into_an_error_of_ec2(simulator: Simulator, ec2: Calls, text: str) -> None:
    simulator.traffic.fail(DESCRIBE_INSTANCES, AwsError("Refused", text))
    assert refusal(ec2.instances, "instance-id", "i-01234567") == ("Refused", text)


@pytest.mark.parametrize("text", AWKWARD[:-1])
def test_any_text_fits_into_an_error_of_iam(simulator: Simulator, clients: Clients, text: str) -> None:
    simulator.traffic.fail(GET_PROFILE, AwsError("Refused", text))
    assert refusal(clients.iam.get_instance_profile, InstanceProfileName="Web") == ("Refused", text)


@pytest.mark.parametrize("text", AWKWARD[:-1])
def test_any_text_fits_into_an_error_of_dynamodb(simulator: Simulator, clients: Clients, text: str) -> None:
    simulator.traffic.fail(GET, AwsError("Refused", text))
    assert refusal(clients.dynamodb.get_item, TableName="Ledger", Key={}, ConsistentRead=True) == ("Refused", text)


def test_an_error_has_its_http_status(simulator: Simulator, clients: Clients) -> None:
    simulator.traffic.fail(DESCRIBE_INSTANCES, AwsError("Refused", "why", 418))
    with pytest.raises(clients.ec2_changes.exceptions.ClientError) as caught:
        clients.ec2_changes.describe_instances()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 418


def test_a_missing_value_is_left_out(ec2: Calls, fleet: Fleet) -> None:
    (instance,) = ec2.instances("instance-id", fleet.add_instance())
    assert "IamInstanceProfile" not in instance


def test_several_instances_are_parsed_as_several(ec2: Calls, fleet: Fleet) -> None:
    instances = [fleet.add_instance() for _ in range(12)]
    assert sorted(one["InstanceId"] for one in ec2.instances("instance-id", *instances)) == sorted(instances)
