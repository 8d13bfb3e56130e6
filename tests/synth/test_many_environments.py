"""Several accounts and Regions in one entry of the app: what is the same in their stacks, and what must differ."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from aws_cdk.region_info import Fact
from pydantic import TypeAdapter

from stacks.environments import Region
from tests.synth.builders import INSTANCE, OTHER_INSTANCE, as_text
from tests.synth.test_app import run_here

ONE, TWO = "111122223333", "444455556666"
REGIONS = ["eu-west-1", "us-east-1"]
EVERYWHERE = [{"account": ONE, "regions": REGIONS}, {"account": TWO, "regions": REGIONS}]
FLEET: dict[str, Any] = {"instance_tags": {"app": ["web"]}, "environments": EVERYWHERE}
SUFFIXES = {
    "111122223333-eu-west-1",
    "111122223333-us-east-1",
    "444455556666-eu-west-1",
    "444455556666-us-east-1",
}
NAMES = {"RoleName", "InstanceProfileName", "ManagedPolicyName", "TableName", "FunctionName", "LogGroupName"}

Templates = dict[str, dict[str, Any]]


def synthesized(folder: Path, roles: dict[str, Any], **settings: Any) -> Templates:
    """The templates of the app by the ids of their stacks."""
    finished = run_here({"instance_roles": roles, "instance_role_settings": settings}, folder)
    assert (finished.returncode, finished.stderr) == (0, "")
    return {path.name.partition(".")[0]: json.loads(path.read_text()) for path in folder.glob("*.template.json")}


def of_type(template: dict[str, Any], type: str) -> list[dict[str, Any]]:
    return [one["Properties"] for one in template["Resources"].values() if one["Type"] == type]


def association(template: dict[str, Any]) -> dict[str, Any]:
    (found,) = of_type(template, "Custom::InstanceProfileAssociation")
    return found


def test_each_stack_is_for_the_account_and_region_in_its_id(tmp_path: Path) -> None:
    assert set(synthesized(tmp_path, {"web": FLEET})) == {f"InstanceRole-web-{suffix}" for suffix in SUFFIXES}

    manifest = json.loads((tmp_path / "manifest.json").read_text())
    stacks = {id_: one for id_, one in manifest["artifacts"].items() if one["type"] == "aws:cloudformation:stack"}
    assert {id_: one["environment"] for id_, one in stacks.items()} == {
        "InstanceRole-web-111122223333-eu-west-1": "aws://111122223333/eu-west-1",
        "InstanceRole-web-111122223333-us-east-1": "aws://111122223333/us-east-1",
        "InstanceRole-web-444455556666-eu-west-1": "aws://444455556666/eu-west-1",
        "InstanceRole-web-444455556666-us-east-1": "aws://444455556666/us-east-1",
    }


def test_names_and_iam_paths_of_two_regions_of_an_account_never_collide(tmp_path: Path) -> None:
    found = synthesized(tmp_path, {"web": FLEET, "web-2": FLEET | {"instance_tags": {"app": ["api"]}}})
    paths = [profile["Path"] for one in found.values() for profile in of_type(one, "AWS::IAM::InstanceProfile")]

    assert len(found) == len(set(paths)) == 8
    for stack in found:
        assert [path for path in paths if path.startswith(f"/cdk-instance-role/{stack}/")] != []
    for template in found.values():
        for resource in template["Resources"].values():
            assert not NAMES & resource.get("Properties", {}).keys()


def test_names_resolve_in_the_account_of_each_stack(tmp_path: Path) -> None:
    entry = {**FLEET, "managed_policies": ["AmazonS3ReadOnlyAccess"], "replaces": ["OldProfile"]}
    found = synthesized(tmp_path, {"web": entry}, permissions_boundary="CompanyBoundary")

    for stack, template in found.items():
        account = re.findall(r"\d{12}", stack)[0]
        boundaries = {as_text(one["PermissionsBoundary"]) for one in of_type(template, "AWS::IAM::Role")}
        assert boundaries == {f"arn:aws:iam::{account}:policy/CompanyBoundary"}
        (replaced,) = association(template)["Replaces"]
        assert as_text(replaced["InstanceProfileArn"]).endswith(f":iam::{account}:instance-profile/OldProfile")
        assert "iam::aws:policy/AmazonS3ReadOnlyAccess" in json.dumps(template)


def test_an_environment_selects_its_own_ids_and_has_its_own_settings(tmp_path: Path) -> None:
    environments = [
        {"account": ONE, "regions": ["eu-west-1"], "instance_ids": [INSTANCE], "settings": {"log_retention_days": 30}},
        {"account": ONE, "regions": ["us-east-1"], "instance_ids": [OTHER_INSTANCE]},
    ]
    found = synthesized(tmp_path, {"web": {"environments": environments}}, log_retention_days=365)
    here, there = (found[f"InstanceRole-web-111122223333-{region}"] for region in REGIONS)

    assert association(here)["InstanceIds"] == [INSTANCE]
    assert association(there)["InstanceIds"] == [OTHER_INSTANCE]
    assert [one["RetentionInDays"] for one in of_type(here, "AWS::Logs::LogGroup")] == [30]
    assert [one["RetentionInDays"] for one in of_type(there, "AWS::Logs::LogGroup")] == [365]


def test_entries_share_one_provider_in_each_account_and_region(tmp_path: Path) -> None:
    api = {"instance_tags": {"app": ["api"]}, "environments": [{"account": ONE, "regions": REGIONS}]}
    found = synthesized(tmp_path, {"web": FLEET, "api": api}, shared_provider=True)
    providers = {stack for stack in found if stack.startswith("InstanceRoleProvider")}

    assert providers == {f"InstanceRoleProvider-{suffix}" for suffix in SUFFIXES}
    assert set(found) - providers == {
        *(f"InstanceRole-web-{suffix}" for suffix in SUFFIXES),
        "InstanceRole-api-111122223333-eu-west-1",
        "InstanceRole-api-111122223333-us-east-1",
    }
    assert all(of_type(found[stack], "AWS::DynamoDB::Table") == [] for stack in set(found) - providers)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    for stack in set(found) - providers:
        needed = {one for one in manifest["artifacts"][stack]["dependencies"] if not one.endswith(".assets")}
        assert needed == {f"InstanceRoleProvider-{stack.split('-', 2)[2]}"}


@pytest.mark.parametrize("region", Fact.regions)
def test_every_region_of_the_cdk_can_be_configured(region: str) -> None:
    assert TypeAdapter(Region).validate_python(region) == region


def test_a_region_that_the_cdk_does_not_list_is_refused_in_one_line(tmp_path: Path) -> None:
    environments = [{"account": ONE, "regions": ["eu-west-1", "eu-west-9"]}]
    finished = run_here({"instance_roles": {"web": {**FLEET, "environments": environments}}}, tmp_path)

    assert finished.returncode == 1
    assert finished.stderr.startswith(
        "error: instance_roles.web.environments[0].regions[1] is 'eu-west-9', and aws-cdk-lib lists no such Region: "
        "did you mean 'eu-west-"
    )
    assert len(finished.stderr.splitlines()) == 1
    assert list(tmp_path.glob("*.template.json")) == []
