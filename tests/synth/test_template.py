"""What the whole template comes to: its size, its validity, and the policies that change with their content."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aws_cdk.assertions import Template

from cdk_instance_role import InstanceRole, InstanceSelection
from tests.synth.builders import BY_ID, FLAGS, INSTANCE, OTHER_INSTANCE, POLICY_SIZE, new_stack

MOST_RESOURCES = 18


def template_of(*selections: InstanceSelection, flags: Mapping[str, Any] = FLAGS) -> dict[str, Any]:
    stack = new_stack(flags=flags)
    role = InstanceRole(stack, "Web", managed_policies=["AmazonS3ReadOnlyAccess"])
    for number, selection in enumerate(selections):
        role.associate_with(f"Fleet{number}", selection)
    return dict(Template.from_stack(stack).to_json())


def policies(template: dict[str, Any]) -> dict[str, Any]:
    return {id_: found for id_, found in template["Resources"].items() if found["Type"] == "AWS::IAM::ManagedPolicy"}


@pytest.mark.parametrize("flags", [FLAGS, {}], ids=["feature flags on", "feature flags off"])
def test_a_role_with_its_first_association_is_small(flags: dict[str, Any]) -> None:
    assert len(template_of(BY_ID, flags=flags)["Resources"]) <= MOST_RESOURCES


def test_a_further_association_adds_one_resource() -> None:
    one = template_of(BY_ID)
    two = template_of(BY_ID, InstanceSelection.by_ids(OTHER_INSTANCE))

    assert len(two["Resources"]) == len(one["Resources"]) + 1


def test_the_handlers_policy_is_another_resource_when_it_says_something_else() -> None:
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


def test_no_policy_of_many_ids_is_larger_than_iam_takes() -> None:
    template = template_of(InstanceSelection.by_ids(*[f"i-{number:017x}" for number in range(250)]))

    for found in policies(template).values():
        text = json.dumps(found["Properties"]["PolicyDocument"], separators=(",", ":"))
        for token, longest in {"AWS::Partition": 10, "AWS::Region": 14, "AWS::AccountId": 12}.items():
            text = text.replace(json.dumps({"Ref": token}, separators=(",", ":")), "x" * longest)
        joins = text.count('{"Fn::Join":["",[')
        assert len(text) - joins * len('{"Fn::Join":["",[]]}') <= POLICY_SIZE


# The CDK says every dependency, also those that a reference implies.
IGNORED = "W3005"


def test_cfn_lint_finds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "template.json"
    path.write_text(json.dumps(template_of(BY_ID)))
    linted = subprocess.run(
        [
            Path(sys.executable).parent / "cfn-lint",
            "--regions",
            "eu-west-1",
            "--ignore-checks",
            IGNORED,
            "--template",
            path,
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert linted.returncode == 0, linted.stdout


def test_a_target_is_selected_by_one_association_only() -> None:
    with pytest.raises(ValueError, match=f"instance {INSTANCE} is selected by .* already"):
        template_of(BY_ID, BY_ID)
