"""Values that follow from the location of a construct, without a call of Node.js for each one."""

import pytest
from aws_cdk import NestedStack, Stack, Stage, Token
from constructs import Construct

from cdk_instance_role.support.arns import is_token
from cdk_instance_role.support.locations import Location
from tests.synth.builders import new_app, new_stack

TEXTS = [
    "",
    "web",
    "${web}",
    "${Token[]}",
    "${Token[a b]}",
    "${Token[AWS.Partition.3]}",
    "arn:${Token[AWS.Partition.3]}:x",
    "${Token[TOKEN.12]",
    "$${Token[a]}",
    "${Token[x-y_z:0.1]}",
    "${token[a]}",
    "#{Token[TOKEN.1]}",
]


@pytest.mark.parametrize("text", [*TEXTS, pytest.param(Token.as_string({"Ref": "AWS::Region"}), id="a token")])
def test_a_token_is_what_the_cdk_treats_as_one(text: str) -> None:
    assert is_token(text) == Token.is_unresolved(text)


@pytest.mark.parametrize("id", ["Fleet", "web/fleet", "a--b", "/", "Default"])
def test_a_path_is_the_path_of_the_cdk(id: str) -> None:
    stack = new_stack()
    for scope in (stack, Construct(stack, "Parts"), NestedStack(stack, "Nested")):
        assert Location.of(scope, id).path == Construct(scope, id).node.path


def test_the_stack_is_the_nearest_one() -> None:
    nested = NestedStack(Stack(Stage(new_app(), "Prod"), "Stack"), "Nested")
    assert Location.of(Construct(nested, "Parts"), "Fleet").stack is nested
