"""AssociateIamInstanceProfile."""

import pytest

from tests.simulator.calls import Calls, refusal
from tests.simulator.ec2 import NOT_PROPAGATED
from tests.simulator.fleet import Fleet
from tests.simulator.simulator import Simulator

UNKNOWN = "arn:aws:iam::111122223333:instance-profile/Unknown"


def existing(instance_id: str) -> tuple[str, str]:
    return "IncorrectState", f"There is an existing association for instance {instance_id}"


def test_it_answers_associating(ec2: Calls, fleet: Fleet, web: str) -> None:
    assert ec2.associate(fleet.add_instance(), web)["State"] == "associating"


def test_it_answers_with_the_instance_and_the_profile(ec2: Calls, fleet: Fleet, web: str) -> None:
    instance = fleet.add_instance()
    answer = ec2.associate(instance, web)
    assert (answer["InstanceId"], answer["IamInstanceProfile"]["Arn"]) == (instance, web)


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_it_works_on_a_running_and_on_a_stopped_instance(ec2: Calls, fleet: Fleet, web: str, state: str) -> None:
    instance = fleet.add_instance(state=state)
    answer = ec2.associate(instance, web)
    assert ec2.association(instance)["AssociationId"] == answer["AssociationId"]


@pytest.mark.parametrize("state", ["pending", "stopping", "shutting-down", "terminated"])
def test_fails_when_the_instance_is_in_another_state(ec2: Calls, fleet: Fleet, web: str, state: str) -> None:
    instance = fleet.add_instance(state=state)
    message = f"The instance '{instance}' is not in the 'running' or 'stopped' states."
    assert refusal(ec2.associate, instance, web) == ("IncorrectInstanceState", message)


@pytest.mark.parametrize("state", ["pending", "stopping"])
def test_an_instance_that_changes_its_state_may_be_accepted_which_is_not_known_for_certain(
    simulator: Simulator, ec2: Calls, fleet: Fleet, web: str, state: str
) -> None:
    simulator.ec2.associable_states |= {"pending", "stopping"}
    assert ec2.associate(fleet.add_instance(state=state), web)["State"] == "associating"


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_fails_when_the_instance_has_another_profile(ec2: Calls, fleet: Fleet, web: str, old: str, state: str) -> None:
    instance = fleet.add_instance(old, state=state)
    assert refusal(ec2.associate, instance, web) == existing(instance)


def test_fails_when_the_instance_has_the_same_profile(ec2: Calls, fleet: Fleet, web: str) -> None:
    instance = fleet.add_instance(web)
    assert refusal(ec2.associate, instance, web) == existing(instance)


def test_fails_when_the_same_profile_is_still_associating(ec2: Calls, fleet: Fleet, web: str) -> None:
    instance = fleet.add_instance()
    ec2.associate(instance, web)
    assert refusal(ec2.associate, instance, web) == existing(instance)
    assert ec2.association(instance)["State"] == "associating"


def test_a_refused_call_leaves_everything_as_it_was(ec2: Calls, fleet: Fleet, web: str, old: str) -> None:
    instance = fleet.add_instance(old)
    before = ec2.associations()
    refusal(ec2.associate, instance, web)
    assert ec2.associations() == before


def test_fails_when_no_profile_with_the_arn_exists(ec2: Calls, fleet: Fleet) -> None:
    code, message = refusal(ec2.associate, fleet.add_instance(), UNKNOWN)
    assert code == "InvalidParameterValue"
    assert message.endswith("Invalid IAM Instance Profile ARN")


def test_fails_when_no_profile_with_the_name_exists(ec2: Calls, fleet: Fleet) -> None:
    code, message = refusal(ec2.associate, fleet.add_instance(), Name="Unknown")
    assert code == "InvalidParameterValue"
    assert message.endswith("Invalid IAM Instance Profile name")


def test_an_unknown_profile_may_be_answered_with_an_incorrect_state(
    simulator: Simulator, ec2: Calls, fleet: Fleet
) -> None:
    simulator.ec2.unknown_profile = NOT_PROPAGATED
    refused = refusal(ec2.associate, fleet.add_instance(), UNKNOWN)
    assert refused == ("IncorrectState", "InstanceIdentityProfileNotFound")


def test_a_profile_is_known_by_its_name_too(ec2: Calls, fleet: Fleet, web: str) -> None:
    assert ec2.associate(fleet.add_instance(), Name="Web")["IamInstanceProfile"]["Arn"] == web


def test_with_both_name_and_arn_ec2_uses_the_arn_without_an_error(ec2: Calls, fleet: Fleet, web: str, old: str) -> None:
    answer = ec2.associate(fleet.add_instance(), web, Name=old.rpartition("/")[2])
    assert answer["IamInstanceProfile"]["Arn"] == web


@pytest.mark.usefixtures("web")
def test_fails_when_the_arn_is_unknown_although_the_name_is_known(ec2: Calls, fleet: Fleet) -> None:
    code, _ = refusal(ec2.associate, fleet.add_instance(), UNKNOWN, Name="Web")
    assert code == "InvalidParameterValue"


def test_a_profile_without_a_role_is_accepted_without_an_error(ec2: Calls, fleet: Fleet) -> None:
    empty = fleet.add_profile("Empty", role=None)
    assert ec2.associate(fleet.add_instance(), empty)["State"] == "associating"


@pytest.mark.parametrize("id_", ["web", "i-123", "i-0123456789ABCDEF0", "iip-assoc-0123456789abcdef0"])
def test_fails_when_the_instance_id_is_malformed(ec2: Calls, web: str, id_: str) -> None:
    code, message = refusal(ec2.associate, id_, web)
    assert (code, id_ in message) == ("InvalidInstanceID.Malformed", True)


@pytest.mark.parametrize("id_", ["i-01234567", "i-0123456789abcdef0"])
def test_fails_when_the_instance_does_not_exist(ec2: Calls, web: str, id_: str) -> None:
    message = f"The instance ID '{id_}' does not exist"
    assert refusal(ec2.associate, id_, web) == ("InvalidInstanceID.NotFound", message)
