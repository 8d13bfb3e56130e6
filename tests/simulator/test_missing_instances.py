"""An instance that an answer does not show may be terminated or not: calls by id, and answers to filters."""

from http import HTTPStatus
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.simulator.calls import Calls, refusal
from tests.simulator.clients import Clients
from tests.simulator.clock import VirtualClock
from tests.simulator.ec2 import DESCRIBE_ASSOCIATIONS
from tests.simulator.errors import AwsError
from tests.simulator.fleet import Fleet
from tests.simulator.simulator import Simulator

HOUR = 3600
NOT_FOUND = "InvalidInstanceID.NotFound"
UNKNOWN = ["i-0000000000000dead", "i-0000000000000beef"]
ZONE = "eu-west-1b"


def by_id(clients: Clients, *instance_ids: str, **more: Any) -> set[str]:
    """The instances that DescribeInstances shows of those that it is asked for by id."""
    answer = clients.ec2_changes.describe_instances(InstanceIds=list(instance_ids), **more)
    return {instance["InstanceId"] for reservation in answer["Reservations"] for instance in reservation["Instances"]}


def filtered(ec2: Calls, *instance_ids: str) -> set[str]:
    """Those that it shows of an answer to a filter."""
    return {instance["InstanceId"] for instance in ec2.instances("instance-id", *instance_ids)}


def test_a_call_by_id_shows_the_instances(clients: Clients, fleet: Fleet) -> None:
    both = {fleet.add_instance(), fleet.add_instance()}
    fleet.add_instance()
    assert by_id(clients, *both) == both


@pytest.mark.parametrize(
    ("unknown", "message"),
    [
        (UNKNOWN[:1], f"The instance ID '{UNKNOWN[0]}' does not exist"),
        (UNKNOWN, f"The instance IDs '{UNKNOWN[0]}, {UNKNOWN[1]}' do not exist"),
    ],
)
def test_a_call_by_id_fails_as_a_whole_and_names_the_ids_that_are_unknown(
    clients: Clients, fleet: Fleet, unknown: list[str], message: str
) -> None:
    with pytest.raises(ClientError) as error:
        by_id(clients, fleet.add_instance(), *unknown)
    response = error.value.response
    assert (response["Error"]["Code"], response["Error"]["Message"]) == (NOT_FOUND, message)
    assert response["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.BAD_REQUEST


def test_an_answer_to_a_filter_shows_the_others(ec2: Calls, fleet: Fleet) -> None:
    known = fleet.add_instance()
    assert filtered(ec2, known, *UNKNOWN) == {known}


def test_fails_when_ids_come_with_a_page_size(clients: Clients, fleet: Fleet) -> None:
    assert refusal(by_id, clients, fleet.add_instance(), MaxResults=5)[0] == "InvalidParameterCombination"


def test_a_terminated_instance_is_shown_for_an_hour_and_then_unknown(
    clients: Clients, ec2: Calls, fleet: Fleet, clock: VirtualClock
) -> None:
    by_hand, by_itself = fleet.add_instance(), fleet.add_instance(later=[(60, "shutting-down"), (120, "terminated")])
    clock.sleep(120)
    fleet.change_state(by_hand, "terminated")
    clock.sleep(HOUR - 1)
    both = {by_hand, by_itself}
    assert by_id(clients, *both) == filtered(ec2, *both) == both
    clock.sleep(1)
    assert filtered(ec2, *both) == set()
    for one in both:
        assert refusal(by_id, clients, one)[0] == NOT_FOUND


def test_an_instance_in_any_other_state_is_always_shown(
    clients: Clients, ec2: Calls, fleet: Fleet, clock: VirtualClock
) -> None:
    instance = fleet.add_instance(state="stopped")
    clock.sleep(1000 * HOUR)
    assert by_id(clients, instance) == filtered(ec2, instance) == {instance}


def test_an_instance_may_have_an_undocumented_state(ec2: Calls, fleet: Fleet, web: str) -> None:
    instance = fleet.add_instance()
    fleet.change_state(instance, "frozen")
    (described,) = ec2.instances("instance-state-name", "frozen")
    assert (described["InstanceId"], described["State"]["Name"]) == (instance, "frozen")
    assert refusal(ec2.associate, instance, web)[0] == "IncorrectInstanceState"


def test_an_answer_to_a_filter_may_be_incomplete(
    simulator: Simulator, clients: Clients, ec2: Calls, fleet: Fleet, web: str
) -> None:
    shown, hidden = fleet.add_instance(web), fleet.add_instance(web, tags={"app": "web"})
    simulator.ec2.leave_out(hidden)
    assert filtered(ec2, shown, hidden) == {shown}
    assert ec2.instances("tag:app", "web") == []
    assert ec2.instances("iam-instance-profile.arn", web) != []
    assert by_id(clients, hidden) == {hidden}
    assert ec2.association(hidden)["State"] == "associated"


def test_a_given_number_of_answers_is_incomplete(simulator: Simulator, ec2: Calls, fleet: Fleet) -> None:
    """An answer that would not have shown the instance anyway does not count."""
    hidden, other = fleet.add_instance(), fleet.add_instance()
    simulator.ec2.leave_out(hidden, times=2)
    filtered(ec2, other)
    assert [filtered(ec2, hidden) for _ in range(3)] == [set(), set(), {hidden}]


def test_an_answer_about_associations_may_be_incomplete_too(
    simulator: Simulator, ec2: Calls, fleet: Fleet, web: str
) -> None:
    shown, hidden = fleet.add_instance(web), fleet.add_instance(web)
    simulator.ec2.leave_out(hidden, action=DESCRIBE_ASSOCIATIONS, times=1)
    assert [row["InstanceId"] for row in ec2.associations(shown, hidden)] == [shown]
    assert len(ec2.associations(shown, hidden)) == 2
    assert filtered(ec2, hidden) == {hidden}


def test_calls_by_id_can_fail_while_filters_answer(
    simulator: Simulator, clients: Clients, ec2: Calls, fleet: Fleet, web: str, old: str
) -> None:
    """As in an outage of an Availability Zone."""
    there, here = fleet.add_instance(old, zone=ZONE), fleet.add_instance(old)
    association = ec2.association(there)
    simulator.ec2.failing_zones = {ZONE}

    assert filtered(ec2, there, here) == {there, here}
    assert ec2.association(there)["State"] == "associated"
    assert by_id(clients, here) == {here}
    assert refusal(by_id, clients, here, there)[0] == "InternalError"
    assert refusal(ec2.replace, association, web)[0] == "InternalError"

    simulator.ec2.failing_zones = set()
    assert by_id(clients, here, there) == {here, there}


def test_an_outage_can_answer_with_another_error(simulator: Simulator, clients: Clients, fleet: Fleet) -> None:
    simulator.ec2.failing_zones = {ZONE}
    simulator.ec2.outage = AwsError("Unavailable", "The service is unavailable", HTTPStatus.SERVICE_UNAVAILABLE)
    assert refusal(by_id, clients, fleet.add_instance(zone=ZONE))[0] == "Unavailable"


@pytest.mark.parametrize("seconds", [HOUR, -HOUR])
def test_the_clock_of_the_handler_can_be_wrong_but_not_that_of_ec2(
    ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str, seconds: float
) -> None:
    instance = fleet.add_instance(later=[(60, "stopped")])
    began = ec2.associate(instance, web)["Timestamp"].timestamp()
    clock.jump(seconds)
    assert ec2.association(instance)["State"] == "associating"
    assert ec2.association(instance)["Timestamp"].timestamp() == began
    clock.sleep(60)
    assert (ec2.association(instance)["State"], fleet.state(instance)) == ("associated", "stopped")
