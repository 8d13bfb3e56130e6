"""Enforcement in the app, and one provider for all its entries."""

import json
from pathlib import Path
from typing import Any

import pytest

from stacks.config import RoleEntry
from stacks.instance_role_stack import InstanceRoleStack
from tests.synth.builders import INSTANCE, IRELAND, OTHER_INSTANCE, association_of, new_app, resources
from tests.synth.test_app import run, run_here

KEY = "arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f"
OPERATOR = "arn:aws:iam::111122223333:role/Operator"
WEB: dict[str, Any] = {"instance_ids": [INSTANCE]}
API: dict[str, Any] = {"instance_ids": [OTHER_INSTANCE]}
HERE, THERE = ({"account": "111122223333", "region": region} for region in ("eu-west-1", "us-east-1"))

Templates = dict[str, dict[str, Any]]


def templates(folder: Path, roles: dict[str, Any], *, validated: bool = False, **settings: Any) -> Templates:
    """The templates of the app by the ids of their stacks."""
    context = {"instance_roles": roles, "instance_role_settings": settings}
    finished = run(context, folder, validated=True) if validated else run_here(context, folder)
    assert (finished.returncode, finished.stderr) == (0, "")
    return {path.name.partition(".")[0]: json.loads(path.read_text()) for path in folder.glob("*.template.json")}


def types(template: dict[str, Any]) -> set[str]:
    return {one["Type"] for one in template["Resources"].values()}


# Enforcement


@pytest.mark.parametrize(
    ("given", "rendered"),
    [
        ("report", {"Mode": "report", "EverySeconds": 900}),
        ("repair", {"Mode": "repair", "EverySeconds": 900, "MaxChanges": "10%"}),
        ({"mode": "report", "every_minutes": 5}, {"Mode": "report", "EverySeconds": 300}),
        (
            {"mode": "repair", "every_minutes": 60, "max_changes": 20},
            {"Mode": "repair", "EverySeconds": 3600, "MaxChanges": "20"},
        ),
    ],
    ids=["report", "repair", "report often", "repair little"],
)
def test_an_entry_has_the_enforcement_that_it_declares(given: Any, rendered: dict[str, Any]) -> None:
    entry = RoleEntry.model_validate({**WEB, "enforcement": given})
    stack = InstanceRoleStack(new_app(), "InstanceRole-web", entry=entry, env=IRELAND)
    assert association_of(stack)["Properties"]["Enforcement"] == rendered


def test_an_entry_without_enforcement_has_none_of_its_resources() -> None:
    stack = InstanceRoleStack(new_app(), "InstanceRole-web", entry=RoleEntry.model_validate(WEB), env=IRELAND)
    assert not resources(stack, "AWS::SQS::Queue")
    assert "Enforcement" not in association_of(stack)["Properties"]


def test_settings_reach_the_queues(tmp_path: Path) -> None:
    roles = {"web": {**WEB, **HERE, "enforcement": "report"}}
    settings = {"encryption_key": KEY, "encrypt_queues": True, "reconcilers": [OPERATOR], "tags": {"cost-center": "42"}}
    (template,) = templates(tmp_path, roles, validated=True, **settings).values()
    queues = [one["Properties"] for one in template["Resources"].values() if one["Type"] == "AWS::SQS::Queue"]

    assert [one["KmsMasterKeyId"] for one in queues] == [KEY, KEY]
    assert all({"Key": "cost-center", "Value": "42"} in one["Tags"] for one in queues)
    assert json.dumps(template).count(OPERATOR) >= 2


# One provider


def test_entries_of_one_environment_share_a_provider_in_a_separate_stack(tmp_path: Path) -> None:
    roles = {"web": {**WEB, "enforcement": "repair"}, "api": {**API, "enforcement": "report"}}
    found = templates(tmp_path, roles, shared_provider=True)

    assert set(found) == {"InstanceRoleProvider", "InstanceRole-web", "InstanceRole-api"}
    assert {"AWS::Lambda::Function", "AWS::DynamoDB::Table", "AWS::SQS::Queue"} <= types(found["InstanceRoleProvider"])
    for name in ("InstanceRole-web", "InstanceRole-api"):
        assert types(found[name]) == {
            "AWS::IAM::Role",
            "AWS::IAM::InstanceProfile",
            "AWS::IAM::ManagedPolicy",
            "Custom::InstanceProfileAssociation",
        }


def test_each_environment_has_a_provider_whose_stack_is_named_after_it(tmp_path: Path) -> None:
    roles = {"web": {**WEB, **HERE}, "api": {**API, **THERE}}
    assert set(templates(tmp_path, roles, shared_provider=True)) == {
        "InstanceRoleProvider-111122223333-eu-west-1",
        "InstanceRoleProvider-111122223333-us-east-1",
        "InstanceRole-web",
        "InstanceRole-api",
    }


def test_an_entry_for_another_environment_does_not_rename_a_stack(tmp_path: Path) -> None:
    one = templates(tmp_path / "one", {"web": {**WEB, **HERE}}, shared_provider=True)
    two = templates(tmp_path / "two", {"web": {**WEB, **HERE}, "api": {**API, **THERE}}, shared_provider=True)
    assert set(one) <= set(two)


def test_the_shared_provider_has_the_settings(tmp_path: Path) -> None:
    found = templates(
        tmp_path,
        {"web": {**WEB, "settings": {"tags": {"team": "web"}}}, "api": API},
        shared_provider=True,
        runtime="python3.12",
        permissions_boundary="CompanyBoundary",
        tags={"cost-center": "42"},
        validated=True,
    )
    provider = found["InstanceRoleProvider"]["Resources"].values()
    roles = [one["Properties"] for one in provider if one["Type"] == "AWS::IAM::Role"]
    (role,) = (
        one["Properties"] for one in found["InstanceRole-web"]["Resources"].values() if one["Type"] == "AWS::IAM::Role"
    )

    assert "python3.12" in {one["Properties"].get("Runtime") for one in provider}
    assert all("PermissionsBoundary" in one for one in (*roles, role))
    assert all(one["Tags"] == [{"Key": "cost-center", "Value": "42"}] for one in roles)
    assert role["Tags"] == [{"Key": "team", "Value": "web"}]


def test_the_shared_provider_has_the_boundary_and_the_tags_that_all_its_entries_have(tmp_path: Path) -> None:
    boundary = "arn:aws:iam::111122223333:policy/CompanyBoundary"
    settings = {"permissions_boundary": boundary, "tags": {"cost-center": "42"}}
    place = {"account": "111122223333", "regions": ["eu-west-1"], "settings": settings}
    found = templates(
        tmp_path,
        {
            "web": {"instance_tags": {"app": ["web"]}, "environments": [place]},
            "api": {"instance_tags": {"app": ["api"]}, **HERE, "settings": settings},
        },
        shared_provider=True,
    )
    provider = found["InstanceRoleProvider-111122223333-eu-west-1"]["Resources"].values()
    roles = [one["Properties"] for one in provider if one["Type"] == "AWS::IAM::Role"]

    assert len(roles) == 4
    assert {one["PermissionsBoundary"] for one in roles} == {boundary}
    assert all(one["Tags"] == [{"Key": "cost-center", "Value": "42"}] for one in roles)


def test_without_the_setting_every_entry_has_its_own_provider(tmp_path: Path) -> None:
    found = templates(tmp_path, {"web": WEB, "api": API}, shared_provider=False)
    assert set(found) == {"InstanceRole-web", "InstanceRole-api"}
    assert all("AWS::DynamoDB::Table" in types(template) for template in found.values())
