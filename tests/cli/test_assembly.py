"""Reading cloud assemblies: what the CDK has written, and what can be wrong with it."""

import json
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Environment, NestedStack, Stack, Stage

from cdk_instance_role.cli import assembly
from cdk_instance_role.cli.assembly import StackArtifact
from cdk_instance_role.cli.model import CliError
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


# What is in it


def test_reads_the_stacks_of_all_stages() -> None:
    assert {(stack.name, stack.account, stack.region) for stack in staged()} == {
        ("Base", ACCOUNT, REGION),
        ("Anywhere", None, None),
        ("Prod-Web", ACCOUNT, "eu-central-1"),
        ("inner-web", ACCOUNT, "eu-central-1"),
    }


def test_finds_associations_wherever_they_are() -> None:
    assert [stack.name for stack in staged() if stack.associations] == ["Prod-Web"]


def test_calls_an_association_by_the_path_of_its_construct() -> None:
    stack = synthesized(Servers())

    assert [stack.path(id_) for id_ in stack.associations] == ["Web/Fleet"]


def test_leaves_the_path_of_the_stage_and_the_stack_out() -> None:
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


def test_names_the_nested_stacks_of_which_there_is_no_template(tmp_path: Path) -> None:
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


# Which of it


def test_takes_all_stacks_unless_some_are_named(tmp_path: Path) -> None:
    stacks = assembly.read(write_assembly(tmp_path, A={}, B={}, C={}))

    assert assembly.chosen(stacks, ()) == stacks
    assert [stack.name for stack in assembly.chosen(stacks, ("C", "A"))] == ["A", "C"]


def test_knows_a_stack_by_the_path_of_its_construct_too() -> None:
    assert {stack.name for stack in assembly.chosen(staged(), ("Prod/Web", "Base"))} == {"Base", "Prod-Web"}
    assert [stack.name for stack in assembly.chosen(staged(), ("Prod/Inner/Web",))] == ["inner-web"]


def test_tells_stacks_of_the_same_name_apart_by_the_paths_of_their_constructs() -> None:
    stacks = in_two_regions()

    assert {stack.region for stack in assembly.chosen(stacks, (STACK,))} == {"eu-west-1", "us-east-1"}
    assert [stack.region for stack in assembly.chosen(stacks, (f"America/{STACK}",))] == ["us-east-1"]
    with pytest.raises(CliError, match=rf"only Europe/{STACK}, America/{STACK}$"):
        assembly.chosen(stacks, ("Typo",))


@pytest.mark.parametrize(
    ("templates", "message"),
    [
        ({"A": {}, "B": {}}, "there is no stack C, D in the assembly, only A, B"),
        ({}, "there is no stack C, D in the assembly, only none"),
    ],
)
def test_fails_when_a_stack_is_unknown(tmp_path: Path, templates: dict[str, Any], message: str) -> None:
    stacks = assembly.read(write_assembly(tmp_path, **templates))

    with pytest.raises(CliError, match=f"^{message}$"):
        assembly.chosen(stacks, ("C", "D"))


# What can be wrong


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


# An app instead of an assembly


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Writes an app into the current folder, and gives the command that runs it."""
    monkeypatch.chdir(tmp_path)

    def write(program: str) -> str:
        Path("app.py").write_text(program)
        return f"{sys.executable} app.py"

    return write


NOTES_CONTEXT = """
import json, os, pathlib
folder = pathlib.Path(os.environ["CDK_OUTDIR"])
context = json.loads(os.environ["CDK_CONTEXT_JSON"])
template = {"Metadata": context, "Resources": {}}
(folder / "Web.json").write_text(json.dumps(template))
properties = {"templateFile": "Web.json"}
artifacts = {"Web": {"type": "aws:cloudformation:stack", "properties": properties}}
(folder / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
"""


def test_synthesizes_as_the_cdk_cli_does(app: Callable[[str], str]) -> None:
    command = app(NOTES_CONTEXT)
    Path("cdk.json").write_text(json.dumps({"app": "false", "context": {"stage": "dev", "@aws-cdk/core:x": True}}))

    with assembly.synthesized(command, {"stage": "prod"}) as folder:
        (stack,) = assembly.read(folder)

    assert stack.template["Metadata"] == {
        "aws:cdk:enable-path-metadata": True,
        "aws:cdk:enable-asset-metadata": True,
        "stage": "prod",
        "@aws-cdk/core:x": True,
    }
    assert not folder.exists()


def test_needs_no_cdk_json(app: Callable[[str], str]) -> None:
    with assembly.synthesized(app(NOTES_CONTEXT), {}) as folder:
        assert len(assembly.read(folder)) == 1


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("import sys; sys.exit('no such account')", "failed with exit status 1: no such account$"),
        ("print('said here'); raise SystemExit(3)", "failed with exit status 3: said here$"),
        ("raise SystemExit(4)", "failed with exit status 4: it says nothing$"),
        (
            "import sys; sys.stderr.buffer.write(b'\\xff!'); sys.exit(5)",
            "failed with exit status 5: \N{REPLACEMENT CHARACTER}!$",
        ),
        ("", "has written no cloud assembly: it has to be a CDK app"),
    ],
)
def test_fails_when_the_app_does(app: Callable[[str], str], program: str, message: str) -> None:
    with pytest.raises(CliError, match=message), assembly.synthesized(app(program), {}):
        pass


def test_tells_the_last_words_of_the_app_in_one_line(app: Callable[[str], str]) -> None:
    command = app("import sys; sys.exit('\\n'.join(map(str, range(50))))")

    with pytest.raises(CliError, match=r"exit status 1: 45 46 47 48 49$"), assembly.synthesized(command, {}):
        pass


@pytest.mark.parametrize("command", ["no-such-command-anywhere", "./", "python 'unfinished", " ", ""])
def test_fails_when_the_app_is_no_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.chdir(tmp_path)

    with (
        pytest.raises(CliError, match="is neither a folder nor a command that can be run"),
        assembly.synthesized(command, {}),
    ):
        pass


@pytest.mark.parametrize("content", ["{", "[]"])
def test_fails_when_cdk_json_is_broken(app: Callable[[str], str], content: str) -> None:
    command = app(NOTES_CONTEXT)
    Path("cdk.json").write_text(content)

    with pytest.raises(CliError, match=r"^cdk.json can't be read"), assembly.synthesized(command, {}):
        pass
