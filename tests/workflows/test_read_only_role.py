"""The role of the pull request check can read what the commands read, and change nothing."""

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
POLICY: dict[str, Any] = json.loads((ROOT / "docs" / "read-only-policy.json").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs" / "read-only-role.md").read_text(encoding="utf-8")
LOOKUP: dict[str, Any] = json.loads((ROOT / "docs" / "read-only-lookup-policy.json").read_text(encoding="utf-8"))
STATEMENTS: list[dict[str, Any]] = POLICY["Statement"]
READING = re.compile(r"[a-z0-9]+:(BatchGet|Get|List|Describe|Query)[A-Za-z]*")
LONGEST = 6_144  # of a managed policy; IAM does not count white space

every_statement = pytest.mark.parametrize("statement", [pytest.param(one, id=one["Sid"]) for one in STATEMENTS])


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


@every_statement
def test_every_statement_allows_reads_only(statement: dict[str, Any]) -> None:
    others = [action for action in listed(statement["Action"]) if not READING.fullmatch(action)]

    assert statement["Effect"] == "Allow"
    assert set(statement) == {"Sid", "Effect", "Action", "Resource"}
    assert others == []


def test_the_lookup_role_has_a_separate_policy_for_one_account() -> None:
    (statement,) = LOOKUP["Statement"]
    assert statement["Effect"] == "Allow"
    assert statement["Action"] == "sts:AssumeRole"
    assert statement["Resource"] == "arn:aws:iam::111122223333:role/cdk-hnb659fds-lookup-role-111122223333-*"
    assert f"`{statement['Sid']}`" in PAGE
    assert "AssumeRole" not in json.dumps(POLICY)


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:cloudformation:eu-west-1:111122223333:stack/InstanceRole-web-111122223333-eu-west-1/0a1b",
        "arn:aws:cloudformation:eu-west-1:111122223333:stack/InstanceRoleProvider-111122223333-eu-west-1/0a1b",
        "arn:aws:cloudformation:eu-west-1:111122223333:stack/InstanceRoleProvider/0a1b",
        "arn:aws:dynamodb:eu-west-1:111122223333:table/InstanceRole-web-InstanceProfileAssociationProviderLedger0A-2C",
        "arn:aws:dynamodb:eu-west-1:111122223333:table/InstanceRoleProvider-InstanceProfileAssociationProviderLedger0A-2C",
    ],
)
def test_the_stacks_of_the_app_and_their_ledgers_can_be_read(arn: str) -> None:
    action = "cloudformation:GetTemplate" if ":stack/" in arn else "dynamodb:Query"
    resources = [one["Resource"] for one in STATEMENTS if action in listed(one["Action"])]

    assert any(fnmatchcase(arn, pattern) for one in resources for pattern in listed(one))


@every_statement
def test_the_page_gives_the_reason_of_every_statement(statement: dict[str, Any]) -> None:
    assert f"`{statement['Sid']}`" in PAGE


def test_no_action_is_allowed_twice() -> None:
    actions = [action for statement in STATEMENTS for action in listed(statement["Action"])]

    assert sorted(actions) == sorted(set(actions))


def test_only_actions_without_resource_types_are_allowed_on_everything() -> None:
    broad = {action for one in STATEMENTS if one["Resource"] == "*" for action in listed(one["Action"])}

    assert broad == {
        "ec2:DescribeIamInstanceProfileAssociations",
        "ec2:DescribeInstanceAttribute",
        "ec2:DescribeInstances",
        "ec2:DescribeRegions",
        "tag:GetResources",
    }


def test_it_fits_into_a_managed_policy() -> None:
    assert len(json.dumps(POLICY)) < LONGEST


def test_the_ledger_of_a_stack_is_among_the_tables() -> None:
    (tables,) = [one["Resource"] for one in STATEMENTS if "dynamodb:Query" in one["Action"]]
    snapshots = sorted((ROOT / "tests" / "synth" / "snapshots").glob("*.json"))
    ledgers = [
        logical_id
        for snapshot in snapshots
        for logical_id, resource in json.loads(snapshot.read_text(encoding="utf-8"))["Resources"].items()
        if resource["Type"] == "AWS::DynamoDB::Table"
    ]

    assert ledgers
    for logical_id in ledgers:
        # As CloudFormation names a table.
        for stack in ("InstanceRole-web", "InstanceRoleProvider", "InstanceRoleProvider-111122223333-eu-west-1"):
            arn = f"arn:aws:dynamodb:eu-west-1:111122223333:table/{stack}-{logical_id}-1ABCDEFGHIJKL"
            assert any(fnmatchcase(arn, pattern) for pattern in tables)


def test_the_role_trusts_only_the_pull_requests_of_one_repository() -> None:
    blocks = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    (block,) = (one for one in blocks if "AssumeRoleWithWebIdentity" in one)
    (statement,) = json.loads(block)["Statement"]

    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Principal"]["Federated"].endswith(":oidc-provider/token.actions.githubusercontent.com")
    assert statement["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": "repo:OWNER/REPO:pull_request",
        }
    }
