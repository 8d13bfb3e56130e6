"""The stacks of an assembly that are named."""

import json
from pathlib import Path
from typing import Any

import pytest

from cdk_instance_role.cli.environments.stack_selection import chosen
from cdk_instance_role.cli.model import CliError
from cdk_instance_role.cli.template import assembly
from cdk_instance_role.cli.template.assembly import StackArtifact
from tests.cli.servers import STACK, write_assembly
from tests.cli.template.test_assembly import in_two_regions, staged


def test_selects_all_stacks_unless_some_are_named(tmp_path: Path) -> None:
    stacks = assembly.read(write_assembly(tmp_path, A={}, B={}, C={}))

    assert chosen(stacks, ()) == stacks
    assert [stack.name for stack in chosen(stacks, ("C", "A"))] == ["A", "C"]


def test_finds_a_stack_by_the_path_of_its_construct_too() -> None:
    assert {stack.name for stack in chosen(staged(), ("Prod/Web", "Base"))} == {"Base", "Prod-Web"}
    assert [stack.name for stack in chosen(staged(), ("Prod/Inner/Web",))] == ["inner-web"]


@pytest.mark.parametrize(
    ("pattern", "found"), [("*", {"A", "AB", "C"}), ("A*", {"A", "AB"}), ("?", {"A", "C"}), ("a*", None), ("D*", None)]
)
def test_a_name_may_be_a_pattern(tmp_path: Path, pattern: str, found: set[str] | None) -> None:
    stacks = assembly.read(write_assembly(tmp_path, A={}, AB={}, C={}))

    if found is None:
        with pytest.raises(CliError, match="there is no stack"):
            chosen(stacks, (pattern,))
    else:
        assert {stack.name for stack in chosen(stacks, (pattern,))} == found


def test_distinguishes_stacks_of_the_same_name_by_the_paths_of_their_constructs() -> None:
    stacks = in_two_regions()

    assert {stack.region for stack in chosen(stacks, (STACK,))} == {"eu-west-1", "us-east-1"}
    assert [stack.region for stack in chosen(stacks, (f"America/{STACK}",))] == ["us-east-1"]
    with pytest.raises(CliError, match=rf"only Europe/{STACK}, America/{STACK}$"):
        chosen(stacks, ("Typo",))


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
        chosen(stacks, ("C", "D"))


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["*"], {"Anywhere", "Base"}),
        (["Prod/*"], {"Prod-Web"}),
        (["Prod/**"], {"Prod-Web", "inner-web"}),
        (["Prod-*"], None),
        (["!Prod/**"], {"Anywhere", "Base"}),
        (["**", "!**/Inner/*"], {"Anywhere", "Base", "Prod-Web"}),
        (["!**"], None),
        (["inner-web", "Base"], {"Base", "inner-web"}),
    ],
)
def test_a_pattern_is_about_the_path_and_a_name_about_the_stack_too(names: list[str], found: set[str] | None) -> None:
    if found is None:
        with pytest.raises(CliError, match="there is no stack"):
            chosen(staged(), names)
    else:
        assert {stack.name for stack in chosen(staged(), names)} == found


def stacks_of(folder: Path, names: dict[str, str]) -> list[StackArtifact]:
    """Stacks with these names, by the paths of their constructs."""
    (folder / "T.json").write_text("{}")
    artifacts = {
        f"Artifact{number}": {
            "type": "aws:cloudformation:stack",
            "displayName": path,
            "properties": {"templateFile": "T.json", "stackName": name},
        }
        for number, (path, name) in enumerate(names.items())
    }
    (folder / "manifest.json").write_text(json.dumps({"version": "48.0.0", "artifacts": artifacts}))
    return assembly.read(folder)


def test_a_path_comes_before_the_name_of_another_stack(tmp_path: Path) -> None:
    stacks = stacks_of(tmp_path, {"Web": "Production", "Test/Web": "Web"})

    assert [one.name for one in chosen(stacks, ["Web"])] == ["Production"]


@pytest.mark.parametrize("path", ["Web (1)", r"Web\1", "Web+[1]", "{Web", "Web|1", "W[ab]", "{A,B}", "W*"])
@pytest.mark.parametrize("by_path", [True, False])
def test_finds_a_stack_whose_path_could_be_a_pattern(tmp_path: Path, path: str, by_path: bool) -> None:
    stacks = stacks_of(tmp_path, {path: "Web1", "Wa": "A1", "A": "A2"})

    assert [one.name for one in chosen(stacks, [path if by_path else "Web1"])] == ["Web1"]


@pytest.mark.parametrize("names", [["!Prod-Web"], ["!Prd/Web"], ["**", "!Prod-Web"], ["Base", "!Prod-*"]])
def test_fails_when_an_exclusion_leaves_out_no_stack(names: list[str]) -> None:
    with pytest.raises(CliError) as error:
        chosen(staged(), names)

    said = f"{names[-1]} leaves out no stack: `cdk deploy` compares it with the paths, which are "
    assert str(error.value).startswith(said)
    assert "Prod/Inner/Web" in str(error.value).removeprefix(said).split(", ")
