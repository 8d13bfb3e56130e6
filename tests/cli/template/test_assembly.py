"""Reading cloud assemblies: what the CDK has written, and what can be wrong with it."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Environment, NestedStack, Stack, Stage

from cdk_instance_role.cli.model import CliError
from cdk_instance_role.cli.template import assembly
from cdk_instance_role.cli.template.assembly import StackArtifact
from tests.cli.servers import STACK, Servers, new_app, synthesized, write_assembly, written
from tests.synth.builders import ACCOUNT, IRELAND, REGION


@cache
def staged() -> list[StackArtifact]:
    """An app with a stack of its own, one that is for no account, and one in a stage within a stage."""
    app = new_app()
    Servers(associated=False).define(Stack(app, "Base", env=IRELAND))
    Servers(associated=False).define(Stack(app, "Anywhere"))
    production = Stage(app, "Prod", env=Environment(account=ACCOUNT, region="eu-central-1"))
    Servers().define(Stack(production, "Web"))
    Servers(associated=False).define(Stack(Stage(production, "Inner"), "Web", stack_name="inner-web"))
    return assembly.read(written(app))


@cache
def with_nested_stacks() -> StackArtifact:
    """A stack with nested ones: one that holds an association, one that holds such a one, and one that holds none."""
    app = new_app()
    stack = Stack(app, "Outer", env=IRELAND)
    Servers().define(NestedStack(stack, "Fleet"))
    Servers(associated=False).define(NestedStack(stack, "Roles"))
    Servers().define(NestedStack(NestedStack(stack, "Middle"), "Innermost"))
    (outer,) = assembly.read(written(app))
    return outer


@cache
def in_two_regions() -> list[StackArtifact]:
    """A stack with an association in two Regions, by the same name."""
    app = new_app()
    for stage, region in {"Europe": "eu-west-1", "America": "us-east-1"}.items():
        inside = Stage(app, stage, env=Environment(account=ACCOUNT, region=region))
        Servers().define(Stack(inside, STACK, stack_name=STACK))
    return assembly.read(written(app))


# Reading


def test_reads_the_stacks_of_all_stages() -> None:
    assert {(stack.name, stack.account, stack.region) for stack in staged()} == {
        ("Base", ACCOUNT, REGION),
        ("Anywhere", None, None),
        ("Prod-Web", ACCOUNT, "eu-central-1"),
        ("inner-web", ACCOUNT, "eu-central-1"),
    }


def test_finds_associations_at_any_depth() -> None:
    assert [stack.name for stack in staged() if stack.associations] == ["Prod-Web"]


def test_names_an_association_by_the_path_of_its_construct() -> None:
    stack = synthesized(Servers())

    assert [stack.path(id_) for id_ in stack.associations] == ["Web/Fleet"]


def test_leaves_out_the_path_of_the_stage_and_the_stack() -> None:
    (web,) = (stack for stack in staged() if stack.name == "Prod-Web")

    assert web.address.construct == "Prod/Web"
    assert [web.path(id_) for id_ in web.associations] == ["Web/Fleet"]


def test_reads_the_stacks_that_are_nested_in_one() -> None:
    stack = with_nested_stacks()

    assert not stack.associations
    assert {one.path(id_) for one in stack.family for id_ in one.associations} == {
        "Fleet/Web/Fleet",
        "Middle/Innermost/Web/Fleet",
    }
    assert {one.name for one in stack.family} == {"Outer"}
    assert not [*stack.left_out]


def test_names_the_nested_stacks_without_a_template(tmp_path: Path) -> None:
    nested = {"Type": "AWS::CloudFormation::Stack", "Metadata": {"aws:asset:path": "missing.json"}}
    folder = write_assembly(tmp_path, Web={"Resources": {"A": nested, "B": {"Type": "AWS::CloudFormation::Stack"}}})

    (stack,) = assembly.read(folder)

    assert not stack.nested
    assert [*stack.left_out] == ["A", "B"]


def test_fails_when_the_template_of_a_nested_stack_is_broken(tmp_path: Path) -> None:
    (tmp_path / "nested.json").write_text("{")
    nested = {"Type": "AWS::CloudFormation::Stack", "Metadata": {"aws:asset:path": "nested.json"}}

    with pytest.raises(CliError, match=r"nested.json can't be read"):
        assembly.read(write_assembly(tmp_path, Web={"Resources": {"A": nested}}))


def test_fails_when_a_stack_is_nested_in_itself(tmp_path: Path) -> None:
    nested = {"Type": "AWS::CloudFormation::Stack", "Metadata": {"aws:asset:path": "Web.json"}}

    with pytest.raises(CliError, match="it is not what `cdk synth` writes"):
        assembly.read(write_assembly(tmp_path, Web={"Resources": {"A": nested}}))


def test_reads_a_stack_without_resources_and_without_an_environment(tmp_path: Path) -> None:
    (stack,) = assembly.read(write_assembly(tmp_path, Web={}))

    assert (stack.name, stack.account, stack.region, stack.associations) == ("Web", None, None, {})


def test_reads_an_assembly_without_stacks(tmp_path: Path) -> None:
    assert assembly.read(write_assembly(tmp_path)) == []


def test_reads_in_which_order_stacks_are_deployed(tmp_path: Path) -> None:
    write_assembly(tmp_path, First={}, Second={}, Third={})
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    manifest["artifacts"]["First"]["dependencies"] = ["First.assets", "Third"]
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))

    stacks = assembly.read(tmp_path)

    assert [one.name for one in assembly.deployed_with(stacks, stacks)] == ["Third", "First", "Second"]
    assert [one.name for one in assembly.deployed_with(stacks[:1], stacks)] == ["Third", "First"]
    assert [one.name for one in assembly.deployed_with(stacks[1:2], stacks)] == ["Second"]


def test_accepts_any_order_if_stacks_depend_on_one_another(tmp_path: Path) -> None:
    write_assembly(tmp_path, First={}, Second={})
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    for one, other in (("First", "Second"), ("Second", "First")):
        manifest["artifacts"][one]["dependencies"] = [other]
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))

    stacks = assembly.read(tmp_path)

    assert {one.name for one in assembly.deployed_with(stacks, stacks)} == {"First", "Second"}


# Errors


def test_fails_when_there_is_no_assembly(tmp_path: Path) -> None:
    with pytest.raises(CliError, match=r"there is no cloud assembly in .*: run `cdk synth` first"):
        assembly.read(tmp_path)


ARTIFACT: dict[str, Any] = {"type": "aws:cloudformation:stack", "properties": {"templateFile": "Web.json"}}


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ("", "can't be read"),
        ("{", "can't be read"),
        ("[]", "it holds no JSON object"),
        ({"artifacts": []}, "it is not what `cdk synth` writes"),
        ({"artifacts": {"Web": {}}}, "it is not what `cdk synth` writes"),
        ({"artifacts": {"Web": "stack"}}, "it is not what `cdk synth` writes"),
        ({"artifacts": {"Web": {**ARTIFACT, "properties": {}}}}, "it is not what `cdk synth` writes"),
        ({"artifacts": {"Web": {**ARTIFACT, "environment": "aws://here"}}}, "it is not what `cdk synth` writes"),
        ({"artifacts": {"Web": ARTIFACT}}, "Web.json can't be read"),
        (
            {"artifacts": {"Prod": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "gone"}}}},
            "gone/manifest.json can't be read",
        ),
    ],
)
def test_fails_when_the_assembly_is_broken(tmp_path: Path, manifest: Any, message: str) -> None:
    (tmp_path / "manifest.json").write_text(manifest if isinstance(manifest, str) else json.dumps(manifest))

    with pytest.raises(CliError, match=message):
        assembly.read(tmp_path)


def test_fails_when_a_template_is_a_pipe_without_a_writer(tmp_path: Path) -> None:
    folder = write_assembly(tmp_path, Web={})
    (folder / "Web.json").unlink()
    os.mkfifo(folder / "Web.json")

    with pytest.raises(CliError, match=r"Web.json can't be read: it is not a regular file$"):
        assembly.read(folder)


def test_fails_when_a_nested_template_is_a_pipe_without_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "nested.json")
    nested = {"Type": "AWS::CloudFormation::Stack", "Metadata": {"aws:asset:path": "nested.json"}}

    with pytest.raises(CliError, match=r"nested.json can't be read: it is not a regular file$"):
        assembly.read(write_assembly(tmp_path, Web={"Resources": {"A": nested}}))


@pytest.mark.parametrize("name", ["manifest.json", "Web.json"])
def test_fails_when_a_file_is_endless(tmp_path: Path, name: str) -> None:
    folder = write_assembly(tmp_path, Web={})
    (folder / name).unlink()
    (folder / name).symlink_to("/dev/zero")

    with pytest.raises(CliError, match=r"there is no cloud assembly|it is not a regular file$"):
        assembly.read(folder)


@pytest.mark.parametrize("name", ["manifest.json", "Web.json"])
def test_fails_when_a_file_is_larger_than_any_of_an_assembly(tmp_path: Path, name: str) -> None:
    folder = write_assembly(tmp_path, Web={})
    os.truncate(folder / name, 64 * 1024 * 1024 + 1)  # a sparse file, which takes no space

    with pytest.raises(CliError, match=rf"{name} can't be read: it is larger than 64 MiB$"):
        assembly.read(folder)


@pytest.mark.parametrize("name", ["manifest.json", "Web.json"])
def test_fails_when_a_file_is_nested_too_deeply(tmp_path: Path, name: str) -> None:
    folder = write_assembly(tmp_path, Web={})
    (folder / name).write_text('{"a":' * 100_000 + "1" + "}" * 100_000)

    with pytest.raises(CliError, match=rf"{name} can't be read: it is not what `cdk synth` writes$"):
        assembly.read(folder)


def test_reads_files_with_a_byte_order_mark(tmp_path: Path) -> None:
    folder = write_assembly(tmp_path, Web={})
    for name in ("manifest.json", "Web.json"):
        (folder / name).write_bytes(b"\xef\xbb\xbf" + (folder / name).read_bytes())

    assert [stack.name for stack in assembly.read(folder)] == ["Web"]


@pytest.mark.parametrize("name", ["../Web.json", "/etc/hostname", "a/../../Web.json"])
@pytest.mark.parametrize("key", ["templateFile", "file", "directoryName"])
def test_fails_when_the_assembly_names_a_file_outside_it(tmp_path: Path, key: str, name: str) -> None:
    folder = write_assembly(tmp_path / "assembly", Web={})
    (tmp_path / "Web.json").write_text("{}")
    artifacts = {"Web": {**ARTIFACT, "properties": {"templateFile": "Web.json", key: name}}}
    (folder / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))

    with pytest.raises(CliError, match=rf"names '{name}', which is outside it: it is not what `cdk synth` writes$"):
        assembly.read(folder)


def test_fails_when_a_nested_template_is_outside_the_assembly(tmp_path: Path) -> None:
    (tmp_path / "Web.json").write_text("{}")
    nested = {"Type": "AWS::CloudFormation::Stack", "Metadata": {"aws:asset:path": "../Web.json"}}

    with pytest.raises(CliError, match=r"names '../Web.json', which is outside it"):
        assembly.read(write_assembly(tmp_path / "assembly", Web={"Resources": {"A": nested}}))


def test_fails_when_values_of_lookups_are_missing_and_names_them(tmp_path: Path) -> None:
    folder = write_assembly(tmp_path, Web={})
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["missing"] = [{"key": f"ssm:parameterName=/{name}", "provider": "ssm", "props": {}} for name in "abcde"]
    (folder / "manifest.json").write_text(json.dumps(manifest))

    with pytest.raises(CliError) as caught:
        assembly.read(folder)

    assert str(caught.value) == (
        "the app looks up values that cdk.context.json does not hold (ssm:parameterName=/a, ssm:parameterName=/b, "
        "ssm:parameterName=/c and 2 more): run `cdk synth` once with AWS credentials, and commit cdk.context.json"
    )
