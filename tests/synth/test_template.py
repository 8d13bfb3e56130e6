"""The whole template: its size, its validity, and the policies that change with their content."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Environment, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Template

from cdk_instance_role import InstanceRole, InstanceSelection, OnConflict, ReplaceableProfiles, Rollout
from tests.synth.builders import (
    ACCOUNT,
    BY_ID,
    BY_TAGS,
    FLAGS,
    INSTANCE,
    IRELAND,
    OTHER_INSTANCE,
    POLICY_SIZE,
    alarm,
    as_text,
    associate_imported,
    imported_profile,
    listed,
    new_stack,
)

MAX_RESOURCES = 18


def template_of(*selections: InstanceSelection, flags: Mapping[str, Any] = FLAGS) -> dict[str, Any]:
    stack = new_stack(flags=flags)
    role = InstanceRole(stack, "Web", managed_policies=["AmazonS3ReadOnlyAccess"])
    for number, selection in enumerate(selections):
        role.associate_with(f"Fleet{number}", selection)
    return dict(Template.from_stack(stack).to_json())


def policies(template: dict[str, Any]) -> dict[str, Any]:
    return {id_: found for id_, found in template["Resources"].items() if found["Type"] == "AWS::IAM::ManagedPolicy"}


def stack_of_everything(env: Environment | None = IRELAND, flags: Mapping[str, Any] = FLAGS) -> Stack:
    """A stack that uses everything: ids and tags, listed and any profiles, own and imported roles and profiles,
    waves with alarms, and a dashboard."""
    stack = new_stack(env=env, flags=flags)
    old = imported_profile(stack, "Old")
    web = InstanceRole(stack, "Web", managed_policies=["AmazonS3ReadOnlyAccess"], role_name="web")
    waves = Rollout.in_waves(growth=2, alarms=[alarm(stack, "Errors")], max_failures="2%")
    listed = web.associate_with("Listed", BY_ID, replaces=ReplaceableProfiles.profiles(old), rollout=waves)
    cloudwatch.Dashboard(stack, "Dashboard").add_widgets(*listed.dashboard_widgets())
    web.associate_with("Tagged", BY_TAGS, replaces=ReplaceableProfiles.any(), on_conflict=OnConflict.KEEP)
    job = InstanceRole(stack, "Job", role=iam.Role.from_role_name(stack, "JobRole", "job"))
    tags = InstanceSelection.by_tags({"${app}": ["${job}"]})
    job.associate_with("Tagged", tags, replaces=ReplaceableProfiles.profiles(old, web.instance_profile))
    other = InstanceSelection.by_ids(OTHER_INSTANCE)
    associate_imported(stack, instances=other, removal_policy=RemovalPolicy.RETAIN)
    return stack


HANDLER_POLICIES = "InstanceProfileHandlerPolicies"


def stable(logical_id: str) -> str:
    """A logical id without the digest of the content that a handler's policy has at its end."""
    return logical_id[:-8] if logical_id.startswith(HANDLER_POLICIES) else logical_id


def dependencies(template: dict[str, Any]) -> dict[str, set[str]]:
    """What every resource waits for, by logical id."""
    return {
        stable(id_): {stable(other) for other in listed(found.get("DependsOn", []))}
        for id_, found in template["Resources"].items()
    }


def rights(template: dict[str, Any]) -> set[tuple[str, ...]]:
    """Everything that policies allow: where it is written, the effect, the action, the resource, the conditions.

    Which of the handler's policies says something depends on how long the name of the partition may be.
    """
    return {
        (
            HANDLER_POLICIES if id_.startswith(HANDLER_POLICIES) else id_,
            statement["Effect"],
            action,
            str(resource),
            json.dumps(statement.get("Condition"), sort_keys=True),
        )
        for id_, found in template["Resources"].items()
        for document in documents(found)
        for statement in as_text(document["Statement"])
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }


def documents(resource: dict[str, Any]) -> list[Any]:
    """The policy documents of a policy, or inside a role."""
    properties = resource.get("Properties", {})
    own = [properties["PolicyDocument"]] if "PolicyDocument" in properties else []
    return own + [policy["PolicyDocument"] for policy in properties.get("Policies", ())]


@pytest.mark.parametrize("env", [IRELAND, None], ids=["in a Region", "anywhere"])
def test_feature_flags_change_neither_resources_nor_dependencies_nor_permissions(env: Environment | None) -> None:
    on, off = (dict(Template.from_stack(stack_of_everything(env, flags)).to_json()) for flags in (FLAGS, {}))

    assert dependencies(on) == dependencies(off)
    assert rights(on) == rights(off)


@pytest.mark.parametrize("flags", [FLAGS, {}], ids=["feature flags on", "feature flags off"])
def test_a_role_with_its_first_association_has_few_resources(flags: dict[str, Any]) -> None:
    assert len(template_of(BY_ID, flags=flags)["Resources"]) <= MAX_RESOURCES


def test_a_further_association_adds_one_resource() -> None:
    one = template_of(BY_ID)
    two = template_of(BY_ID, InstanceSelection.by_ids(OTHER_INSTANCE))

    assert len(two["Resources"]) == len(one["Resources"]) + 1


def test_the_handlers_policy_is_another_resource_when_its_content_changes() -> None:
    one, other = template_of(BY_ID), template_of(InstanceSelection.by_ids(OTHER_INSTANCE))

    assert policies(one).keys().isdisjoint(policies(other))
    assert policies(one) == policies(template_of(BY_ID))


def test_the_association_depends_on_the_handlers_policies() -> None:
    template = template_of(BY_ID)
    resources = template["Resources"].values()
    (association,) = (found for found in resources if found["Type"] == "Custom::InstanceProfileAssociation")

    assert policies(template).keys() <= set(association["DependsOn"])


def test_fails_when_there_are_more_ids_than_fit_and_says_what_to_do() -> None:
    ids = [f"i-{number:017x}" for number in range(2000)]

    with pytest.raises(ValueError, match="select the instances by tags"):
        template_of(InstanceSelection.by_ids(*ids))


def test_no_policy_of_many_ids_is_larger_than_iam_accepts() -> None:
    template = template_of(InstanceSelection.by_ids(*[f"i-{number:017x}" for number in range(250)]))

    for found in policies(template).values():
        text = json.dumps(found["Properties"]["PolicyDocument"], separators=(",", ":"))
        for token, longest in {"AWS::Partition": 10, "AWS::Region": 14, "AWS::AccountId": 12}.items():
            text = text.replace(json.dumps({"Ref": token}, separators=(",", ":")), "x" * longest)
        joins = text.count('{"Fn::Join":["",[')
        assert len(text) - joins * len('{"Fn::Join":["",[]]}') <= POLICY_SIZE


# The CDK says every dependency, also those that a reference implies.
IGNORED = "W3005"
REGIONS = ("eu-west-1", "cn-north-1", "us-gov-west-1")


def test_cfn_lint_finds_nothing_in_any_region(tmp_path: Path) -> None:
    regions = {region: Environment(account=ACCOUNT, region=region) for region in REGIONS}
    paths = []
    for name, env in {**regions, "anywhere": None}.items():
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(Template.from_stack(stack_of_everything(env)).to_json()))
        paths.append(path)

    cfn_lint = Path(sys.executable).parent / "cfn-lint"
    options = ["--regions", *REGIONS, "--ignore-checks", IGNORED]
    linted = subprocess.run([cfn_lint, *options, "--template", *paths], capture_output=True, text=True, check=False)

    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_a_target_is_selected_by_one_association_only() -> None:
    with pytest.raises(ValueError, match=f"instance {INSTANCE} is selected by .* already"):
        template_of(BY_ID, BY_ID)
