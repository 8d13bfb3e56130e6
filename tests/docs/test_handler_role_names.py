"""What the page on restricted accounts says about the name of the handler's role, for a service control policy."""

import re
import runpy
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

import aws_cdk
import pytest
from aws_cdk.assertions import Template

from stacks.config import RoleEntry
from stacks.instance_role_stack import InstanceRoleStack
from tests.synth.builders import ACCOUNT, INSTANCE, IRELAND, ROOT, new_app

PAGE = (ROOT / "docs" / "restricted-accounts.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "examples" / "restricted_account" / "app.py"
MAX_NAME = 64
"""Characters of a role: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
RANDOM_PART = "-1T2P22ECUHKM7"


def role_of_the_handler(template: Mapping[str, Any]) -> str:
    """The logical id of the role of the function that deployments call."""
    (role,) = (
        one["Properties"]["Role"]["Fn::GetAtt"][0]
        for one in template["Resources"].values()
        if one["Type"] == "AWS::Lambda::Function" and one["Properties"]["Handler"] == "association.entry.handle"
    )
    return str(role)


def app_stack(name: str) -> Mapping[str, Any]:
    entry = RoleEntry(instance_ids=[INSTANCE], managed_policies=["AmazonS3ReadOnlyAccess"])
    return Template.from_stack(InstanceRoleStack(new_app(), name, entry=entry, env=IRELAND)).to_json()


def shortened(stack: str, logical_id: str, kept: int) -> str:
    """A name as CloudFormation generates it, which keeps this much of a long name of the stack."""
    head = stack if len(f"{stack}-{logical_id}{RANDOM_PART}") <= MAX_NAME else stack[:kept]
    return f"{head}-{logical_id}"[: MAX_NAME - len(RANDOM_PART)] + RANDOM_PART


def test_the_role_of_the_example_has_the_name_of_the_exception(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_cdk, "App", partial(aws_cdk.App, outdir=str(tmp_path)))
    stack = runpy.run_path(str(EXAMPLE), run_name="__main__")["stack"]
    template = Template.from_stack(stack).to_json()
    name = template["Resources"][role_of_the_handler(template)]["Properties"]["RoleName"]

    assert f"`arn:aws:iam::*:role/{name}`" in PAGE
    assert len(name) <= MAX_NAME


def test_the_query_of_the_page_finds_only_the_role_of_the_handler() -> None:
    (prefix,) = re.findall(r"starts_with\(LogicalResourceId, '(\w+)'\)", PAGE)
    template = app_stack("InstanceRole-web")
    assert [id_ for id_ in template["Resources"] if id_.startswith(prefix)] == [role_of_the_handler(template)]


@pytest.mark.parametrize("kept", [24, 30, 128])
@pytest.mark.parametrize("stack", ["A", "InstanceRole-web", "InstanceRole-web-111122223333-eu-west-1"])
def test_the_pattern_of_the_page_matches_the_role_however_its_name_is_shortened(stack: str, kept: int) -> None:
    (pattern,) = re.findall(r"`(arn:aws:iam::\*:role/<first 24 characters of the stack's name>\*)`", PAGE)
    filled = pattern.replace("<first 24 characters of the stack's name>", stack[:24])
    name = shortened(stack, role_of_the_handler(app_stack(stack)), kept)
    assert fnmatchcase(f"arn:aws:iam::{ACCOUNT}:role/{name}", filled)
