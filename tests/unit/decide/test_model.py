"""The basic values of the handler."""

import pytest

from cdk_instance_role.runtime.association.arn import name_of
from cdk_instance_role.runtime.association.decide.model import GONE, UNSETTLED, Association, InstanceState, Profile
from tests.unit.builders import WANTED, instance


@pytest.mark.parametrize("path", ["", "team/", "cdk-instance-role/Stack/"])
def test_the_name_of_a_profile_is_without_its_path(path: str) -> None:
    assert name_of(f"arn:aws:iam::111122223333:instance-profile/{path}Web") == "Web"


def test_an_instance_carries_the_profile_of_its_active_association() -> None:
    assert instance(WANTED, established=False).carries == WANTED


def test_an_instance_without_an_active_association_carries_no_profile() -> None:
    assert instance(leaving=True).carries is None


def test_a_target_is_acted_on_only_when_running_or_stopped() -> None:
    assert set(InstanceState) - GONE - UNSETTLED == {InstanceState.RUNNING, InstanceState.STOPPED}


def test_a_state_that_is_new_to_ec2_is_waited_for() -> None:
    assert InstanceState.of("hibernating") in UNSETTLED
    assert InstanceState.of("in an unknown state") in UNSETTLED


@pytest.mark.parametrize("name", ["pending", "running", "stopping", "stopped", "shutting-down", "terminated"])
def test_knows_the_states_of_ec2_by_name(name: str) -> None:
    assert InstanceState.of(name) == name


@pytest.mark.parametrize(
    ("associated_with", "known", "held"),
    [("AIPA1", "AIPA1", True), ("AIPA1", "AIPA2", False), (None, "AIPA2", True), ("AIPA1", None, True)],
)
def test_a_profile_that_was_created_again_is_another_one_and_an_unknown_id_counts_as_equal(
    associated_with: str | None, known: str | None, held: bool
) -> None:
    association = Association("iip-assoc-1", WANTED, established=True, profile_id=associated_with)
    assert Profile(WANTED, None, trusts_ec2=True, id=known).is_held_by(association) is held
