"""DisassociateIamInstanceProfile."""

from tests.simulator.calls import Calls, refusal
from tests.simulator.clock import VirtualClock
from tests.simulator.fleet import Fleet
from tests.simulator.simulator import Simulator


def test_a_running_instance_answers_disassociating(ec2: Calls, fleet: Fleet, web: str) -> None:
    association = ec2.association(fleet.add_instance(web))
    answer = ec2.disassociate(association)
    assert (answer["AssociationId"], answer["State"]) == (association["AssociationId"], "disassociating")


def test_describe_lists_an_association_while_it_is_disassociating(ec2: Calls, fleet: Fleet, web: str) -> None:
    instance = fleet.add_instance(web)
    ec2.disassociate(ec2.association(instance))
    assert ec2.association(instance)["State"] == "disassociating"


def test_it_can_be_repeated_while_the_association_is_disassociating(
    ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str
) -> None:
    association = ec2.association(fleet.add_instance(web))
    answer = ec2.disassociate(association)
    clock.sleep(1)
    assert ec2.disassociate(association) == answer


def test_repeating_it_takes_no_longer(ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str) -> None:
    instance = fleet.add_instance(web)
    association = ec2.association(instance)
    ec2.disassociate(association)
    clock.sleep(2)
    ec2.disassociate(association)
    clock.sleep(1)
    assert ec2.associations(instance) == []


def test_then_the_association_has_ended(ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str) -> None:
    instance = fleet.add_instance(web)
    ec2.disassociate(ec2.association(instance))
    clock.sleep(10)
    assert (ec2.associations(instance), ec2.shown(instance)) == ([], None)


def test_fails_when_the_association_has_ended(ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str) -> None:
    association = ec2.association(fleet.add_instance(web))
    ec2.disassociate(association)
    clock.sleep(10)
    code, message = refusal(ec2.disassociate, association)
    assert (code, association["AssociationId"] in message) == ("InvalidAssociationID.NotFound", True)


def test_fails_when_there_has_never_been_such_an_association(ec2: Calls) -> None:
    assert refusal(ec2.disassociate, "iip-assoc-0123456789abcdef0")[0] == "InvalidAssociationID.NotFound"


def test_a_stopped_instance_answers_disassociated_at_once(ec2: Calls, fleet: Fleet, web: str) -> None:
    instance = fleet.add_instance(web, state="stopped")
    assert ec2.disassociate(ec2.association(instance))["State"] == "disassociated"
    assert ec2.associations(instance) == []


def test_a_stopped_instance_can_be_given_another_profile_right_after(
    ec2: Calls, fleet: Fleet, web: str, old: str
) -> None:
    instance = fleet.add_instance(old, state="stopped")
    ec2.disassociate(ec2.association(instance))
    answer = ec2.associate(instance, web)
    assert ec2.associations(instance) == [answer]


def test_fails_to_give_a_running_instance_another_profile_right_after_which_is_a_cautious_assumption(
    ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str, old: str
) -> None:
    instance = fleet.add_instance(old)
    ec2.disassociate(ec2.association(instance))
    refused = refusal(ec2.associate, instance, web)
    assert refused == ("IncorrectState", f"There is an existing association for instance {instance}")
    clock.sleep(10)
    assert ec2.associate(instance, web)["State"] == "associating"


def test_a_running_instance_may_accept_another_profile_right_after_which_is_not_known_for_certain(
    simulator: Simulator, ec2: Calls, fleet: Fleet, web: str, old: str
) -> None:
    simulator.ec2.waits_for_the_old = False
    instance = fleet.add_instance(old)
    ec2.disassociate(ec2.association(instance))
    assert ec2.associate(instance, web)["State"] == "associating"
    assert refusal(ec2.associate, instance, web)[0] == "IncorrectState"


def test_a_long_ended_association_is_not_shown_when_another_one_begins(
    ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str, old: str
) -> None:
    instance = fleet.add_instance(old)
    ec2.disassociate(ec2.association(instance))
    clock.sleep(10)
    ec2.associate(instance, web)
    assert ec2.shown(instance) == web


def test_the_old_association_can_be_disassociated_although_it_was_replaced(
    ec2: Calls, fleet: Fleet, web: str, old: str
) -> None:
    former = ec2.association(fleet.add_instance(old))
    new = ec2.replace(former, web)
    assert ec2.disassociate(former)["State"] == "disassociating"
    assert new in ec2.associations(new["InstanceId"])
