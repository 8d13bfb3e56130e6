"""What the owners of imported KMS keys have to do, as `plan` says it."""

import json

from aws_cdk import Stack
from aws_cdk import aws_kms as kms
from aws_cdk.assertions import Template

from cdk_instance_role import AssociationProvider
from cdk_instance_role.cli.planning.key_policies import missing_key_policies
from tests.synth.all_settings import KEY, imported_key
from tests.synth.builders import associated, new_stack


def template(stack: Stack, key: kms.IKey) -> dict[str, object]:
    AssociationProvider(stack, AssociationProvider.DEFAULT_ID, encryption_key=key)
    return dict(Template.from_stack(associated(stack=stack)).to_json())


def test_the_statement_that_an_imported_key_lacks_is_shown() -> None:
    stack = new_stack()
    (note,) = missing_key_policies(template(stack, imported_key(stack)), {})
    assert note.startswith(f"the policy of key {KEY} belongs to its owner, who has to add ")
    statement = json.loads(note.partition(" who has to add ")[2])
    assert statement["Principal"] == {"Service": "logs.eu-west-1.amazonaws.com"}


def test_a_key_that_is_deployed_has_its_policy() -> None:
    stack = new_stack()
    found = template(stack, imported_key(stack))
    assert list(missing_key_policies(found, found)) == []


def test_a_key_of_the_app_needs_nothing() -> None:
    stack = new_stack()
    assert list(missing_key_policies(template(stack, kms.Key(stack, "Own")), {})) == []


def test_metadata_of_others_is_no_note() -> None:
    metadata: list[object] = [{"cdk-instance-role:KeyPolicy": 1}, [], None, "text"]
    resources = {**{f"R{number}": {"Metadata": one} for number, one in enumerate(metadata)}, "Fn::ForEach": []}
    assert list(missing_key_policies({"Resources": resources}, {})) == []
