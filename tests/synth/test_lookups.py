"""The first pass of a synthesis with context lookups: dummy values are accepted, and the real ones checked."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_ssm as ssm

from cdk_instance_role import (
    AssociationProvider,
    Enforcement,
    InstanceProfileAssociation,
    InstanceRole,
    InstanceSelection,
    ReplaceableProfiles,
    Rollout,
)
from tests.synth.builders import ACCOUNT, BY_ID, FLAGS, INSTANCE, IRELAND, OTHER_INSTANCE, REGION, new_stack

Declare = Callable[[Stack], object]


def lookup(stack: Stack) -> str:
    return ssm.StringParameter.value_from_lookup(stack, "/web/value")


def associate(stack: Stack, instances: InstanceSelection, **props: Any) -> None:
    InstanceRole(stack, "Web").associate_with("Fleet", instances, **props)


def by_ids(stack: Stack) -> None:
    associate(stack, InstanceSelection.by_ids(lookup(stack)))


def by_several_ids(stack: Stack) -> None:
    associate(stack, InstanceSelection.by_ids(*lookup(stack).split(",")))


def by_parts_of_one_value(stack: Stack) -> None:
    """Two associations that select different instances of one list, which is the same dummy value at first."""
    ids = lookup(stack).split(",")
    associate(stack, InstanceSelection.by_ids(ids[0]))
    InstanceRole(stack, "Ops").associate_with("Fleet", InstanceSelection.by_ids(ids[-1]))


def by_tags(stack: Stack) -> None:
    associate(stack, InstanceSelection.by_tags({"app": [lookup(stack)]}))


def with_policy(stack: Stack) -> None:
    InstanceRole(stack, "Web", managed_policies=[lookup(stack)])


def with_names(stack: Stack) -> None:
    InstanceRole(stack, "Web", role_name=lookup(stack), instance_profile_name=lookup(stack))


def with_role(stack: Stack) -> None:
    InstanceRole(stack, "Web", role=iam.Role.from_role_name(stack, "Role", lookup(stack)))


def with_inline_policy(stack: Stack) -> None:
    document = iam.PolicyDocument(statements=[iam.PolicyStatement(actions=["s3:GetObject"], resources=["*"])])
    InstanceRole(stack, "Web", inline_policies={lookup(stack): document})


def with_max_failures(stack: Stack) -> None:
    associate(stack, BY_ID, rollout=Rollout.in_waves(max_failures=lookup(stack)))


def with_max_changes(stack: Stack) -> None:
    associate(stack, BY_ID, enforcement=Enforcement.repair(max_changes=lookup(stack)))


def with_alarm(stack: Stack) -> None:
    alarm = cloudwatch.Alarm.from_alarm_name(stack, "Alarm", lookup(stack))
    associate(stack, InstanceSelection.by_tags({"app": ["web"]}), rollout=Rollout.in_waves(alarms=[alarm]))


def with_reconciler(stack: Stack) -> None:
    reconcilers = [iam.ArnPrincipal(lookup(stack))]
    AssociationProvider(stack, AssociationProvider.DEFAULT_ID, reconcilers=reconcilers)
    associate(stack, InstanceSelection.by_tags({"app": ["web"]}), enforcement=Enforcement.report())


PARAMETER = f"ssm:account={ACCOUNT}:parameterName=/web/value:region={REGION}"

CASES: dict[str, tuple[Declare, str, str]] = {
    "an id": (by_ids, INSTANCE, f"{INSTANCE}\n"),
    "several ids": (by_several_ids, f"{INSTANCE},{OTHER_INSTANCE}", f"{INSTANCE}, {OTHER_INSTANCE}"),
    "parts of one value": (by_parts_of_one_value, f"{INSTANCE},{OTHER_INSTANCE}", INSTANCE),
    "the value of a tag": (by_tags, "web", "w" * 257),
    "a policy": (with_policy, f"arn:aws:iam::{ACCOUNT}:policy/Own", "arn:aws:iam::444455556666:policy/Own"),
    "names": (with_names, "web", "web "),
    "a role": (with_role, "web", "web*"),
    "the name of an inline policy": (with_inline_policy, "own", "own "),
    "the number of tolerated failures": (with_max_failures, "2%", "two"),
    "a limit of changes": (with_max_changes, "20", "twenty"),
    "an alarm": (with_alarm, "errors", "errors "),
    "a reconciler": (
        with_reconciler,
        f"arn:aws:iam::{ACCOUNT}:role/Operator",
        f"arn:aws:iam::{ACCOUNT}:group/Operators",
    ),
}
"""What is looked up, a value that can be, and one that can't."""

every_case = pytest.mark.parametrize("case", CASES)


every_app = pytest.mark.parametrize("flags", [FLAGS, {}], ids=["with feature flags", "without feature flags"])


def synthesized(
    declare: Declare,
    tmp_path: Path,
    context: dict[str, Any] | None = None,
    *,
    flags: dict[str, Any] = FLAGS,
) -> dict[str, Any]:
    """The manifest of the assembly."""
    app = App(context={**flags, **(context or {})}, outdir=str(tmp_path))
    declare(Stack(app, "Stack", env=IRELAND))
    app.synth()
    return dict(json.loads((tmp_path / "manifest.json").read_text()))


@every_app
@every_case
def test_the_first_pass_reports_what_is_missing(case: str, flags: dict[str, Any], tmp_path: Path) -> None:
    missing = synthesized(CASES[case][0], tmp_path, flags=flags)["missing"]
    assert [one["key"] for one in missing] == [PARAMETER]


@every_case
def test_the_second_pass_accepts_the_real_value(case: str, tmp_path: Path) -> None:
    declare, value, _ = CASES[case]
    assert "missing" not in synthesized(declare, tmp_path, {PARAMETER: value})


@every_case
def test_the_second_pass_fails_when_the_real_value_is_invalid(case: str, tmp_path: Path) -> None:
    declare, _, wrong = CASES[case]
    with pytest.raises(ValueError):  # noqa: PT011  # the messages are tested where they are made
        synthesized(declare, tmp_path, {PARAMETER: wrong})


def carried(stack: Stack, role: iam.IRole) -> None:
    InstanceRole(stack, "Web", role=role).associate_with("Fleet", BY_ID)


def listed(stack: Stack, role: iam.IRole) -> None:
    arn = f"arn:{stack.partition}:iam::{ACCOUNT}:instance-profile/Old"
    old = iam.InstanceProfile.from_instance_profile_attributes(stack, "Old", instance_profile_arn=arn, role=role)
    associate(stack, BY_ID, replaces=ReplaceableProfiles.profiles(old))


def in_a_profile(stack: Stack, role: iam.IRole) -> None:
    profile = iam.InstanceProfile(stack, "Profile", role=role)
    InstanceProfileAssociation(stack, "Fleet", instance_profile=profile, instances=BY_ID)


def allowed_to_sweep(stack: Stack, role: iam.IRole) -> None:
    AssociationProvider(stack, AssociationProvider.DEFAULT_ID, reconcilers=[role])
    associate(stack, BY_ID, enforcement=Enforcement.report())


@every_app
@pytest.mark.parametrize("use", [carried, listed, in_a_profile, allowed_to_sweep])
def test_a_role_that_is_looked_up_may_be_of_any_account_in_the_first_pass(
    use: Callable[[Stack, iam.IRole], None], flags: dict[str, Any], tmp_path: Path
) -> None:
    def declare(stack: Stack) -> None:
        use(stack, iam.Role.from_lookup(stack, "Role", role_name="web"))

    assert len(synthesized(declare, tmp_path, flags=flags)["missing"]) == 1


def test_a_key_whose_id_is_looked_up_is_not_inspected_in_the_first_pass() -> None:
    """Newer releases of the CDK validate templates in the first pass, too, and refuse the dummy value there."""
    stack = new_stack()
    arn = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{lookup(stack)}"
    AssociationProvider(stack, "Provider", encryption_key=kms.Key.from_key_arn(stack, "Key", arn))
