"""Stacks as CloudFormation describes them."""

import json
from typing import Any, cast

import pytest
import yaml
from botocore.exceptions import ClientError

from cdk_instance_role.cli.template.deployed_stack import DeployedStack, deployed_stack, exports
from cdk_instance_role.cli.template.intrinsic_functions import UnresolvedError
from cdk_instance_role.cli.template.stacks import ASSOCIATION_TYPE, STACK_TYPE
from cdk_instance_role.cli.template.template_text import UnreadableError
from tests.cli.cloud import CloudFormation
from tests.synth.builders import ACCOUNT

TEMPLATE = {"Resources": {"Web": {"Type": "AWS::IAM::InstanceProfile"}, "Topic": {"Type": "AWS::SNS::Topic"}}}
PHYSICAL = {"Web": "Servers-Web-1", "Topic": "arn:aws:sns:eu-west-1:111122223333:t"}


def cloudformation(template: Any = TEMPLATE, physical: dict[str, str] = PHYSICAL, **parameters: str) -> Any:
    found = CloudFormation()
    found.stacks["Servers"] = DeployedStack("arn:the-stack", template, physical, parameters)
    return found


def test_reads_a_stack() -> None:
    found = deployed_stack(cloudformation(Stage="prod"), "Servers")

    assert found == DeployedStack("arn:the-stack", TEMPLATE, PHYSICAL, {"Stage": "prod"})


def test_reads_the_outputs_of_a_stack() -> None:
    client = cloudformation()
    client.stacks["Servers"] = DeployedStack("arn:the-stack", TEMPLATE, PHYSICAL, outputs={"Id": "i-1"})

    assert deployed_stack(client, "Servers") == client.stacks["Servers"]


def test_reads_the_resolved_value_of_a_parameter() -> None:
    client = cloudformation()
    described = {"StackId": "arn:the-stack", "StackStatus": "CREATE_COMPLETE"}
    parameters = [
        {"ParameterKey": "Ami", "ParameterValue": "/ami", "ResolvedValue": "ami-1"},
        {"ParameterKey": "NoValue"},
    ]
    client.describe_stacks = lambda **_: {"Stacks": [{**described, "Parameters": parameters}]}

    found = deployed_stack(client, "Servers")

    assert found
    assert found.parameters == {"Ami": "ami-1"}


def test_reads_the_name_of_a_profile_from_its_arn() -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:instance-profile/path/Servers-Web-1"

    found = deployed_stack(cloudformation(physical=PHYSICAL | {"Web": arn}), "Servers")

    assert found
    assert found.physical_ids == PHYSICAL


def test_leaves_out_resources_that_were_deleted_or_never_created() -> None:
    client = cloudformation()
    rows = [
        {"LogicalResourceId": "A", "PhysicalResourceId": "a", "ResourceType": "T", "ResourceStatus": "DELETE_COMPLETE"},
        {"LogicalResourceId": "B", "ResourceType": "T", "ResourceStatus": "CREATE_FAILED"},
        {"LogicalResourceId": "C", "PhysicalResourceId": "c", "ResourceType": "T", "ResourceStatus": "UPDATE_FAILED"},
    ]
    client.list_stack_resources = lambda **_: {"StackResourceSummaries": rows}

    found = deployed_stack(client, "Servers")

    assert found
    assert found.physical_ids == {"C": "c"}


def statuses(kind: str, *listed: str) -> Any:
    client = cloudformation({"Resources": {status: {"Type": kind} for status in listed}})
    rows = [
        {"LogicalResourceId": one, "PhysicalResourceId": "x", "ResourceType": kind, "ResourceStatus": one}
        for one in listed
    ]
    client.list_stack_resources = lambda **_: {"StackResourceSummaries": rows}
    return client


@pytest.mark.parametrize("kind", ["Custom::InstanceProfileAssociation", "AWS::IAM::Role", "AWS::EC2::Instance"])
def test_knows_which_resources_there_are_by_their_statuses(kind: str) -> None:
    there = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_FAILED", "DELETE_FAILED", "IMPORT_COMPLETE")

    found = deployed_stack(statuses(kind, *there, "CREATE_FAILED", "DELETE_COMPLETE", "DELETE_SKIPPED"), "Servers")

    assert found
    assert found.physical_ids == dict.fromkeys(there, "x")
    assert found.failed == {"CREATE_FAILED"}


def test_counts_an_association_whose_creation_has_failed_among_the_associations() -> None:
    client = statuses("Custom::InstanceProfileAssociation", "CREATE_COMPLETE", "CREATE_FAILED", "DELETE_COMPLETE")

    found = deployed_stack(client, "Servers")

    assert found
    assert found.associations == ["CREATE_COMPLETE", "CREATE_FAILED"]


def test_keeps_a_nested_stack_whose_creation_has_failed() -> None:
    """CloudFormation goes on where it has failed: its resources have statuses of their own."""
    found = deployed_stack(statuses("AWS::CloudFormation::Stack", "CREATE_FAILED"), "Servers")

    assert found
    assert (found.physical_ids, found.failed) == ({"CREATE_FAILED": "x"}, frozenset())


@pytest.mark.parametrize(
    ("status", "has_failed"), [("UPDATE_FAILED", True), ("CREATE_FAILED", False), ("UPDATE_COMPLETE", False)]
)
def test_knows_the_status_of_a_stack(status: str, has_failed: bool) -> None:
    client = cloudformation()
    client.status = status

    found = deployed_stack(client, "Servers")

    assert found == DeployedStack("arn:the-stack", TEMPLATE, PHYSICAL, status=status)
    assert found.has_failed_update is has_failed


@pytest.mark.parametrize(("kind", "found"), [(ASSOCIATION_TYPE, "associations"), (STACK_TYPE, "nested")])
def test_knows_what_the_template_of_a_failed_update_lacks(kind: str, found: str) -> None:
    """CloudFormation lists it until the clean-up."""
    client = cloudformation({"Resources": {}}, {"Left": "left", "Topic": "topic"})
    client.former_types = {"Left": kind, "Topic": "AWS::SNS::Topic"}
    client.status = "UPDATE_FAILED"

    stack = deployed_stack(client, "Servers")

    assert stack
    assert (getattr(stack, found), stack.leaving) == (["Left"], frozenset({"Left"}))
    with pytest.raises(UnresolvedError, match="the template of stack arn:the-stack, whose last update has failed, "):
        stack.check_template_has("Left")


def test_believes_the_template_of_an_update_that_has_succeeded() -> None:
    client = cloudformation({"Resources": {}}, {"Left": "left"})
    client.former_types = {"Left": ASSOCIATION_TYPE}

    found = deployed_stack(client, "Servers")

    assert found
    assert (found.associations, found.leaving) == ([], frozenset())


@pytest.mark.parametrize("status", ["REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "DELETE_COMPLETE"])
def test_treats_a_stack_without_resources_as_not_deployed(status: str) -> None:
    client = cloudformation()
    client.status = status

    assert deployed_stack(client, "Servers") is None


def test_treats_a_stack_that_does_not_exist_as_not_deployed() -> None:
    assert deployed_stack(cloudformation(), "Other") is None


def test_fails_when_a_stack_may_not_be_described() -> None:
    client = cloudformation()
    client.refuse("DescribeStacks")

    with pytest.raises(ClientError, match="AccessDenied"):
        deployed_stack(client, "Servers")


def test_reads_a_template_that_comes_as_text() -> None:
    client = cloudformation()
    client.get_template = lambda **_: {"TemplateBody": json.dumps(TEMPLATE)}

    found = deployed_stack(client, "Servers")

    assert found
    assert found.template == TEMPLATE


def test_reads_a_template_that_is_yaml() -> None:
    client = cloudformation()
    client.get_template = lambda **_: {"TemplateBody": yaml.safe_dump(TEMPLATE)}

    found = deployed_stack(client, "Servers")

    assert found
    assert found.template == TEMPLATE


@pytest.mark.parametrize("text", ["Resources: [", "Resources: []", "- Resources", ""])
def test_fails_when_a_template_cannot_be_read(text: str) -> None:
    client = cloudformation()
    client.get_template = lambda **_: {"TemplateBody": text}

    with pytest.raises(UnreadableError, match=r"^its template can't be read: it "):
        deployed_stack(client, "Servers")


def test_knows_the_name_of_a_stack() -> None:
    id_ = "arn:aws:cloudformation:eu-west-1:111122223333:stack/Outer-FleetNested-1AB2C3D4/0f1e2d3c"

    assert DeployedStack(id_, TEMPLATE, PHYSICAL).name == "Outer-FleetNested-1AB2C3D4"


def test_finds_the_nested_stacks_of_the_cdk() -> None:
    made = {"Type": "AWS::CloudFormation::Stack", "Metadata": {"aws:asset:path": "nested.json"}}
    template = {"Resources": {"A": made, "B": made, "C": {"Type": "AWS::CloudFormation::Stack"}}}

    assert DeployedStack("", template, {"A": "a", "C": "c"}).nested == ["A"]


def test_lists_the_exports_of_stacks() -> None:
    client = cloudformation()
    client.exported = {"Shared:Id": "i-9"}

    assert exports(cast(Any, client)) == {"Shared:Id": "i-9"}
