"""Which roles, profiles and policies are refused because of their ARN, and that tokens are not inspected."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import Environment, Fn, Stack, Token
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam

from cdk_instance_role import InstanceProfileAssociation, InstanceRole, ReplaceableProfiles, Rollout
from tests.synth.builders import ACCOUNT, BY_ID, BY_TAGS, IRELAND, associated, new_app, new_stack, resources

OTHER = "444455556666"


def profile(stack: Stack, arn: str, role: str = f"arn:aws:iam::{ACCOUNT}:role/Old") -> iam.IInstanceProfile:
    return iam.InstanceProfile.from_instance_profile_attributes(
        stack, "Old", instance_profile_arn=arn, role=iam.Role.from_role_arn(stack, "OldRole", role)
    )


def profile_with_role(stack: Stack, role: str) -> iam.IInstanceProfile:
    return profile(stack, f"arn:aws:iam::{ACCOUNT}:instance-profile/Old", role)


def give_role(stack: Stack, arn: str) -> None:
    InstanceRole(stack, "Web", role=iam.Role.from_role_arn(stack, "Role", arn))


def give_policy(stack: Stack, arn: str) -> None:
    InstanceRole(stack, "Web", managed_policies=[arn])


def give_imported_policy(stack: Stack, arn: str) -> None:
    InstanceRole(stack, "Web", managed_policies=[iam.ManagedPolicy.from_managed_policy_arn(stack, "Policy", arn)])


def add_policy(stack: Stack, arn: str) -> None:
    InstanceRole(stack, "Web").add_managed_policy(arn)


def bound_by(stack: Stack, arn: str) -> None:
    boundary = iam.ManagedPolicy.from_managed_policy_arn(stack, "Boundary", arn)
    InstanceRole(stack, "Web", permissions_boundary=boundary)


def associate(stack: Stack, arn: str) -> None:
    InstanceProfileAssociation(stack, "Fleet", instance_profile=profile(stack, arn), instances=BY_ID)


def associate_with_role(stack: Stack, arn: str) -> None:
    InstanceProfileAssociation(stack, "Fleet", instance_profile=profile_with_role(stack, arn), instances=BY_ID)


def replace(stack: Stack, arn: str) -> None:
    associated(stack=stack, replaces=ReplaceableProfiles.profiles(profile(stack, arn)))


def replace_with_role(stack: Stack, arn: str) -> None:
    associated(stack=stack, replaces=ReplaceableProfiles.profiles(profile_with_role(stack, arn)))


Give = Callable[[Stack, str], None]

PLACES: dict[str, tuple[Give, str]] = {
    "role": (give_role, "role"),
    "managed policy": (give_policy, "policy"),
    "imported managed policy": (give_imported_policy, "policy"),
    "managed policy added later": (add_policy, "policy"),
    "permissions boundary": (bound_by, "policy"),
    "profile": (associate, "instance-profile"),
    "role of the profile": (associate_with_role, "role"),
    "replaceable profile": (replace, "instance-profile"),
    "role of the replaceable profile": (replace_with_role, "role"),
}
"""Where an ARN is given, and what it has to be of."""

everywhere = pytest.mark.parametrize("place", PLACES)


@everywhere
def test_accepts_an_arn_of_the_account(place: str) -> None:
    give, kind = PLACES[place]
    give(new_stack(), f"arn:aws:iam::{ACCOUNT}:{kind}/team/Name_1+=,.@-")


@everywhere
@pytest.mark.parametrize("wildcard", ["*", "Na*e", "team/*/Name", "Nam?", "Name*"])
def test_fails_when_an_arn_holds_a_wildcard(place: str, wildcard: str) -> None:
    give, kind = PLACES[place]
    with pytest.raises(ValueError, match=re.escape(wildcard) + "' holds a wildcard"):
        give(new_stack(), f"arn:aws:iam::{ACCOUNT}:{kind}/{wildcard}")


@everywhere
@pytest.mark.parametrize("name", ["Name ", "Name\n", "Name\r", "Name\t", " Name", "Na me", "Näme"])
def test_fails_when_an_arn_has_characters_that_no_name_has(place: str, name: str) -> None:
    give, kind = PLACES[place]
    with pytest.raises(ValueError, match="holds a blank, a line break or another character that no ARN in IAM has"):
        give(new_stack(), f"arn:aws:iam::{ACCOUNT}:{kind}/{name}")


@everywhere
def test_fails_when_an_arn_is_of_another_account(place: str) -> None:
    give, kind = PLACES[place]
    message = rf"is in account {OTHER}, and Stack/\w+(/\w+)? in {ACCOUNT}: use one in the same account"
    with pytest.raises(ValueError, match=message):
        give(new_stack(), f"arn:aws:iam::{OTHER}:{kind}/Name")


@everywhere
@pytest.mark.parametrize("env", [IRELAND, Environment(region="eu-west-1")], ids=["account and Region", "Region"])
def test_fails_when_an_arn_is_of_another_partition(place: str, env: Environment) -> None:
    give, kind = PLACES[place]
    with pytest.raises(ValueError, match=r"is in partition aws-cn, and .* in aws: use one in the same partition"):
        give(new_stack(env=env), f"arn:aws-cn:iam::{ACCOUNT}:{kind}/Name")


@everywhere
def test_the_partition_follows_from_the_region_without_any_feature_flag(place: str) -> None:
    give, kind = PLACES[place]
    with pytest.raises(ValueError, match=r"is in partition aws, and .* in aws-cn"):
        give(
            new_stack(env=Environment(account=ACCOUNT, region="cn-north-1"), flags={}),
            f"arn:aws:iam::{ACCOUNT}:{kind}/Name",
        )


@everywhere
def test_accepts_any_account_and_partition_if_those_of_the_stack_are_tokens(place: str) -> None:
    give, kind = PLACES[place]
    give(new_stack(env=None), f"arn:aws-cn:iam::{OTHER}:{kind}/Name")


@everywhere
def test_does_not_inspect_tokens(place: str) -> None:
    give, kind = PLACES[place]
    stack = new_stack()
    give(stack, f"arn:{Token.as_string({'Ref': 'P'})}:iam::{Token.as_string({'Ref': 'A'})}:{kind}/{Fn.ref('Name')}")


@everywhere
def test_inspects_the_text_beside_a_token(place: str) -> None:
    give, kind = PLACES[place]
    with pytest.raises(ValueError, match="holds a wildcard"):
        give(new_stack(), f"arn:{Token.as_string({'Ref': 'P'})}:iam::{ACCOUNT}:{kind}/Name*")
    with pytest.raises(ValueError, match=f"is in account {OTHER}"):
        give(new_stack(), f"arn:{Token.as_string({'Ref': 'P'})}:iam::{OTHER}:{kind}/Name")


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        (f"arn:aws:iam::{ACCOUNT}:user/Name", "managed policy"),
        ("arn:aws:s3:::bucket", "managed policy"),
        ("arn:aws", "managed policy"),
    ],
)
def test_fails_when_an_arn_is_of_another_kind_of_resource(arn: str, name: str) -> None:
    message = f"{arn!r} is not the ARN of a {name}: expected one like arn:aws:iam::111122223333:policy/Name"
    with pytest.raises(ValueError, match=re.escape(message)):
        give_policy(new_stack(), arn)


def test_accepts_the_policies_of_aws_in_every_account() -> None:
    give_policy(new_stack(), "arn:aws:iam::aws:policy/service-role/AmazonEC2RoleforSSM")


def test_fails_when_the_arn_of_a_role_has_aws_as_its_account() -> None:
    with pytest.raises(ValueError, match=f"is in account aws, and Stack/Web in {ACCOUNT}"):
        give_role(new_stack(), "arn:aws:iam::aws:role/Name")


ELSEWHERE = Environment(account=OTHER, region="eu-west-1")


def of_the_app(stack: Stack, **props: Any) -> iam.Role:
    return iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"), **props)


def test_fails_when_a_role_of_the_app_is_in_another_account() -> None:
    app = new_app()
    role = of_the_app(Stack(app, "Elsewhere", env=ELSEWHERE), role_name="web")
    with pytest.raises(ValueError, match=f"the role is in account {OTHER}, and Stack/Web in {ACCOUNT}"):
        InstanceRole(Stack(app, "Stack", env=IRELAND), "Web", role=role)


def test_fails_when_the_role_of_a_profile_of_the_app_is_in_another_account() -> None:
    app = new_app()
    role = of_the_app(Stack(app, "Elsewhere", env=ELSEWHERE), role_name="web")
    stack = Stack(app, "Stack", env=IRELAND)
    profile = iam.InstanceProfile(stack, "Profile", role=role)
    with pytest.raises(ValueError, match=f"the role is in account {OTHER}, and Stack/Fleet in {ACCOUNT}"):
        InstanceProfileAssociation(stack, "Fleet", instance_profile=profile, instances=BY_ID)


def test_fails_when_a_policy_of_the_app_is_in_another_account() -> None:
    app = new_app()
    policy = iam.ManagedPolicy(Stack(app, "Elsewhere", env=ELSEWHERE), "Policy", managed_policy_name="own")
    with pytest.raises(ValueError, match=f"the managed policy is in account {OTHER}, and Stack/Web in {ACCOUNT}"):
        InstanceRole(Stack(app, "Stack", env=IRELAND), "Web", managed_policies=[policy])


def test_fails_when_a_profile_of_the_app_is_in_another_account() -> None:
    app = new_app()
    web = InstanceRole(Stack(app, "Elsewhere", env=ELSEWHERE), "Web", instance_profile_name="web")
    stack = Stack(app, "Stack", env=IRELAND)
    with pytest.raises(ValueError, match=f"the instance profile is in account {OTHER}, and Stack/Fleet in {ACCOUNT}"):
        InstanceProfileAssociation(stack, "Fleet", instance_profile=web.instance_profile, instances=BY_ID)


@pytest.mark.parametrize(
    ("props", "message"),
    [
        ({"role_name": "web "}, "role_name is 'web '"),
        ({"role_name": "web\n"}, r"role_name is 'web\n'"),
        ({"role_name": "w" * 65}, "role_name is 'www"),
        ({"role_name": ""}, "role_name is ''"),
        ({"instance_profile_name": "web\r"}, r"instance_profile_name is 'web\r'"),
        ({"instance_profile_name": "team/web"}, "instance_profile_name is 'team/web'"),
        ({"instance_profile_name": "web*"}, "instance_profile_name is 'web*'"),
        ({"instance_profile_name": "w" * 129}, "instance_profile_name is 'www"),
        ({"inline_policies": {"Read\n": iam.PolicyDocument()}}, r"the name of an inline policy is 'Read\n'"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_fails_when_a_name_is_invalid(props: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}.* letters, digits or characters of "):
        InstanceRole(new_stack(), "Web", **props)


def test_accepts_the_longest_names() -> None:
    stack = new_stack()
    InstanceRole(stack, "Web", role_name="w" * 64, instance_profile_name="w" * 128)
    assert len(resources(stack)) == 2


@pytest.mark.parametrize("name", ["errors\n", "errors\r", "errors ", " errors", "err\x07ors", "e" * 256])
def test_fails_when_the_name_of_an_alarm_is_invalid(name: str) -> None:
    imported = cloudwatch.Alarm.from_alarm_name(new_stack(), "Errors", name)
    with pytest.raises(ValueError, match="is not the name of an alarm: give 1 to 255 characters"):
        Rollout.in_waves(alarms=[imported])


@pytest.mark.parametrize("name", ["errors", "err ors", "Fehler in München", "e" * 255])
def test_accepts_every_name_of_an_alarm(name: str) -> None:
    stack = new_stack()
    alarm = cloudwatch.Alarm.from_alarm_name(stack, "Errors", name)
    associated(BY_TAGS, stack, rollout=Rollout.in_waves(alarms=[alarm]))
