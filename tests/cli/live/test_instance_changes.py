"""The profile and the tags that templates give to instances, in every form."""

from collections.abc import Mapping
from typing import Any

import pytest

from cdk_instance_role.cli.live.instance_changes import PlannedInstance, planned_instances
from cdk_instance_role.cli.template.deployed_stack import DeployedStack
from cdk_instance_role.cli.template.property_values import StackValues
from tests.cli.template.test_values import EXTERNAL, PLACE

UNKNOWN = "{{resolve:ssm:/web}}"
NOT_KNOWN = f"{UNKNOWN} is not known before the deployment"
NOTHING = {"Ref": "AWS::NoValue"}
WEB, OTHER = {"Key": "app", "Value": "web"}, {"Key": "app", "Value": "other"}
CONDITIONS = {"Yes": {"Fn::Equals": ["a", "a"]}, "No": {"Fn::Equals": ["a", "b"]}}


def template(**properties: Any) -> dict[str, Any]:
    server = {"Type": "AWS::EC2::Instance", "Properties": {"ImageId": "ami-1", **properties}}
    return {"Conditions": CONDITIONS, "Resources": {"Server": server}}


def planned(after: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> list[PlannedInstance]:
    deployed = DeployedStack("arn:the-stack", before, {"Server": "i-1"}) if before else None
    former = StackValues(before, PLACE, deployed, EXTERNAL) if before else None
    was = former.resolve if former else None
    return [*planned_instances(StackValues(after, PLACE, deployed, EXTERNAL, was), former, PLACE.address)]


@pytest.mark.parametrize(
    ("properties", "profile", "why"),
    [
        ({}, None, ""),
        ({"IamInstanceProfile": "Web"}, "Web", ""),
        ({"IamInstanceProfile": {"Fn::If": ["Yes", "Web", NOTHING]}}, "Web", ""),
        ({"IamInstanceProfile": {"Fn::If": ["No", "Web", NOTHING]}}, None, ""),
        ({"IamInstanceProfile": UNKNOWN}, None, NOT_KNOWN),
        ({"LaunchTemplate": {}}, None, "its launch template decides"),
        ({"LaunchTemplate": {}, "IamInstanceProfile": "Web"}, "Web", ""),
    ],
)
def test_knows_the_profile_that_a_new_instance_gets(
    properties: Mapping[str, Any], profile: str | None, why: str
) -> None:
    (one,) = planned(template(**properties))

    assert one.is_new
    assert (one.id, one.sets_profile, one.profile, one.unknown_profile) == ("(new) Server", True, profile, why)


@pytest.mark.parametrize(
    ("before", "after", "sets", "profile"),
    [
        ("Web", "Web", False, None),
        ("Web", {"Fn::If": ["Yes", "Web", NOTHING]}, False, None),
        ("Web", "Other", True, "Other"),
        ("Web", NOTHING, True, None),
        (NOTHING, "Web", True, "Web"),
    ],
)
def test_knows_the_profile_that_a_deployed_instance_gets(before: Any, after: Any, sets: bool, profile: str) -> None:
    found = planned(template(IamInstanceProfile=after), template(IamInstanceProfile=before))

    assert [(one.id, one.sets_profile, one.profile) for one in found] == ([("i-1", True, profile)] if sets else [])


@pytest.mark.parametrize(
    ("before", "after", "tags"),
    [
        ([WEB], [OTHER], {"app": "other", "env": "prod"}),
        ([WEB], [], {"env": "prod"}),
        ([WEB], {"Fn::If": ["No", [WEB], NOTHING]}, {"env": "prod"}),
        ([WEB], [{"Fn::If": ["Yes", OTHER, WEB]}], {"app": "other", "env": "prod"}),
        ([WEB], [{"Fn::If": ["No", WEB, NOTHING]}], {"env": "prod"}),
        ([], [WEB], {"app": "web", "env": "prod"}),
        ([WEB], [{"Key": "app", "Value": UNKNOWN}], {"env": "prod"}),
        ([WEB], ["no tag"], {"env": "prod"}),
    ],
)
def test_knows_the_tags_that_a_deployed_instance_has_afterwards(
    before: Any, after: Any, tags: Mapping[str, str]
) -> None:
    (one,) = planned(template(Tags=after), template(Tags=before))

    assert one.tags_after({"app": "web", "env": "prod"}) == tags


def test_knows_no_change_of_an_instance_whose_tags_and_profile_stay() -> None:
    same = template(Tags=[WEB], IamInstanceProfile="Web")

    assert planned(same, same) == []
