"""Policies, statements and grants for a role that the app does not own: they are added or refused, never dropped."""

import re
from collections.abc import Callable
from typing import Any

import jsii
import pytest
from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs

from cdk_instance_role import InstanceRole
from tests.synth.builders import ACCOUNT, BY_ID, as_text, new_stack, only, resources

ARN = f"arn:aws:iam::{ACCOUNT}:role/team/Legacy"
STATEMENT = iam.PolicyStatement(actions=["sqs:SendMessage"], resources=["*"])

Make = Callable[[Stack], iam.IRole]


def own(stack: Stack) -> iam.Role:
    return iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))


IMPORTED: dict[str, Make] = {
    "by name": lambda stack: iam.Role.from_role_name(stack, "Role", "Legacy"),
    "by ARN": lambda stack: iam.Role.from_role_arn(stack, "Role", ARN),
}
IMMUTABLE: dict[str, Make] = {
    "imported": lambda stack: iam.Role.from_role_arn(stack, "Role", ARN, mutable=False),
    "of the app": lambda stack: own(stack).without_policy_updates(),
}
AWS_POLICIES = ["AmazonS3ReadOnlyAccess", f"arn:aws:iam::{ACCOUNT}:policy/Own"]

imported = pytest.mark.parametrize("role", IMPORTED)
immutable = pytest.mark.parametrize("role", IMMUTABLE)


def owned_policy(stack: Stack) -> iam.ManagedPolicy:
    return iam.ManagedPolicy(stack, "Policy", statements=[STATEMENT])


@imported
@pytest.mark.parametrize("policy", AWS_POLICIES)
def test_fails_when_an_imported_role_gets_a_policy_that_the_app_does_not_own(role: str, policy: str) -> None:
    stack = new_stack()
    name = policy.rpartition("/")[2]
    message = (
        "the role Legacy of Stack/Web is imported, and CloudFormation attaches managed policies to roles that it owns "
        f"only: attach {name} where the role is defined, or pass an iam.ManagedPolicy of this app"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        InstanceRole(stack, "Web", role=IMPORTED[role](stack), managed_policies=[policy])


@imported
def test_fails_when_an_imported_role_gets_such_a_policy_later(role: str) -> None:
    stack = new_stack()
    web = InstanceRole(stack, "Web", role=IMPORTED[role](stack))
    with pytest.raises(ValueError, match="the role Legacy of Stack/Web is imported"):
        web.add_managed_policy("AmazonS3ReadOnlyAccess")


@imported
def test_attaches_a_policy_of_the_app_to_an_imported_role(role: str) -> None:
    stack = new_stack()
    InstanceRole(stack, "Web", role=IMPORTED[role](stack), managed_policies=[owned_policy(stack)])
    assert only(stack, "AWS::IAM::ManagedPolicy")["Properties"]["Roles"] == ["Legacy"]


@imported
@pytest.mark.parametrize("later", [False, True])
def test_no_instance_gets_an_imported_role_before_its_policy_of_the_app(role: str, later: bool) -> None:
    stack = new_stack()
    policy = owned_policy(stack)
    web = InstanceRole(stack, "Web", role=IMPORTED[role](stack), managed_policies=[] if later else [policy])
    web.associate_with("Fleet", BY_ID)
    if later:
        web.add_managed_policy(policy)
    (policy_id,) = (
        id_
        for id_, one in resources(stack, "AWS::IAM::ManagedPolicy").items()
        if one["Properties"].get("Roles") == ["Legacy"]
    )
    profile = only(stack, "AWS::IAM::InstanceProfile")
    assert profile["DependsOn"] == [policy_id], "and the association refers to the profile"


@imported
def test_adds_a_statement_to_an_imported_role(role: str) -> None:
    stack = new_stack()
    result = InstanceRole(stack, "Web", role=IMPORTED[role](stack)).add_to_principal_policy(STATEMENT)
    assert result.statement_added
    assert only(stack, "AWS::IAM::Policy")["Properties"]["Roles"] == ["Legacy"]


@imported
def test_grants_to_an_imported_role(role: str) -> None:
    stack = new_stack()
    queue = sqs.Queue(stack, "Queue")
    assert queue.grant_send_messages(InstanceRole(stack, "Web", role=IMPORTED[role](stack))).success
    assert only(stack, "AWS::IAM::Policy")["Properties"]["Roles"] == ["Legacy"]


@immutable
@pytest.mark.parametrize("policy", [*AWS_POLICIES, owned_policy], ids=["of AWS", "of the account", "of the app"])
def test_fails_when_an_immutable_role_gets_a_managed_policy(role: str, policy: Any) -> None:
    stack = new_stack()
    given = policy if isinstance(policy, str) else policy(stack)
    message = (
        r"^the role \S+ of Stack/Web is immutable, and the CDK would drop this: attach \S+ where the role is defined$"
    )
    with pytest.raises(ValueError, match=message):
        InstanceRole(stack, "Web", role=IMMUTABLE[role](stack), managed_policies=[given])


@immutable
def test_fails_when_an_immutable_role_gets_a_statement(role: str) -> None:
    stack = new_stack()
    web = InstanceRole(stack, "Web", role=IMMUTABLE[role](stack))
    with pytest.raises(ValueError, match=r"is immutable, .*: add the statement where the role is defined"):
        web.add_to_principal_policy(STATEMENT)


@immutable
def test_fails_when_an_immutable_role_gets_a_grant(role: str) -> None:
    stack = new_stack()
    web = InstanceRole(stack, "Web", role=IMMUTABLE[role](stack))
    with pytest.raises(RuntimeError, match=r"^the role .* of Stack/Web is immutable, .*: leave the grant out"):
        s3.Bucket(stack, "Bucket").grant_read(web)


def test_grants_to_an_immutable_role_are_added_to_the_resource_if_the_role_allows_it() -> None:
    stack = new_stack()
    role = iam.Role.from_role_arn(stack, "Role", ARN, mutable=False, add_grants_to_resources=True)
    assert s3.Bucket(stack, "Bucket").grant_read(InstanceRole(stack, "Web", role=role)).success
    (statement,) = only(stack, "AWS::S3::BucketPolicy")["Properties"]["PolicyDocument"]["Statement"]
    assert as_text(statement["Principal"]) == {"AWS": ARN}


def test_the_check_whether_a_role_is_immutable_adds_nothing_to_the_tree() -> None:
    stack = new_stack()
    web = InstanceRole(stack, "Web", role=IMPORTED["by name"](stack))
    web.add_to_principal_policy(STATEMENT)
    types = sorted(one["Type"] for one in resources(stack).values())
    assert types == ["AWS::IAM::InstanceProfile", "AWS::IAM::Policy"]
    assert [child.node.id for child in web.node.children] == ["InstanceProfile"]


def test_a_lazy_role_accepts_everything() -> None:
    stack = new_stack()
    role = iam.LazyRole(stack, "Role", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))
    InstanceRole(stack, "Web", role=role, managed_policies=AWS_POLICIES[1:])
    assert only(stack, "AWS::IAM::Role")["Properties"]["ManagedPolicyArns"] == AWS_POLICIES[1:]


@jsii.implements(iam.IRole)
class _OwnClass(iam.Role):
    """A role of a class of the app's own."""


def test_a_role_of_a_class_of_the_app_accepts_everything() -> None:
    stack = new_stack()
    role = _OwnClass(stack, "Role", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))
    web = InstanceRole(stack, "Web", role=role, managed_policies=AWS_POLICIES[1:])
    assert web.add_to_principal_policy(STATEMENT).statement_added
    assert only(stack, "AWS::IAM::Role")["Properties"]["ManagedPolicyArns"] == AWS_POLICIES[1:]
