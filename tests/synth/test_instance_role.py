"""The role and its instance profile in the template."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import CfnParameter, Stack, Token
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk_instance_role import InstanceRole
from tests.synth.builders import (
    ACCOUNT,
    BY_ID,
    IRELAND,
    as_text,
    association_of,
    handler_policies,
    new_stack,
    only,
    resources,
)

READ_S3 = "AmazonS3ReadOnlyAccess"


def role_with(**props: Any) -> dict[str, Any]:
    """Properties of the role that `InstanceRole` defines with these props."""
    stack = new_stack()
    InstanceRole(stack, "Web", **props)
    properties: dict[str, Any] = as_text(only(stack, "AWS::IAM::Role")["Properties"])
    return properties


def test_only_ec2_may_assume_the_role() -> None:
    assert role_with() == {
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ],
        }
    }


def test_the_profile_carries_the_role() -> None:
    stack = new_stack()
    InstanceRole(stack, "Web")
    profile = only(stack, "AWS::IAM::InstanceProfile")["Properties"]
    assert as_text(profile) == {"Path": "/cdk-instance-role/Stack/29751047/", "Roles": ["${WebRole}"]}


def test_a_role_alone_is_two_resources() -> None:
    stack = new_stack()
    InstanceRole(stack, "Web", managed_policies=[READ_S3])
    assert len(resources(stack)) == 2


@pytest.mark.parametrize(
    ("policy", "arn"),
    [
        (READ_S3, "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"),
        (
            "service-role/AmazonEC2RoleforAWSCodeDeploy",
            "arn:aws:iam::aws:policy/service-role/AmazonEC2RoleforAWSCodeDeploy",
        ),
        ("arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::aws:policy/ReadOnlyAccess"),
        (f"arn:aws:iam::{ACCOUNT}:policy/team/Mine", f"arn:aws:iam::{ACCOUNT}:policy/team/Mine"),
    ],
    ids=["name", "name with path", "arn of aws", "arn of the account"],
)
def test_attaches_a_managed_policy(policy: str, arn: str) -> None:
    assert role_with(managed_policies=[policy])["ManagedPolicyArns"] == [arn]


def test_attaches_a_managed_policy_of_aws_once_that_is_given_in_different_ways() -> None:
    arn = f"arn:aws:iam::aws:policy/{READ_S3}"
    stack = new_stack()
    imported = iam.ManagedPolicy.from_managed_policy_arn(stack, "Imported", arn)
    InstanceRole(stack, "Web", managed_policies=[READ_S3, arn, imported])
    assert as_text(only(stack, "AWS::IAM::Role")["Properties"]["ManagedPolicyArns"]) == [arn]


def test_attaches_managed_policies_of_the_app() -> None:
    stack = new_stack()
    statement = iam.PolicyStatement(actions=["s3:GetObject"], resources=["*"])
    own = iam.ManagedPolicy(stack, "Own", statements=[statement])
    InstanceRole(stack, "Web", managed_policies=[own, READ_S3])
    arns = as_text(only(stack, "AWS::IAM::Role")["Properties"]["ManagedPolicyArns"])
    assert arns == ["${Own}", "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]


def test_attaches_a_managed_policy_whose_arn_is_a_token() -> None:
    token = Token.as_string({"Fn::ImportValue": "PolicyArn"})
    assert role_with(managed_policies=[token])["ManagedPolicyArns"] == [{"Fn::ImportValue": "PolicyArn"}]


def test_attaches_a_managed_policy_later() -> None:
    stack = new_stack()
    role = InstanceRole(stack, "Web", managed_policies=[f"arn:aws:iam::{ACCOUNT}:policy/First"])
    role.add_managed_policy(f"arn:aws:iam::{ACCOUNT}:policy/Second")
    assert only(stack, "AWS::IAM::Role")["Properties"]["ManagedPolicyArns"] == [
        f"arn:aws:iam::{ACCOUNT}:policy/First",
        f"arn:aws:iam::{ACCOUNT}:policy/Second",
    ]


def test_accepts_inline_policies() -> None:
    statement = iam.PolicyStatement(actions=["s3:GetObject"], resources=["*"])
    policies = role_with(inline_policies={"Read": iam.PolicyDocument(statements=[statement])})["Policies"]
    assert [(policy["PolicyName"], policy["PolicyDocument"]["Statement"]) for policy in policies] == [
        ("Read", [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}])
    ]


def test_accepts_a_permissions_boundary() -> None:
    boundary = iam.ManagedPolicy.from_aws_managed_policy_name("PowerUserAccess")
    assert role_with(permissions_boundary=boundary)["PermissionsBoundary"] == "arn:aws:iam::aws:policy/PowerUserAccess"


def test_accepts_names_and_a_description() -> None:
    stack = new_stack()
    InstanceRole(stack, "Web", role_name="web-role", instance_profile_name="web-profile", description="For the web")
    role = only(stack, "AWS::IAM::Role")["Properties"]
    assert (role["RoleName"], role["Description"]) == ("web-role", "For the web")
    assert only(stack, "AWS::IAM::InstanceProfile")["Properties"]["InstanceProfileName"] == "web-profile"


@pytest.mark.parametrize(
    ("description", "character"),
    [("Web \u2013 prod", "'\u2013' (U+2013)"), ("Web\x00", "'\\x00' (U+0000)"), ("a\u00a0b", "'\\xa0' (U+00A0)")],
)
def test_fails_when_a_description_has_a_character_that_iam_refuses(description: str, character: str) -> None:
    message = f"description {description!r} has the character {character}, which IAM refuses: use tabs, line breaks, "
    with pytest.raises(ValueError, match=re.escape(message)):
        InstanceRole(new_stack(), "Web", description=description)


def test_fails_when_a_description_has_such_a_character_beside_a_token() -> None:
    stack = new_stack()
    name = CfnParameter(stack, "Name").value_as_string
    with pytest.raises(ValueError, match=r"U\+2013"):
        InstanceRole(stack, "Web", description=f"Web \u2013 {name}")


@pytest.mark.parametrize("description", ["", "tab\tline\nand\r", "\u00a1\u00ff ~", "Größe: é"])
def test_accepts_every_character_of_a_description_that_iam_accepts(description: str) -> None:
    assert role_with(description=description).get("Description", "") == description


def test_fails_when_a_role_has_more_managed_policies_than_iam_ever_allows() -> None:
    stack = new_stack()
    InstanceRole(stack, "Web", managed_policies=[f"Policy{number}" for number in range(26)])
    message = (
        "the role of Stack/Web has 26 managed policies, and IAM allows 10, or up to 25 where the quota is raised: put "
        "statements into fewer policies, or into inline ones"
    )
    with pytest.raises(RuntimeError, match=re.escape(message)):
        resources(stack)


def test_accepts_as_many_managed_policies_as_a_raised_quota_allows() -> None:
    policies = [f"Policy{number}" for number in range(25)]
    assert len(role_with(managed_policies=[*policies, policies[0]])["ManagedPolicyArns"]) == 25


def test_grants_are_added_to_the_role() -> None:
    stack = new_stack()
    role = InstanceRole(stack, "Web")
    s3.Bucket(stack, "Bucket").grant_read(role)
    policy = only(stack, "AWS::IAM::Policy")["Properties"]
    assert as_text(policy["Roles"]) == ["${WebRole}"]
    assert policy["PolicyDocument"]["Statement"][0]["Action"] == ["s3:GetBucket*", "s3:GetObject*", "s3:List*"]


def test_statements_are_added_to_the_role() -> None:
    stack = new_stack()
    role = InstanceRole(stack, "Web")
    result = role.add_to_principal_policy(iam.PolicyStatement(actions=["sqs:SendMessage"], resources=["*"]))
    assert result.statement_added
    assert only(stack, "AWS::IAM::Policy")["Properties"]["PolicyDocument"]["Statement"] == [
        {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
    ]


def test_wraps_a_role_of_the_app() -> None:
    stack = new_stack()
    existing = iam.Role(stack, "Existing", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))
    web = InstanceRole(stack, "Web", role=existing, managed_policies=[READ_S3])
    assert web.role is existing
    role = only(stack, "AWS::IAM::Role")["Properties"]
    assert as_text(role["ManagedPolicyArns"]) == ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]
    assert as_text(only(stack, "AWS::IAM::InstanceProfile")["Properties"]["Roles"]) == ["${Existing}"]


def test_wraps_an_imported_role_in_a_profile_of_its_own() -> None:
    stack = new_stack()
    InstanceRole(stack, "Web", role=iam.Role.from_role_name(stack, "Existing", "existing-role"))
    assert [resource["Type"] for resource in resources(stack).values()] == ["AWS::IAM::InstanceProfile"]
    assert only(stack, "AWS::IAM::InstanceProfile")["Properties"]["Roles"] == ["existing-role"]


def of_the_app(scope: Construct, id: str = "Existing", **props: Any) -> iam.Role:
    return iam.Role(scope, id, assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"), **props)


def lazy(scope: Construct, **props: Any) -> iam.IRole:
    return iam.LazyRole(scope, "Lazy", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"), **props)


def by_reference(scope: Construct, name: str) -> iam.IRole:
    trust = iam.PolicyDocument(
        statements=[
            iam.PolicyStatement(actions=["sts:AssumeRole"], principals=[iam.ServicePrincipal("ec2.amazonaws.com")])
        ]
    )
    resource = iam.CfnRole(scope, "Plain", assume_role_policy_document=trust, role_name=name)
    return iam.Role.from_role_name(scope, "ByReference", resource.ref)


def imported(scope: Construct, name: str = "existing-role") -> iam.IRole:
    return iam.Role.from_role_name(scope, "Existing", name)


def imported_by_arn(scope: Construct, path_and_name: str = "existing-role") -> iam.IRole:
    return iam.Role.from_role_arn(scope, "Existing", f"arn:aws:iam::{ACCOUNT}:role/{path_and_name}")


Props = Callable[[Stack], dict[str, Any]]

ROLES: dict[str, Props] = {
    "its own": lambda _: {},
    "its own by name": lambda _: {"role_name": "web-role"},
    "its own by another name": lambda _: {"role_name": "other-role"},
    "an imported one": lambda stack: {"role": imported(stack)},
    "another imported one": lambda stack: {"role": imported(stack, "other-role")},
    "one of the app": lambda stack: {"role": of_the_app(stack)},
    "another one of the app": lambda stack: {"role": of_the_app(stack, "Other")},
    "one of the app by name": lambda stack: {"role": of_the_app(stack, role_name="existing-role")},
    "one of the app by another name": lambda stack: {"role": of_the_app(stack, role_name="other-role")},
    "one of the app that is made when it is used": lambda stack: {"role": lazy(stack)},
    "one of the app that is made when it is used, by name": lambda stack: {"role": lazy(stack, role_name="a-role")},
    "one of the app that is made when it is used, by another name": lambda stack: {
        "role": lazy(stack, role_name="b-role")
    },
    "one of the app by reference and name": lambda stack: {"role": by_reference(stack, "a-role")},
    "one of the app by reference and another name": lambda stack: {"role": by_reference(stack, "b-role")},
    "one of the app with a path": lambda stack: {"role": of_the_app(stack, path="/team/")},
    "one of another stack": lambda stack: {"role": of_the_app(Stack(stack, "Other", env=IRELAND))},
}
"""Roles that are different ones to CloudFormation or to IAM."""

SAME_ROLE: dict[str, tuple[Props, Props]] = {
    "its own with other policies": (lambda _: {}, lambda _: {"managed_policies": [READ_S3], "description": "Web"}),
    "its own by name with other policies": (
        lambda _: {"role_name": "web-role"},
        lambda _: {"role_name": "web-role", "managed_policies": [READ_S3], "description": "Web"},
    ),
    "an imported one by name and by ARN": (
        lambda stack: {"role": imported(stack)},
        lambda stack: {"role": imported_by_arn(stack)},
    ),
    "an imported one with a path": (
        lambda stack: {"role": imported_by_arn(stack)},
        lambda stack: {"role": imported_by_arn(stack, "team/existing-role")},
    ),
    "one of the app that nobody may change here": (
        lambda stack: {"role": of_the_app(stack)},
        lambda stack: {"role": of_the_app(stack, description="Changed").without_policy_updates()},
    ),
}
"""Roles that are the same one before and after, whatever else changes."""


def profile_id(props: Props) -> str:
    """Logical id of the profile that an `InstanceRole` with these props defines."""
    stack = new_stack()
    InstanceRole(stack, "Web", **props(stack))
    (id_,) = resources(stack, "AWS::IAM::InstanceProfile")
    return id_


def test_another_role_gives_another_profile() -> None:
    assert len({profile_id(props) for props in ROLES.values()}) == len(ROLES)


@pytest.mark.parametrize("role", SAME_ROLE)
def test_the_same_role_gives_the_same_profile(role: str) -> None:
    before, after = SAME_ROLE[role]
    assert profile_id(before) == profile_id(after)


def test_a_profile_is_the_same_in_every_synthesis() -> None:
    assert [profile_id(props) for props in ROLES.values()] == [profile_id(props) for props in ROLES.values()]


@pytest.mark.parametrize("role", ROLES)
def test_the_association_and_the_rights_are_for_the_profile_of_the_role(role: str) -> None:
    stack = new_stack()
    InstanceRole(stack, "Web", **ROLES[role](stack)).associate_with("Fleet", BY_ID)
    (id_,) = resources(stack, "AWS::IAM::InstanceProfile")
    assert association_of(stack)["Properties"]["InstanceProfileArn"] == {"Fn::GetAtt": [id_, "Arn"]}
    # Where the role can become another one, the permissions name all profiles on the path: the old and the new one.
    named = f'"{id_}"' if role == "its own" else ":instance-profile/cdk-instance-role/Stack/29751047/*"
    assert named in json.dumps(handler_policies(stack))


@pytest.mark.parametrize("name", ["", "Amazon S3", "/AmazonS3ReadOnlyAccess", "x" * 129, "A\n"])
def test_fails_when_a_policy_name_is_invalid(name: str) -> None:
    with pytest.raises(ValueError, match=r"is not the name of a managed policy: pass a name like .*, or an ARN"):
        InstanceRole(new_stack(), "Web", managed_policies=[name])


def test_fails_when_a_policy_added_later_is_invalid() -> None:
    with pytest.raises(ValueError, match="'Amazon S3' is not the name of a managed policy"):
        InstanceRole(new_stack(), "Web").add_managed_policy("Amazon S3")


def test_fails_when_the_managed_policies_are_one_string() -> None:
    with pytest.raises(ValueError, match="list"):
        InstanceRole(new_stack(), "Web", managed_policies=READ_S3)


def test_fails_when_an_existing_role_is_given_with_properties_of_a_new_one() -> None:
    stack = new_stack()
    existing = iam.Role.from_role_name(stack, "Existing", "existing-role")
    boundary = iam.ManagedPolicy.from_aws_managed_policy_name("PowerUserAccess")
    properties: dict[str, Any] = {
        "inline_policies": {"Inline": iam.PolicyDocument()},
        "permissions_boundary": boundary,
        "role_name": "web-role",
        "description": "For the web",
    }
    for name, value in properties.items():
        with pytest.raises(ValueError, match=f"{name} can't be set together with role: set it where"):
            InstanceRole(stack, f"With-{name}", role=existing, **{name: value})
