"""What patterns for stacks mean. The expected stacks are those that `cdk ls` has listed for an app with these paths."""

import pytest

from cdk_instance_role.cli.environments.stack_patterns import is_selected, unmatched
from cdk_instance_role.cli.model import CliError

HIDDEN = "Prod/.hidden"
"""Patterns leave out what begins with a dot."""
PATHS = (
    "Top",
    "Prod/Web",
    "Prod/Eu/Web",
    "Front",
    "InstanceRole-web",
    "InstanceRole-api",
    "InstanceRole-web-eu-west-1",
    HIDDEN,
    "a.b",
    "Prod/Deep/Eu/Web",
)
VISIBLE = [path for path in PATHS if path != HIDDEN]
LISTED = [
    ("*", ["Top", "Front", "InstanceRole-web", "InstanceRole-api", "InstanceRole-web-eu-west-1", "a.b"]),
    ("**", VISIBLE),
    ("Prod/*", ["Prod/Web"]),
    ("Prod/**", ["Prod/Web", "Prod/Eu/Web", "Prod/Deep/Eu/Web"]),
    ("Prod-*", []),
    ("InstanceRole-{web,api}", ["InstanceRole-web", "InstanceRole-api"]),
    ("InstanceRole-*-eu-west-1", ["InstanceRole-web-eu-west-1"]),
    ("InstanceRole-*", ["InstanceRole-web", "InstanceRole-api", "InstanceRole-web-eu-west-1"]),
    ("*/Web", ["Prod/Web"]),
    ("**/Web", ["Prod/Web", "Prod/Eu/Web", "Prod/Deep/Eu/Web"]),
    ("Prod/**/Web", ["Prod/Web", "Prod/Eu/Web", "Prod/Deep/Eu/Web"]),
    ("Prod/*/Web", ["Prod/Eu/Web"]),
    ("P*", []),
    ("P**", []),
    ("Pr**/Web", ["Prod/Web"]),
    ("*o*", ["Top", "Front", "InstanceRole-web", "InstanceRole-api", "InstanceRole-web-eu-west-1"]),
    ("T?p", ["Top"]),
    ("?op", ["Top"]),
    ("Prod?Web", []),
    ("[TF]*", ["Top", "Front"]),
    ("[!T]*", ["Top"]),
    ("[A-F]ront", ["Front"]),
    ("{Top,Prod/Web}", ["Top", "Prod/Web"]),
    ("{Prod/{Eu,Deep},Top}/**", ["Top", "Prod/Eu/Web", "Prod/Deep/Eu/Web"]),
    ("Prod/{Web,Eu/*}", ["Prod/Web", "Prod/Eu/Web"]),
    ("Top/**", ["Top"]),
    ("Top/*", []),
    ("top", []),
    ("a.?", ["a.b"]),
    ("a.b", ["a.b"]),
    ("*.b", ["a.b"]),
    ("Prod/.*", ["Prod/.hidden"]),
    (".*", []),
    ("{Top}", []),
    ("Prod-front", []),
    ("Prod", []),
    ("Prod/", []),
    ("**/*", VISIBLE),
    ("Prod/**/*", ["Prod/Web", "Prod/Eu/Web", "Prod/Deep/Eu/Web"]),
    ("!!Top", ["Top"]),
    ("[Top", []),
    ("*/**", ["Prod/Web", "Prod/Eu/Web", "Prod/Deep/Eu/Web"]),
    ("*/**/**", ["Prod/Web", "Prod/Eu/Web", "Prod/Deep/Eu/Web"]),
    ("**/*/**", ["Prod/Web", "Prod/Eu/Web", "Prod/Deep/Eu/Web"]),
    ("Pr*/**", ["Prod/Web", "Prod/Eu/Web", "Prod/Deep/Eu/Web"]),
    ("T*/**", []),
    ("T?p/**", ["Top"]),
    ("*/**/Web", ["Prod/Web", "Prod/Eu/Web", "Prod/Deep/Eu/Web"]),
    ("**/**", VISIBLE),
    ("*{b,p}", ["Top", "InstanceRole-web", "a.b"]),
    ("**/*{b,p}", ["Top", "Prod/Web", "Prod/Eu/Web", "InstanceRole-web", "a.b", "Prod/Deep/Eu/Web"]),
    ("/Top", []),
    ("./Top", ["Top"]),
    ("Prod//Web", []),
    ("InstanceRole-{web,api}*", ["InstanceRole-web", "InstanceRole-api", "InstanceRole-web-eu-west-1"]),
    ("Prod/E?/Web", ["Prod/Eu/Web"]),
    ("**/Eu/**", ["Prod/Eu/Web", "Prod/Deep/Eu/Web"]),
    ("Prod/**/Eu/*", ["Prod/Eu/Web", "Prod/Deep/Eu/Web"]),
    ("***", ["Top", "Front", "InstanceRole-web", "InstanceRole-api", "InstanceRole-web-eu-west-1", "a.b"]),
    ("Prod[^x]Web", []),
    ("[^T]*", ["Front", "InstanceRole-web", "InstanceRole-api", "InstanceRole-web-eu-west-1", "a.b"]),
]
NOT_TOP = [path for path in PATHS if path != "Top"]


@pytest.mark.parametrize(("pattern", "listed"), LISTED)
def test_a_pattern_names_what_the_cdk_cli_lists(pattern: str, listed: list[str]) -> None:
    assert [path for path in PATHS if is_selected([pattern], path)] == listed


@pytest.mark.parametrize(
    ("patterns", "listed"),
    [
        (["!Top"], NOT_TOP),
        (["!*/**"], ["Top", "Front", *(one for one in PATHS if one.startswith("InstanceRole")), "Prod/.hidden", "a.b"]),
        (["Prod/**", "!**/Eu/*"], ["Prod/Web"]),
        (["Top", "Prod/*"], ["Top", "Prod/Web"]),
        ([], [*PATHS]),
    ],
)
def test_patterns_together_name_what_the_cdk_cli_lists(patterns: list[str], listed: list[str]) -> None:
    assert [path for path in PATHS if is_selected(patterns, path)] == listed


@pytest.mark.parametrize(
    "pattern",
    [
        "Fron{s..u}",
        "@(Top|Front)",
        "!(Top)",
        "Prod/(Web)",
        r"\*op",
        "Top|Fron?",
        "!Top|Fron?",
        '"Fron?"',
        "[A-Z][a-z]+",
        "{F,T}+",
        "[[:upper:]]*",
        "[]F]*",
        "{Top,Front",
        "!{Top",
        "Top}*",
        "{Fron,}**",
        "{,F}*",
        "{Prod/*,a}*",
        "{Prod/**,Front}",
        "{Prod*,Front}/**",
        "**//Front",
        "*/**//**",
        "*/**/***",
        "././Fron?",
        "./!Front",
    ],
)
def test_refuses_what_only_the_cdk_cli_can_read(pattern: str) -> None:
    with pytest.raises(CliError, match="can't be read: use "):
        is_selected([pattern], "Front")


def test_a_range_that_is_none_names_no_stack() -> None:
    assert not is_selected(["[z-a]"], "b")


def test_names_the_patterns_that_no_stack_has() -> None:
    assert unmatched(["Top", "Prod-*", "!Test/*"], PATHS) == ["Prod-*"]
