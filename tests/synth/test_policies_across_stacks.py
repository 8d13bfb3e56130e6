"""The size of the handler's policies where they name profiles and roles of another stack."""

import json
from typing import Any

import pytest
from aws_cdk import Aspects, Environment, Stack
from aws_cdk.assertions import Template

from cdk_instance_role import InstanceProfileAssociation, InstanceRole, InstanceSelection
from cdk_instance_role.handler_permissions.policy_lengths import Lengths
from tests.synth.builders import (
    ACCOUNT,
    IRELAND,
    POLICY_SIZE,
    as_text,
    handler_policies,
    instance_ids,
    new_app,
    new_stack,
)
from tests.synth.test_policies_at_synthesis import PROFILE, Sets

NAMES = ("Short", "PaymentsPlatformProductionInstanceRoles", f"L{'o' * 118}ng")
MAX_NAME = {"role": 64, "instance-profile": 128}


def associated_elsewhere(roles_name: str, count: int, *, alike: bool) -> tuple[Stack, Stack]:
    """A stack with roles, and one that associates their profiles.

    Args:
        roles_name: name of the first one.
        count: roles.
        alike: whether the second one has roles of the same ids, too.
    """
    app = new_app()
    roles, stack = Stack(app, "Roles", stack_name=roles_name, env=IRELAND), Stack(app, "Fleets", env=IRELAND)
    if alike:
        for number in range(count):
            InstanceRole(stack, f"Web{number}")
    for number, instance_id in enumerate(instance_ids(count)):
        InstanceProfileAssociation(
            stack,
            f"Fleet{number}",
            instance_profile=InstanceRole(roles, f"Web{number}").instance_profile,
            instances=InstanceSelection.by_ids(instance_id),
        )
    return roles, stack


def longest_arns(stack: Stack) -> dict[str, str]:
    """The longest ARNs that the outputs of a stack can come to, by output."""
    template = Template.from_stack(stack).to_json()
    arns = {}
    for output_id, output in template["Outputs"].items():
        id_, _ = output["Value"]["Fn::GetAtt"]
        resource = template["Resources"][id_]
        kind = "instance-profile" if resource["Type"] == PROFILE else "role"
        name = f"{stack.stack_name}-{id_}-{'x' * 13}"[: MAX_NAME[kind]]
        path = resource["Properties"].get("Path", "/")
        arns[output_id] = f"arn:aws:iam::{ACCOUNT}:{kind}{path}{name}"
    return arns


def with_outputs(node: Any, arns: dict[str, str]) -> Any:
    """A part of a template with ARNs in place of the outputs of another stack."""
    match node:
        case {"Fn::GetStackOutput": {"OutputName": output_id}}:
            return arns[output_id]
        case dict():
            return {key: with_outputs(value, arns) for key, value in node.items()}
        case list():
            return [with_outputs(value, arns) for value in node]
    return node


@pytest.mark.parametrize("alike", [False, True], ids=["other ids", "roles of the same ids"])
@pytest.mark.parametrize("name", NAMES)
def test_policies_that_name_profiles_of_another_stack_are_not_larger_than_iam_takes(name: str, alike: bool) -> None:
    roles, stack = associated_elsewhere(name, 14, alike=alike)
    policies = handler_policies(stack).values()
    arns = longest_arns(roles)
    documents = [as_text(with_outputs(one["Properties"]["PolicyDocument"], arns)) for one in policies]
    assert max(len(json.dumps(document, separators=(",", ":"))) for document in documents) <= POLICY_SIZE


def test_resources_of_the_same_ids_change_no_policy_about_another_stack() -> None:
    documents = [
        [one["Properties"]["PolicyDocument"] for one in handler_policies(stack).values()]
        for _, stack in (associated_elsewhere("Roles", 14, alike=alike) for alike in (False, True))
    ]
    assert documents[0] == documents[1]


def test_profiles_of_a_stack_with_a_short_name_take_no_more_room_than_own_ones() -> None:
    _, elsewhere = associated_elsewhere("Fleets", 20, alike=False)
    own = new_stack("Fleets")
    for number, instance_id in enumerate(instance_ids(20)):
        InstanceRole(own, f"Web{number}").associate_with("Fleet", InstanceSelection.by_ids(instance_id))
    assert len(handler_policies(elsewhere)) <= len(handler_policies(own)) + 1  # it names the path of each profile


def test_a_path_that_an_aspect_sets_in_another_stack_counts() -> None:
    short, long = (associated_elsewhere("Roles", 6, alike=True) for _ in range(2))
    Aspects.of(long[0]).add(Sets(PROFILE, "Path", lambda _: f"/{'c' * 300}/"))
    assert len(handler_policies(long[1])) > len(handler_policies(short[1]))


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-west-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eusc-de-east-1", "aws-eusc"),
    ],
)
def test_arns_are_as_long_as_in_the_partition_of_the_region(region: str, partition: str) -> None:
    stack = new_stack(env=Environment(account=ACCOUNT, region=region))
    assert Lengths.of(stack).width({"Ref": "AWS::Partition"}) == len(f'"{partition}"')


@pytest.mark.parametrize("region", [None, "xx-new-1"])
def test_arns_may_be_as_long_as_in_any_partition_where_that_is_not_known(region: str | None) -> None:
    stack = new_stack(env=Environment(account=ACCOUNT, region=region))
    assert Lengths.of(stack).width({"Ref": "AWS::Partition"}) == len("'aws-us-gov'")
