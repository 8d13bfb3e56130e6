"""Which resources CloudFormation replaces."""

from typing import Any

import pytest

from cdk_instance_role.cli.template.deployed_stack import DeployedStack
from cdk_instance_role.cli.template.intrinsic_functions import Resolver, UnresolvedError
from cdk_instance_role.cli.template.property_values import NewFunctionError
from cdk_instance_role.cli.template.replacement import (
    ALARM,
    COMPOSITE_ALARM,
    DELETION,
    FUNCTION,
    INSTANCE,
    MANAGED_POLICY,
    PROFILE,
    REPLACEMENT,
    ROLE,
    ROLE_POLICY,
    KeptResources,
    doubts,
    has_other_provider,
    is_replaced,
    is_retained,
)
from cdk_instance_role.cli.template.stacks import ASSOCIATION_TYPE


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
        (FUNCTION, "FunctionName"),
        (FUNCTION, "PackageType"),
    ],
)
def test_replaces_a_resource_when_one_of_these_properties_changes(kind: str, changed: str) -> None:
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
def test_updates_a_resource_in_place_when_one_of_these_properties_changes(kind: str, changed: str) -> None:
    assert not is_replaced(resource(kind, **{changed: "a"}), resource(kind, **{changed: "b"}))


def test_replaces_a_resource_when_its_type_changes() -> None:
    assert is_replaced(resource(ROLE), resource(PROFILE))
    assert is_replaced(None, resource(ROLE))


WAS = Resolver({"Stage": "web"}, mappings={"Names": {"of": {"it": "old"}}})
WILL_BE = Resolver({"Stage": "db", "New": "web"}, mappings={"Names": {"of": {"it": "new"}}})
IN_MAP = {"Fn::FindInMap": ["Names", "of", "it"]}


@pytest.mark.parametrize(
    ("before", "after", "other"),
    [
        ("web-role", {"Fn::Sub": "${New}-role"}, False),
        ({"Fn::Sub": "${Stage}-role"}, {"Fn::Join": ["-", [{"Ref": "New"}, "role"]]}, False),
        ({"Ref": "AWS::NoValue"}, None, False),
        (8, {"Fn::Sub": "8"}, False),
        (IN_MAP, IN_MAP, True),
        ({"Ref": "Stage"}, {"Ref": "Stage"}, True),
        (IN_MAP, "old", False),
        (IN_MAP, "new", True),
        ({"Ref": "Unknown"}, {"Ref": "Unknown"}, False),
        ({"Ref": "Unknown"}, "web", True),
        ("web", {"Ref": "Unknown"}, True),
    ],
)
def test_compares_resolved_properties_or_their_text_if_they_are_unknown(before: Any, after: Any, other: bool) -> None:
    assert is_replaced(resource(ROLE, RoleName=before), resource(ROLE, RoleName=after), WAS, WILL_BE) is other
    found = doubts(resource(INSTANCE, Tenancy=before), resource(INSTANCE, Tenancy=after), WAS, WILL_BE, ebs=True)
    assert found == (["Tenancy"] if other else [])


def test_a_new_function_is_another_one() -> None:
    def will_be(_: Any) -> Any:
        raise NewFunctionError("Web/Handler", "next")

    one = resource(FUNCTION, FunctionName={"Fn::GetAtt": ["Handler", "Arn"]})

    assert is_replaced(one, one, lambda _: "web", will_be)
    assert not is_replaced(one, one, lambda _: "next", will_be)


@pytest.mark.parametrize(
    ("before", "after", "other"),
    [
        ("arn:web", "arn:web", False),
        ("arn:web", "arn:db", True),
        ("arn:web", {"Fn::Sub": "arn:${New}"}, False),
        ({"Fn::Sub": "arn:${Stage}"}, {"Fn::Sub": "arn:${Stage}"}, True),
        ({"Ref": "Unknown"}, {"Ref": "Unknown"}, False),
    ],
)
def test_compares_providers_by_what_their_service_tokens_come_to(before: Any, after: Any, other: bool) -> None:
    was, will_be = (resource(ASSOCIATION_TYPE, ServiceToken=one) for one in (before, after))

    assert has_other_provider(was, will_be, WAS, WILL_BE) is other


def test_fails_when_it_is_not_known_which_provider_an_association_gets() -> None:
    before, after = (resource(ASSOCIATION_TYPE, ServiceToken=one) for one in ("arn:web", {"Ref": "Unknown"}))

    with pytest.raises(UnresolvedError, match="Unknown is not known before the deployment"):
        has_other_provider(before, after, WAS, WILL_BE)


def test_keeps_a_resource_whose_name_refers_to_itself() -> None:
    template = {"Web": resource(ROLE, RoleName={"Ref": "Web"})}
    deployed = DeployedStack("arn:the-stack", {"Resources": template}, {"Web": "web", "Gone": "gone"})
    kept = KeptResources(template, deployed, lambda _: "web", lambda value: kept[value["Ref"]])

    assert dict(kept) == {"Web": "web"}
    assert len(kept) == 1


@pytest.mark.parametrize("properties", [None, "a", ["a"]])
def test_treats_properties_that_are_not_a_mapping_as_empty(properties: Any) -> None:
    assert not is_replaced(resource(ROLE), {"Type": ROLE, "Properties": properties})
    assert is_replaced(resource(ROLE, RoleName="a"), {"Type": ROLE, "Properties": properties})


# Retained resources

RESOLVER = Resolver(
    {"Policy": "Retain"},
    conditions={"Yes": {"Fn::Equals": ["a", "a"]}},
    mappings={"Stages": {"prod": {"db": "Retain"}}},
)


@pytest.mark.parametrize("attribute", [DELETION, REPLACEMENT])
@pytest.mark.parametrize(
    ("policy", "stays"),
    [
        ("Retain", True),
        ("RetainExceptOnCreate", True),
        ("Delete", False),
        ("Snapshot", False),
        ({"Ref": "Policy"}, True),
        ({"Fn::If": ["Yes", "Retain", "Delete"]}, True),
        ({"Fn::If": ["Yes", "Delete", "Retain"]}, False),
        ({"Fn::If": ["Yes", {"Ref": "AWS::NoValue"}, "Retain"]}, False),
        ({"Fn::FindInMap": ["Stages", "prod", "db"]}, True),
        (["Retain"], False),
    ],
)
def test_a_resource_stays_if_its_deletion_policy_resolves_to_retain(attribute: str, policy: Any, stays: bool) -> None:
    assert is_retained({"Type": ROLE, attribute: policy}, attribute, RESOLVER) is stays


def test_a_resource_without_a_deletion_policy_does_not_stay() -> None:
    assert not is_retained({"Type": ROLE, DELETION: "Retain"}, REPLACEMENT, RESOLVER)


def test_fails_when_it_is_unknown_whether_a_resource_stays() -> None:
    with pytest.raises(UnresolvedError, match="Unknown is not known before the deployment"):
        is_retained({"Type": ROLE, DELETION: {"Ref": "Unknown"}}, DELETION, RESOLVER)


# Unknown cases


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
def test_some_changes_of_an_instance_may_replace_it(changed: str, ebs: bool, doubtful: bool) -> None:
    before, after = resource(INSTANCE, **{changed: "a"}), resource(INSTANCE, **{changed: "b"})

    assert doubts(before, after, ebs=ebs) == ([changed] if doubtful else [])
