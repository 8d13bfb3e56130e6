"""The names of stacks and of their resources."""

from typing import Any

import pytest

from cdk_instance_role.cli.template.stacks import Address, nested_template


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("Stack/Web/Fleet/Resource/Default", "Web/Fleet"),
        ("Stack/Web.NestedStack/Web.NestedStackResource", "Web"),
        ("Stack/Default", "A1"),
        ("Stack/Resource", "A1"),
        ("Stack", "A1"),
        ("", "A1"),
        (None, "A1"),
        ({"Ref": "Path"}, "A1"),
        (["Stack", "Web"], "A1"),
    ],
)
def test_shows_the_logical_id_if_there_is_no_path(path: Any, shown: str) -> None:
    metadata = {} if path is None else {"Metadata": {"aws:cdk:path": path}}

    assert Address("Stack").path({"Resources": {"A1": metadata}}, "A1") == shown


@pytest.mark.parametrize("metadata", [{"Fn::Transform": {"Name": "AWS::Include"}}, ["a"], "a", None])
def test_shows_the_logical_id_if_the_metadata_have_another_form(metadata: Any) -> None:
    resource = {"Type": "AWS::CloudFormation::Stack", "Metadata": metadata}

    assert Address("Stack").path({"Resources": {"A1": resource}}, "A1") == "A1"
    assert nested_template(resource) is None


def test_shows_the_logical_id_of_a_missing_resource() -> None:
    assert Address("Stack").path({}, "A1") == "A1"


def test_shows_the_logical_ids_of_nested_stacks_if_there_is_no_path() -> None:
    assert Address("Stack", ("N1", "N2")).path({}, "A1") == "N1/N2/A1"


@pytest.mark.parametrize(
    ("construct", "shown"),
    [("Prod/Stack", "Web/Fleet"), ("", "Stack/Web/Fleet"), ("Moved/Stack", "Stack/Web/Fleet")],
)
def test_leaves_out_the_whole_path_of_the_stack(construct: str, shown: str) -> None:
    template = {"Resources": {"A1": {"Metadata": {"aws:cdk:path": "Prod/Stack/Web/Fleet/Resource/Default"}}}}

    assert Address("Prod-Stack", construct=construct).path(template, "A1") == shown


def test_a_stack_with_another_construct_id_is_the_same_stack() -> None:
    assert Address("Stack", construct="Prod/Stack") == Address("Stack")
    assert Address("Stack").inner("N1").outer == Address("Stack")
    assert Address("Stack").outer is None
