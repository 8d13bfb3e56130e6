"""What the owners of imported KMS keys have to do, as `plan` says it."""

import json
from typing import Any

import pytest
from aws_cdk import CfnParameter, Stack
from aws_cdk import aws_kms as kms
from aws_cdk.assertions import Template

from cdk_instance_role import AssociationProvider, InstanceRole, InstanceSelection
from cdk_instance_role.cli.planning.key_policies import key_policies
from cdk_instance_role.cli.template import assembly
from tests.cli.cloud import Cloud
from tests.cli.servers import new_app, written
from tests.synth.all_settings import KEY, imported_key
from tests.synth.builders import ACCOUNT, IRELAND, associated, new_stack

BY_TAGS = InstanceSelection.by_tags({"app": ["web"]})


def template(stack: Stack, key: kms.IKey) -> dict[str, Any]:
    AssociationProvider(stack, AssociationProvider.DEFAULT_ID, encryption_key=key)
    return dict(Template.from_stack(associated(stack=stack)).to_json())


def test_the_statement_that_an_imported_key_lacks_is_shown() -> None:
    stack = new_stack()
    (note,) = key_policies(template(stack, imported_key(stack)))
    assert note.startswith(f"the policy of key {KEY} belongs to its owner, who has to add ")
    statement = json.loads(note.partition(" who has to add ")[2])
    assert statement["Principal"] == {"Service": "logs.eu-west-1.amazonaws.com"}


def test_a_key_that_is_a_token_is_named_by_its_reference() -> None:
    stack = new_stack()
    parameter = CfnParameter(stack, "KeyArn").value_as_string
    (note,) = key_policies(template(stack, imported_key(stack, parameter)))
    assert note.startswith("the policy of key <KeyArn> belongs to its owner, who has to add ")


def test_a_key_of_another_account_needs_a_statement_for_the_roles_too() -> None:
    stack = new_stack()
    (note,) = key_policies(template(stack, imported_key(stack, KEY.replace(ACCOUNT, "444455556666"))))
    logs, roles = map(json.loads, note.partition(" who has to add ")[2].split(" and "))
    assert logs["Principal"] == {"Service": "logs.eu-west-1.amazonaws.com"}
    assert roles["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert {"kms:CreateGrant", "kms:Decrypt"} <= set(roles["Action"])


def test_a_key_of_the_app_needs_nothing() -> None:
    stack = new_stack()
    assert key_policies(template(stack, kms.Key(stack, "Own"))) == ()


def test_metadata_of_other_tools_is_not_a_note() -> None:
    metadata: list[object] = [{"cdk-instance-role:KeyPolicy": 1}, [], None, "text"]
    resources: dict[str, object] = {f"R{number}": {"Metadata": one} for number, one in enumerate(metadata)}
    assert key_policies({"Resources": {**resources, "Fn::ForEach": []}}) == ()


@pytest.mark.parametrize("apart", [False, True])
def test_the_plan_shows_the_note_until_the_key_is_deployed_for_any_stack_of_the_provider(apart: bool) -> None:
    app, cloud = new_app(), Cloud()
    web = Stack(app, "Web", env=IRELAND)
    home = Stack(app, "Home", env=IRELAND) if apart else web
    provider = AssociationProvider(home, "Provider", encryption_key=imported_key(home))
    InstanceRole(web, "Web").associate_with("Fleet", BY_TAGS, provider=provider)
    stacks = {stack.name: stack for stack in assembly.read(written(app))}
    cloud.instance(1)

    def notes() -> list[str]:
        plan = cloud.plan(stacks["Web"], *(one for name, one in stacks.items() if name != "Web"))
        return [warning for warning in plan.warnings if "belongs to its owner" in warning]

    assert len(notes()) == 1
    for stack in stacks.values():
        cloud.deploy(stack)
    assert notes() == []
