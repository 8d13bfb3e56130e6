"""What the properties of the custom resource say about enforcement."""

from typing import Any

import pytest

from cdk_instance_role.runtime.association.contract import EnforcementMode
from cdk_instance_role.runtime.association.exceptions import RequestError
from cdk_instance_role.runtime.association.request.enforcement import EnforcementSettings
from cdk_instance_role.runtime.association.request.event import Request


def settings(**given: Any) -> EnforcementSettings:
    found = EnforcementSettings.from_properties({"Enforcement": {"Mode": "repair", **given}})
    assert found is not None
    return found


def test_without_the_property_only_deployments_act() -> None:
    assert EnforcementSettings.from_properties({}) is None


def test_missing_keys_have_the_documented_defaults() -> None:
    found = settings()
    assert (found.mode, found.every, found.repairs) == (EnforcementMode.REPAIR, 900.0, True)
    assert found.limit(1000) == 100


@pytest.mark.parametrize(
    ("max_changes", "held", "limit"),
    [("10%", 1000, 100), ("10%", 49, 5), ("10%", 0, 5), ("2.5%", 1000, 25), ("3", 1000, 3), ("100%", 70, 70)],
)
def test_a_percentage_is_of_the_held_instances_and_at_least_five(max_changes: str, held: int, limit: int) -> None:
    assert settings(MaxChanges=max_changes).limit(held) == limit


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"Mode": "fix"}, "Mode of Enforcement is 'fix': expected report or repair"),
        ({"EverySeconds": "59"}, "EverySeconds of Enforcement is '59': expected seconds from 60 to 86400"),
        ({"EverySeconds": "86401"}, "EverySeconds of Enforcement is '86401': expected seconds from 60 to 86400"),
        ({"EverySeconds": "soon"}, "EverySeconds of Enforcement is 'soon': expected seconds from 60 to 86400"),
        ({"MaxChanges": "0"}, "MaxChanges of Enforcement is '0': expected a number of instances from 1, or a"),
        ({"MaxChanges": "200%"}, "MaxChanges of Enforcement is '200%': expected a number of instances from 1, or a"),
        ({"MaxChanges": "-5"}, "MaxChanges of Enforcement is '-5': expected a number of instances from 1, or a"),
        ({"MaxChanges": "nan"}, "MaxChanges of Enforcement is 'nan': expected a number of instances from 1, or a"),
    ],
)
def test_a_malformed_part_is_refused_with_what_is_expected(given: dict[str, str], message: str) -> None:
    with pytest.raises(RequestError) as refused:
        settings(**given)
    assert str(refused.value).startswith(message)


def test_enforcement_with_retain_is_refused() -> None:
    properties = {
        "InstanceProfileArn": "arn:aws:iam::111122223333:instance-profile/Web",
        "RoleArn": "arn:aws:iam::111122223333:role/Web",
        "InstanceTags": {"app": ["web"]},
        "RemovalPolicy": "Retain",
        "Enforcement": {"Mode": "report"},
    }
    event = {
        "RequestType": "Create",
        "RequestId": "1",
        "StackId": "arn:aws:cloudformation:eu-west-1:111122223333:stack/S/1",
        "LogicalResourceId": "Association",
        "ResourceProperties": properties,
    }
    with pytest.raises(RequestError) as refused:
        Request.from_event(event)
    assert "enforcement could not tell a retained profile from drift, leave one of them out" in str(refused.value)
