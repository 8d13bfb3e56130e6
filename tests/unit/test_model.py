"""The values that the handler thinks in."""

import pytest

from cdk_instance_role.runtime.association.model import GONE, SELECTABLE, UNSETTLED, InstanceState, name_of
from tests.unit.builders import WANTED, instance


@pytest.mark.parametrize("path", ["", "team/", "cdk-instance-role/Stack/"])
def test_the_name_of_a_profile_is_without_its_path(path: str) -> None:
    assert name_of(f"arn:aws:iam::111122223333:instance-profile/{path}Web") == "Web"


def test_an_instance_carries_the_profile_of_its_active_association() -> None:
    assert instance(WANTED, established=False).carries == WANTED


def test_an_instance_without_an_active_association_carries_nothing() -> None:
    assert instance(leaving=True).carries is None


def test_every_state_is_gone_or_can_be_selected() -> None:
    assert set(SELECTABLE) | GONE == set(InstanceState)
    assert not set(SELECTABLE) & GONE


def test_a_target_is_acted_on_only_when_running_or_stopped() -> None:
    assert set(SELECTABLE) - UNSETTLED == {InstanceState.RUNNING, InstanceState.STOPPED}
