"""CloudFormation shows the status of a stack, its parent and its root."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest

from tests.simulator.authority import Authority
from tests.simulator.calls import refusal
from tests.simulator.clients import Clients
from tests.simulator.cloudformation import DESCRIBE_STACKS, Stack
from tests.simulator.errors import AwsError
from tests.simulator.simulator import Simulator

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

STACKS = "arn:aws:cloudformation:eu-west-1:111122223333:stack"
CHILD, PARENT, ROOT = f"{STACKS}/Child/1", f"{STACKS}/Parent/2", f"{STACKS}/Root/3"
UPDATING, GOING_BACK = "UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"


@pytest.fixture
def cloudformation(simulator: Simulator, clients: Clients) -> "CloudFormationClient":
    simulator.cloudformation.stacks = {
        ROOT: Stack(GOING_BACK),
        PARENT: Stack(UPDATING, parent=ROOT, root=ROOT),
        CHILD: Stack("UPDATE_COMPLETE", parent=PARENT, root=ROOT),
    }
    return clients.cloudformation


def described(cloudformation: "CloudFormationClient", name: str) -> Any:
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    return stack


def may_describe(simulator: Simulator, *resources: str) -> None:
    """Nothing else is allowed from now on."""
    statement = {"Effect": "Allow", "Action": "cloudformation:DescribeStacks", "Resource": list(resources)}
    simulator.authority = Authority({"Policy": {"Version": "2012-10-17", "Statement": [statement]}})


def test_a_stack_has_a_status(cloudformation: "CloudFormationClient") -> None:
    stack = described(cloudformation, ROOT)
    assert (stack["StackId"], stack["StackName"], stack["StackStatus"]) == (ROOT, "Root", GOING_BACK)


def test_a_nested_stack_names_its_parent_and_its_root(cloudformation: "CloudFormationClient") -> None:
    stack = described(cloudformation, CHILD)
    assert (stack["ParentId"], stack["RootId"]) == (PARENT, ROOT)


def test_a_stack_that_is_not_nested_names_neither_parent_nor_root(cloudformation: "CloudFormationClient") -> None:
    assert described(cloudformation, ROOT).keys().isdisjoint({"ParentId", "RootId"})


def test_a_stack_is_known_by_its_name_too(cloudformation: "CloudFormationClient") -> None:
    assert described(cloudformation, "Child")["StackId"] == CHILD


def test_a_deleted_stack_is_known_by_its_id_only(simulator: Simulator, cloudformation: "CloudFormationClient") -> None:
    simulator.cloudformation.stacks[CHILD].status = "DELETE_COMPLETE"
    assert described(cloudformation, CHILD)["StackStatus"] == "DELETE_COMPLETE"
    assert refusal(cloudformation.describe_stacks, StackName="Child")[0] == "ValidationError"


def test_fails_when_there_is_no_such_stack(cloudformation: "CloudFormationClient") -> None:
    unknown = f"{STACKS}/Unknown/4"
    refused = refusal(cloudformation.describe_stacks, StackName=unknown)
    assert refused == ("ValidationError", f"Stack with id {unknown} does not exist")


def test_a_right_holds_for_one_stack(simulator: Simulator, cloudformation: "CloudFormationClient") -> None:
    may_describe(simulator, CHILD)
    assert described(cloudformation, CHILD)["StackId"] == CHILD
    code, message = refusal(cloudformation.describe_stacks, StackName=PARENT)
    assert (code, f"cloudformation:DescribeStacks on resource: {PARENT}" in message) == ("AccessDenied", True)


def test_a_right_to_a_stack_holds_for_its_name_too(
    simulator: Simulator, cloudformation: "CloudFormationClient"
) -> None:
    may_describe(simulator, CHILD)
    assert described(cloudformation, "Child")["StackId"] == CHILD
    assert refusal(cloudformation.describe_stacks, StackName="Parent")[0] == "AccessDenied"


def test_a_call_can_fail_and_botocore_tries_again(simulator: Simulator, cloudformation: "CloudFormationClient") -> None:
    simulator.traffic.fail(DESCRIBE_STACKS, AwsError("Throttling", "Rate exceeded"))
    simulator.traffic.fail(DESCRIBE_STACKS, AwsError("InternalFailure", "", HTTPStatus.INTERNAL_SERVER_ERROR))
    assert described(cloudformation, CHILD)["StackId"] == CHILD
    assert simulator.traffic.count(DESCRIBE_STACKS) == 3
