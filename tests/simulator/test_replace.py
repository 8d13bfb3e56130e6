"""ReplaceIamInstanceProfileAssociation."""

import pytest

from tests.simulator.calls import Calls, refusal, states
from tests.simulator.clock import VirtualClock
from tests.simulator.ec2 import NOT_PROPAGATED
from tests.simulator.fleet import Fleet
from tests.simulator.simulator import Simulator

UNKNOWN = "arn:aws:iam::111122223333:instance-profile/Unknown"


def not_active(association_id: str) -> tuple[str, str]:
    return "IncorrectState", f"The association {association_id} is not the active association"


def test_it_answers_with_a_new_id_that_is_associating(ec2: Calls, fleet: Fleet, web: str, old: str) -> None:
    former = ec2.association(fleet.add_instance(old))
    answer = ec2.replace(former, web)
    assert answer["AssociationId"] != former["AssociationId"]
    assert (answer["State"], answer["IamInstanceProfile"]["Arn"]) == ("associating", web)


def test_for_a_moment_there_are_two_rows(ec2: Calls, fleet: Fleet, web: str, old: str) -> None:
    former = ec2.association(fleet.add_instance(old))
    new = ec2.replace(former, web)
    assert states(ec2.associations(new["InstanceId"])) == {
        former["AssociationId"]: "disassociating",
        new["AssociationId"]: "associating",
    }


def test_after_a_moment_there_is_only_the_new_row(
    ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str, old: str
) -> None:
    instance = fleet.add_instance(old)
    new = ec2.replace(ec2.association(instance), web)
    clock.sleep(10)
    assert states(ec2.associations(instance)) == {new["AssociationId"]: "associated"}


def test_the_new_row_can_be_confirmed_while_the_old_one_is_there(
    ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str, old: str
) -> None:
    instance = fleet.add_instance(old)
    ec2.replace(ec2.association(instance), web)
    clock.sleep(2.5)
    assert sorted(states(ec2.associations(instance)).values()) == ["associated", "disassociating"]


def test_the_two_rows_have_no_fixed_order(ec2: Calls, fleet: Fleet, web: str, old: str) -> None:
    instances = [fleet.add_instance(old) for _ in range(20)]
    for instance in instances:
        ec2.replace(ec2.association(instance), web)
    firsts = {ec2.associations(instance)[0]["State"] for instance in instances}
    assert firsts == {"associating", "disassociating"}


def test_a_running_instance_never_lacks_an_association(
    ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str, old: str
) -> None:
    instance = fleet.add_instance(old)
    ec2.replace(ec2.association(instance), web)
    for _ in range(40):
        assert {"associating", "associated"} & set(states(ec2.associations(instance)).values())
        clock.sleep(0.25)
    assert fleet.bared == []


def test_describe_instances_shows_the_old_profile_for_half_a_second(
    ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str, old: str
) -> None:
    instance = fleet.add_instance(old)
    ec2.replace(ec2.association(instance), web)
    clock.sleep(0.4)
    assert ec2.shown(instance) == old
    clock.sleep(0.1)
    assert ec2.shown(instance) == web


def test_the_same_profile_again_is_a_success_with_the_same_id(ec2: Calls, fleet: Fleet, web: str) -> None:
    association = ec2.association(fleet.add_instance(web))
    assert ec2.replace(association, web) == association
    assert ec2.associations() == [association]


def test_the_same_profile_again_is_a_success_while_it_is_associating(ec2: Calls, fleet: Fleet, web: str) -> None:
    association = ec2.associate(fleet.add_instance(), web)
    assert ec2.replace(association, web) == association


@pytest.mark.parametrize("state", ["stopped", "stopping", "pending"])
def test_fails_when_the_instance_does_not_run(ec2: Calls, fleet: Fleet, web: str, old: str, state: str) -> None:
    former = ec2.association(fleet.add_instance(old, state=state))
    assert refusal(ec2.replace, former, web) == not_active(former["AssociationId"])


def test_fails_when_the_instance_is_stopped_even_for_the_same_profile(ec2: Calls, fleet: Fleet, web: str) -> None:
    association = ec2.association(fleet.add_instance(web, state="stopped"))
    assert refusal(ec2.replace, association, web) == not_active(association["AssociationId"])


def test_fails_when_the_association_was_replaced(ec2: Calls, fleet: Fleet, web: str, old: str) -> None:
    former = ec2.association(fleet.add_instance(old))
    ec2.replace(former, web)
    assert refusal(ec2.replace, former, web) == not_active(former["AssociationId"])


def test_fails_when_the_association_is_finished(
    ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str, old: str
) -> None:
    former = ec2.association(fleet.add_instance(old))
    ec2.replace(former, web)
    clock.sleep(10)
    code, message = refusal(ec2.replace, former, web)
    assert (code, former["AssociationId"] in message) == ("InvalidAssociationID.NotFound", True)


def test_fails_when_there_has_never_been_such_an_association(ec2: Calls, web: str) -> None:
    code, message = refusal(ec2.replace, "iip-assoc-0123456789abcdef0", web)
    assert (code, "Invalid Id" in message) == ("InvalidParameterValue", True)


def test_fails_when_the_instance_is_terminated(ec2: Calls, fleet: Fleet, web: str, old: str) -> None:
    instance = fleet.add_instance(old)
    former = ec2.association(instance)
    fleet.change_state(instance, "terminated")
    assert refusal(ec2.replace, former, web)[0] == "InvalidAssociationID.NotFound"


@pytest.mark.parametrize("form", [None, NOT_PROPAGATED])
def test_fails_when_the_profile_is_unknown_and_keeps_the_old_one(
    simulator: Simulator, ec2: Calls, fleet: Fleet, old: str, form: tuple[str, str] | None
) -> None:
    simulator.ec2.unknown_profile = form
    former = ec2.association(fleet.add_instance(old))
    code, _ = refusal(ec2.replace, former, UNKNOWN)
    assert code == ("IncorrectState" if form else "InvalidParameterValue")
    assert ec2.associations() == [former]
