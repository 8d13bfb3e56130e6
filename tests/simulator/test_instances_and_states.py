"""Instances that change their state or are terminated at any moment."""

import pytest

from tests.simulator.calls import Calls, refusal
from tests.simulator.clients import Clients
from tests.simulator.clock import VirtualClock
from tests.simulator.ec2 import ASSOCIATE
from tests.simulator.fleet import Fleet
from tests.simulator.simulator import Simulator

CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}


def seen(ec2: Calls, instance_id: str) -> str:
    (instance,) = ec2.instances("instance-id", instance_id)
    return str(instance["State"]["Name"])


@pytest.mark.parametrize(("state", "code"), CODES.items())
def test_a_state_has_a_name_and_a_code(ec2: Calls, fleet: Fleet, state: str, code: int) -> None:
    (instance,) = ec2.instances("instance-id", fleet.add_instance(state=state))
    assert instance["State"] == {"Name": state, "Code": code}


def test_an_instance_changes_its_state_at_a_given_time(ec2: Calls, fleet: Fleet, clock: VirtualClock) -> None:
    instance = fleet.add_instance(later=[(10, "stopping"), (60, "stopped")])
    history = []
    for _ in range(3):
        history.append(seen(ec2, instance))
        clock.sleep(30)
    assert history == ["running", "stopping", "stopped"]


def test_an_instance_can_be_launched_during_a_test(ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str) -> None:
    instance = fleet.add_instance(state="pending", later=[(20, "running")])
    assert refusal(ec2.associate, instance, web)[0] == "IncorrectInstanceState"
    clock.sleep(20)
    assert ec2.associate(instance, web)


def test_an_instance_can_change_its_state_between_describe_and_change(
    simulator: Simulator, ec2: Calls, fleet: Fleet, web: str
) -> None:
    instance = fleet.add_instance()
    simulator.traffic.meanwhile(ASSOCIATE, lambda: fleet.change_state(instance, "stopping"))
    assert seen(ec2, instance) == "running"
    assert refusal(ec2.associate, instance, web)[0] == "IncorrectInstanceState"


def test_an_instance_keeps_its_association_when_it_stops_and_starts(ec2: Calls, fleet: Fleet, web: str) -> None:
    instance = fleet.add_instance(web)
    before = ec2.association(instance)
    for state in ("stopping", "stopped", "pending", "running"):
        fleet.change_state(instance, state)
        assert ec2.association(instance) == before


def test_a_terminated_instance_has_no_association(ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str) -> None:
    instance = fleet.add_instance(web, later=[(10, "shutting-down"), (20, "terminated")])
    clock.sleep(10)
    assert ec2.association(instance)
    clock.sleep(10)
    assert ec2.associations(instance) == []


def test_a_terminated_instance_shows_no_profile(ec2: Calls, fleet: Fleet, web: str) -> None:
    instance = fleet.add_instance(web)
    fleet.change_state(instance, "terminated")
    assert (seen(ec2, instance), ec2.shown(instance)) == ("terminated", None)
    assert ec2.instances("iam-instance-profile.arn", web) == []


def test_both_rows_disappear_when_an_instance_is_terminated_during_a_replacement(
    ec2: Calls, fleet: Fleet, web: str, old: str
) -> None:
    instance = fleet.add_instance(old)
    ec2.replace(ec2.association(instance), web)
    fleet.change_state(instance, "terminated")
    assert ec2.associations() == []


def test_fails_to_disassociate_when_the_instance_is_terminated(ec2: Calls, fleet: Fleet, web: str) -> None:
    instance = fleet.add_instance(web)
    association = ec2.association(instance)
    fleet.change_state(instance, "terminated")
    assert refusal(ec2.disassociate, association)[0] == "InvalidAssociationID.NotFound"


def test_an_instance_that_was_terminated_long_ago_is_unknown(clients: Clients, fleet: Fleet) -> None:
    instance = fleet.add_instance()
    del fleet.instances[instance]
    refused = refusal(clients.ec2.describe_instances, InstanceIds=[instance])
    assert refused[0] == "InvalidInstanceID.NotFound"


def test_a_running_instance_that_loses_its_association_is_noted_as_bare(ec2: Calls, fleet: Fleet, web: str) -> None:
    running, stopped = fleet.add_instance(web), fleet.add_instance(web, state="stopped")
    for instance in (running, stopped):
        ec2.disassociate(ec2.association(instance))
    assert fleet.bared == [running]
