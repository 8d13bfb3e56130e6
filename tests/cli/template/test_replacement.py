"""Which resources CloudFormation puts others in the place of."""

from typing import Any

import pytest

from cdk_instance_role.cli.template.replacement import (
    ALARM,
    COMPOSITE_ALARM,
    INSTANCE,
    MANAGED_POLICY,
    PROFILE,
    ROLE,
    ROLE_POLICY,
    doubts,
    is_replaced,
)


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        (INSTANCE, "ImageId"),
        (INSTANCE, "SubnetId"),
        (INSTANCE, "KeyName"),
        (INSTANCE, "AvailabilityZone"),
        (INSTANCE, "NetworkInterfaces"),
        (ROLE, "Path"),
        (ROLE, "RoleName"),
        (PROFILE, "InstanceProfileName"),
        (MANAGED_POLICY, "ManagedPolicyName"),
        (MANAGED_POLICY, "Description"),
        (MANAGED_POLICY, "Path"),
        (ROLE_POLICY, "PolicyName"),
        (ROLE_POLICY, "RoleName"),
        (ALARM, "AlarmName"),
        (COMPOSITE_ALARM, "AlarmName"),
    ],
)
def test_makes_another_resource_when_one_of_these_changes(kind: str, changed: str) -> None:
    before, after, without = resource(kind, **{changed: "a"}), resource(kind, **{changed: "b"}), resource(kind)

    assert is_replaced(before, after)
    assert is_replaced(without, after)
    assert is_replaced(before, without)
    assert not is_replaced(before, before)


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        (INSTANCE, "UserData"),
        (INSTANCE, "InstanceType"),
        (INSTANCE, "Tags"),
        (INSTANCE, "IamInstanceProfile"),
        (INSTANCE, "BlockDeviceMappings"),
        (ROLE, "Description"),
        ("AWS::SNS::Topic", "TopicName"),
    ],
)
def test_changes_the_resource_that_is_there_when_one_of_these_changes(kind: str, changed: str) -> None:
    assert not is_replaced(resource(kind, **{changed: "a"}), resource(kind, **{changed: "b"}))


def test_makes_another_resource_of_another_type() -> None:
    assert is_replaced(resource(ROLE), resource(PROFILE))
    assert is_replaced(None, resource(ROLE))


@pytest.mark.parametrize(
    ("changed", "ebs", "doubtful"),
    [
        ("UserData", True, False),
        ("UserData", False, True),
        ("InstanceType", False, True),
        ("BlockDeviceMappings", True, True),
        ("Tenancy", True, True),
        ("Tags", False, False),
    ],
)
def test_is_not_sure_about_some_changes_of_an_instance(changed: str, ebs: bool, doubtful: bool) -> None:
    before, after = resource(INSTANCE, **{changed: "a"}), resource(INSTANCE, **{changed: "b"})

    assert doubts(before, after, ebs=ebs) == ([changed] if doubtful else [])
