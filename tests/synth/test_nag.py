"""cdk-nag's AwsSolutions rules: every finding is explained here, and every explanation is still needed."""

import re
from collections.abc import Mapping

import pytest
from aws_cdk import App, Stack, Validations
from cdk_nag import AwsSolutionsChecks

from cdk_instance_role import InstanceRole, InstanceSelection, ReplaceableProfiles
from tests.synth.builders import BY_TAGS, FLAGS, INSTANCE, IRELAND, imported_profile
from tests.synth.nag_report import reported

EXPLAINED = {
    r"HandlerRole.* IAM5\[Resource::\*\]": "EC2's Describe actions have no resource types and can be allowed on * only",
    r"HandlerPolicies.* IAM5\[Resource::arn:aws:ec2:eu-west-1:111122223333:instance/\*\]": (
        "limited by conditions on tags and instance profiles; the id of a former target is not known any more"
    ),
    r"HandlerPolicies.* IAM5\[Resource::arn:aws:iam::111122223333:instance-profile/\*/Old\]": (
        "a profile is looked for by its name alone, and IAM decides by the path that it really has"
    ),
    r"HandlerPolicies.* IAM5\[Resource::arn:aws:iam::111122223333:instance-profile/cdk-instance-role/Stack/\*\]": (
        "the profiles of the stack, whatever their names are, may be looked at"
    ),
    r"HandlerPolicies.* IAM5\[Resource::arn:aws:iam::111122223333:instance-profile/Stack\*\]": (
        "a profile that is gone is looked for without a path, and CloudFormation may have made its name"
    ),
    r"WaiterRole.* IAM5\[Resource::<\w+Handler\w+.Arn>:\*\]": "the CDK allows every version of the function",
    r"OnEventRole.* IAM5\[Resource::<\w+Handler\w+.Arn>:\*\]": "the CDK allows every version of the function",
    r"waiter-state-machine.* IAM5\[Resource::<\w+Framework\w+.Arn>:\*\]": "the CDK allows every version of its own",
    r"waiter-state-machine.* SF1": "a history in the log would hold CloudFormation's presigned response URL",
    r"waiter-state-machine.* SF2": "a trace of a waiter shows nothing that its history does not",
    r"Web/Role.* IAM4\[.*AmazonS3ReadOnlyAccess\]": "what the user asks for",
}


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the rules find, as the place and the rule."""
    folder = tmp_path_factory.mktemp("assembly")
    flags: Mapping[str, object] = {**FLAGS, "@aws-cdk/core:validationReportJson": True}
    app = App(context=flags, outdir=str(folder))
    Validations.of(app).add_plugins(AwsSolutionsChecks())
    stack = Stack(app, "Stack", env=IRELAND)
    web = InstanceRole(stack, "Web", managed_policies=["AmazonS3ReadOnlyAccess"])
    replaces = ReplaceableProfiles.profiles(imported_profile(stack, "Old"))
    web.associate_with("Tagged", BY_TAGS, replaces=replaces)
    web.associate_with("Listed", InstanceSelection.by_ids(INSTANCE), replaces=replaces)
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    return [f"{place} {rule.removeprefix('AwsSolutions-')}" for rule, place in reported(folder)]


def test_every_finding_is_explained(findings: list[str]) -> None:
    unexplained = [one for one in findings if not any(re.search(pattern, one) for pattern in EXPLAINED)]
    assert findings
    assert unexplained == []


@pytest.mark.parametrize("pattern", EXPLAINED)
def test_every_explanation_is_still_needed(findings: list[str], pattern: str) -> None:
    assert any(re.search(pattern, one) for one in findings)
