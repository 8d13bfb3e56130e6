"""Organizations in which the CDK may not create roles: `iam.Role.customize_roles`."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_iam as iam

from cdk_instance_role import InstanceRole, ReplaceableProfiles
from cdk_instance_role.instance_profiles.known_profile import KnownProfile
from tests.synth.builders import ACCOUNT, BY_ID, FLAGS, INSTANCE, IRELAND, imported_profile, new_stack, resources

WITH_DIGEST = r"WebInstanceProfile[0-9A-F]{8}[0-9a-f]{8}"
WITHOUT_DIGEST = r"WebInstanceProfile[0-9A-F]{8}"
PROVIDER = "Stack/InstanceProfileAssociationProvider"
PRECREATED = {
    "Stack/Web/Role": "web-role",
    f"{PROVIDER}/HandlerRole": "handler-role",
    f"{PROVIDER}/OnEventRole": "on-event-role",
    f"{PROVIDER}/WaiterRole": "waiter-role",
    f"{PROVIDER}/Framework/waiter-state-machine/Role": "state-machine-role",
}


def customized(**options: Any) -> tuple[Stack, InstanceRole]:
    stack = new_stack()
    iam.Role.customize_roles(stack, **options)
    return stack, InstanceRole(stack, "Web", managed_policies=["AmazonS3ReadOnlyAccess"])


def profile_id(stack: Stack) -> str:
    (id_,) = resources(stack, "AWS::IAM::InstanceProfile")
    return id_


def test_the_profile_carries_a_precreated_role() -> None:
    stack, web = customized(use_precreated_roles=PRECREATED)
    ((id_, profile),) = resources(stack).items()
    assert profile["Properties"]["Roles"] == ["web-role"]
    assert re.fullmatch(WITH_DIGEST, id_)
    assert KnownProfile.of(web.instance_profile).moves


def test_another_precreated_role_is_another_profile() -> None:
    one, other = (customized(use_precreated_roles={"Stack/Web/Role": name})[0] for name in ("one", "other"))
    assert profile_id(one) != profile_id(other)


def test_an_imported_role_is_reported_like_any_other() -> None:
    stack = new_stack()
    iam.Role.customize_roles(stack)
    role = iam.Role.from_role_name(stack, "Role", "Legacy")
    web = InstanceRole(stack, "Web", role=role, managed_policies=["AmazonS3ReadOnlyAccess"])
    web.add_to_principal_policy(iam.PolicyStatement(actions=["s3:GetObject"], resources=["*"]))
    assert len(resources(stack)) == 1


def test_a_report_alone_leaves_the_profile_as_it_is() -> None:
    stack, _ = customized(prevent_synthesis=False)
    assert re.fullmatch(WITHOUT_DIGEST, profile_id(stack))


def synthesized(folder: Path, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The template of a stack with an association, and the report on each of its roles by path."""
    # Where the CDK only reports, it refers to roles without a name, which its own validation finds.
    app = App(context={**FLAGS, "@aws-cdk/core:validateAgainstDefaultRules": False}, outdir=str(folder))
    stack = Stack(app, "Stack", env=IRELAND)
    iam.Role.customize_roles(stack, **options)
    replaces = ReplaceableProfiles.profiles(imported_profile(stack, "Old"))
    InstanceRole(stack, "Web", managed_policies=["AmazonS3ReadOnlyAccess"]).associate_with(
        "Fleet", BY_ID, replaces=replaces
    )
    template = app.synth().get_stack_by_name("Stack").template
    report = json.loads((folder / "iam-policy-report.json").read_text())
    return dict(template), {role["roleConstructPath"]: role for role in report["roles"]}


@pytest.mark.parametrize(
    "options", [{"use_precreated_roles": PRECREATED}, {"prevent_synthesis": False}], ids=["precreated", "report only"]
)
def test_the_permissions_of_the_handler_are_reported(options: dict[str, Any], tmp_path: Path) -> None:
    _, report = synthesized(tmp_path, **options)
    needed = json.dumps(report[f"{PROVIDER}/HandlerRole"]["managedPolicyStatements"])
    for action in ("AssociateIamInstanceProfile", "ReplaceIamInstanceProfileAssociation", "PassRole"):
        assert action in needed
    assert f"instance/{INSTANCE}" in needed
    assert f"arn:aws:iam::{ACCOUNT}:instance-profile/Old" in needed


def test_with_precreated_roles_the_template_has_no_role_and_no_policy(tmp_path: Path) -> None:
    template, report = synthesized(tmp_path, use_precreated_roles=PRECREATED)
    assert {path: report[path]["roleName"] for path in PRECREATED} == PRECREATED
    assert not any(role.get("missing") for role in report.values())
    kinds = {one["Type"] for one in template["Resources"].values()}
    assert kinds & {"AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"} == set()
    (association,) = (one for one in template["Resources"].values() if one["Type"].startswith("Custom::"))
    assert association["Properties"]["RoleArn"].endswith(f":iam::{ACCOUNT}:role/web-role")
