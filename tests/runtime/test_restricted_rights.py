"""Least privilege under the rules of a company: in a VPC, under a key and with traces, the role of the handler has what
it needs for every story, and nothing of it can be left out."""

from collections.abc import Iterator
from functools import partial

import pytest

from tests.runtime import test_rights
from tests.runtime.stories import SETTINGS, Scene, Setting, stories_of
from tests.runtime.test_rights import Part, fails_without, is_about_logs, is_needed, kind_of, parts_of
from tests.simulator.authority import Statement

RESTRICTED = [one for one in SETTINGS if str(one) in ("owned, tags, profiles", "imported, ids, any")]
LAMBDA_ITSELF = {
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
"""What Lambda does in the name of the role. No call of the handler shows whether it may."""
VARIABLES = "kms:Decrypt if StringLike kms:EncryptionContext:aws:lambda:FunctionArn"
"""Lambda also decrypts the variables of the function."""
THROUGH_DYNAMODB = "kms:Decrypt if StringLike kms:ViaService"

every_story = pytest.mark.parametrize(
    ("setting", "name"), [(setting, name) for setting in RESTRICTED for name in stories_of(setting)], ids=str
)


enforcing = partial(test_rights.enforcing, restricted=True)


@every_story
def test_the_policies_are_enough(setting: Setting, name: str) -> None:
    world = enforcing()
    stories_of(setting)[name](world)
    assert world.role
    assert all(decision.allowed for decision in world.role.authority.decisions)
    assert any(decision.attempt.action == "kms:Decrypt" for decision in world.role.authority.decisions)


def statements_of_the_role() -> Iterator[Statement]:
    """What is in the role itself; the rest is as without settings."""
    role = enforcing().role
    assert role
    return (statement for _, _, statement in role.authority.statements() if not is_about_logs(kind_of(statement)))


def test_no_statement_of_the_role_can_be_left_out() -> None:
    kinds = [kind_of(one) for one in statements_of_the_role() if one["Effect"] == "Allow"]
    parts = [Part(kind) for kind in kinds if kind != VARIABLES]
    names = list(stories_of(RESTRICTED[0]))
    assert len(parts) == 3
    assert [
        part for part in parts if not any(fails_without(part, RESTRICTED[0], name, restricted=True) for name in names)
    ] == []


def test_no_action_of_the_role_can_be_left_out_but_those_of_lambda_itself() -> None:
    parts = [part for one in statements_of_the_role() if one["Effect"] == "Allow" for part in parts_of(one)]
    decisions = []
    for name, story in stories_of(RESTRICTED[0]).items():
        world = enforcing()
        story(world)
        assert world.role, name
        decisions.append(world.role.authority.decisions)
    idle = {part.value for part in parts if not any(is_needed(part, those) for those in decisions)}
    assert idle == LAMBDA_ITSELF


def test_the_code_of_the_function_may_not_touch_network_interfaces() -> None:
    (denied,) = (one for one in statements_of_the_role() if one["Effect"] == "Deny")
    assert set(denied["Action"]) == {action for action in LAMBDA_ITSELF if action.startswith("ec2:")}


def test_a_key_that_may_not_be_used_is_named_before_anything_is_changed() -> None:
    world = enforcing(Part(THROUGH_DYNAMODB).missing_in)
    scene = Scene(RESTRICTED[0], world)
    scene.fleet()
    result = scene.resource.create(scene.properties())
    assert not result.ok
    assert "kms:Decrypt" in result.reason
    assert world.mutations == 0
