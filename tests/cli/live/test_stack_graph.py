"""What the stacks of an account and Region get from one another."""

import re
from pathlib import Path
from typing import Any

import pytest

from cdk_instance_role.cli.template import assembly
from cdk_instance_role.cli.template.intrinsic_functions import UnresolvedError
from cdk_instance_role.cli.template.stacks import STACK_TYPE, Address
from tests.cli.cloud import Cloud
from tests.cli.servers import write_assembly

CONDITIONS = {
    "Yes": {"Fn::Equals": ["a", "a"]},
    "No": {"Fn::Equals": ["a", "b"]},
    "Unknown": {"Fn::Equals": [{"Ref": "Parameter"}, "a"]},
}
LOOP = {"Fn::ForEach::Ids": ["Key", ["a"], {"Id${Key}": {"Value": "x", "Export": {"Name": "other"}}}]}


def export(name: Any, value: str, **more: Any) -> dict[str, Any]:
    return {"Value": value, "Export": {"Name": name}, **more}


def resolved(folder: Path, cloud: Cloud, outputs: Any, value: Any) -> Any:
    """A value of the stack Servers, in an assembly in which the stack Base and one that is nested in Servers have these
    outputs."""
    base = {"Conditions": CONDITIONS, "Resources": {}, "Outputs": outputs}
    nested = {"Type": STACK_TYPE, "Metadata": {"aws:asset:path": "Base.json"}}
    stacks = assembly.read(write_assembly(folder, Base=base, Servers={"Resources": {"Nested": nested}}))
    return cloud.environment(*stacks).stacks.values(Address("Servers")).resolve(value)


@pytest.mark.parametrize(
    "outputs",
    [
        {"Id": export("id", "i-1")},
        {**LOOP, "Id": export("id", "i-1")},
        {"Id": export({"Fn::Sub": "id"}, "i-1")},
        {"First": export("id", "i-9", Condition="No"), "Id": export("id", "i-1", Condition="Yes")},
        {"First": export({"Ref": "Parameter"}, "i-9"), "Id": export("id", "i-1")},
        {"First": export("another", "i-9", Condition="Unknown"), "Id": export("id", "i-1")},
    ],
)
def test_finds_what_another_stack_of_the_assembly_will_export(outputs: Any, tmp_path: Path) -> None:
    assert resolved(tmp_path, Cloud(), outputs, {"Fn::ImportValue": "id"}) == "i-1"


def test_knows_the_name_of_an_export_that_contains_the_name_of_its_stack(tmp_path: Path) -> None:
    outputs = {"Id": export({"Fn::Sub": "${AWS::StackName}-id"}, "i-1")}

    assert resolved(tmp_path, Cloud(), outputs, {"Fn::ImportValue": "Base-id"}) == "i-1"


OF_ANOTHER_STACK = {"Fn::GetStackOutput": {"StackName": "Base", "OutputName": "Id"}}
OF_A_NESTED_STACK = {"Fn::GetAtt": ["Nested", "Outputs.Id"]}
IMPORTED = {"Fn::ImportValue": "id"}


@pytest.mark.parametrize("value", [IMPORTED, OF_ANOTHER_STACK, OF_A_NESTED_STACK])
def test_uses_the_output_whose_condition_holds(value: Any, tmp_path: Path) -> None:
    assert resolved(tmp_path, Cloud(), {"Id": export("id", "i-1", Condition="Yes")}, value) == "i-1"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (IMPORTED, "no stack exports id yet"),
        (OF_ANOTHER_STACK, "stack Base has no output Id yet"),
        (OF_A_NESTED_STACK, "nested stack Nested has no output Id yet"),
    ],
)
@pytest.mark.parametrize("outputs", [{"Id": export("id", "i-1", Condition="No")}, LOOP])
def test_fails_when_there_will_be_no_such_output(outputs: Any, value: Any, why: str, tmp_path: Path) -> None:
    with pytest.raises(UnresolvedError, match=f"^{re.escape(why)}$"):
        resolved(tmp_path, Cloud(), outputs, value)


@pytest.mark.parametrize("value", [IMPORTED, OF_ANOTHER_STACK, OF_A_NESTED_STACK])
def test_fails_when_it_is_not_known_whether_there_will_be_an_output(value: Any, tmp_path: Path) -> None:
    with pytest.raises(UnresolvedError, match=r"^Parameter is not known before the deployment$"):
        resolved(tmp_path, Cloud(), {"Id": export("id", "i-1", Condition="Unknown")}, value)


@pytest.mark.parametrize("name", ["other", {"Fn::Sub": "${AWS::StackName}-other"}])
def test_records_no_gap_of_a_stack_that_exports_something_else(name: Any, tmp_path: Path) -> None:
    cloud = Cloud()
    cloud.cloudformation.exported["id"] = "i-1"
    cloud.cloudformation.refuse("DescribeStacks")
    stacks = assembly.read(write_assembly(tmp_path, Base={"Outputs": {"Other": export(name, "i-9")}}, Servers={}))
    environment = cloud.environment(*stacks)

    assert environment.stacks.values(Address("Servers")).resolve(IMPORTED) == "i-1"
    assert [gap for gap in environment.reader.unavailable if "Base" in gap] == []
