"""The same stack everywhere: in every partition, and where account and Region are known only to CloudFormation."""

import json
from typing import Any

import pytest
from aws_cdk import Environment, Stack
from aws_cdk.assertions import Template

from cdk_instance_role import ReplaceableProfiles
from tests.synth.builders import ACCOUNT, as_text, associated, handler_policies, new_stack

ANYWHERE = None
IRELAND, BEIJING, OREGON = "eu-west-1", "cn-north-1", "us-gov-west-1"


def stack_in(region: str | None) -> Stack:
    env = region and Environment(account=ACCOUNT, region=region)
    return associated(stack=new_stack(env=env or None), replaces=ReplaceableProfiles.any())


def statements_in(region: str | None, partition: str) -> list[dict[str, Any]]:
    known = {"AWS::Partition": partition, "AWS::Region": region or "eu-west-1", "AWS::AccountId": ACCOUNT}
    return [
        as_text(statement, known)
        for policy in handler_policies(stack_in(region)).values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]


@pytest.mark.parametrize(
    ("region", "partition"),
    [(IRELAND, "aws"), (BEIJING, "aws-cn"), (OREGON, "aws-us-gov"), (ANYWHERE, "aws"), (ANYWHERE, "aws-cn")],
)
def test_every_arn_is_of_the_partition(region: str | None, partition: str) -> None:
    text = json.dumps(statements_in(region, partition))
    assert f"arn:{partition}:ec2:{region or 'eu-west-1'}:{ACCOUNT}:instance/*" in text
    assert f"arn:{partition}:iam::{ACCOUNT}:role/*" in text
    assert text.count('"arn:') == text.count(f'"arn:{partition}:')


@pytest.mark.parametrize("region", [IRELAND, OREGON])
def test_roles_are_passed_to_ec2_by_its_name(region: str) -> None:
    (passed,) = [one for one in statements_in(region, "aws") if one["Action"] == "iam:PassRole"]
    assert passed["Condition"] == {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}


@pytest.mark.parametrize("region", [BEIJING, ANYWHERE])
def test_where_the_stack_may_be_in_china_roles_are_passed_to_ec2_by_either_of_its_names(region: str | None) -> None:
    (passed,) = [one for one in statements_in(region, "aws-cn") if one["Action"] == "iam:PassRole"]
    services = ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"]
    assert passed["Condition"] == {"StringEquals": {"iam:PassedToService": services}}


@pytest.mark.parametrize("region", [BEIJING, OREGON, ANYWHERE])
def test_no_arn_is_hard_coded_for_the_commercial_partition(region: str | None) -> None:
    assert "arn:aws:" not in json.dumps(Template.from_stack(stack_in(region)).to_json())
