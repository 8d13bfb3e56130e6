"""Reading from IAM what a role may do."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber

from cdk_instance_role.cli.iam.role import Policy, Role
from cdk_instance_role.cli.live.live_roles import LiveRoles

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

READ = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
OWN = "arn:aws:iam::111122223333:policy/team/Own"
DOCUMENT = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]}
NAME = {"RoleName": "legacy"}
PAST = "2025-01-01T00:00:00Z"


class Iam:
    """Answers to the calls that are expected, in their order; another call fails the test."""

    def __init__(self) -> None:
        self.client: IAMClient = boto3.client(
            "iam", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        self.stub = Stubber(self.client)

    def get_role(self, boundary: str | None = None) -> None:
        role = {
            "Path": "/",
            "RoleName": "legacy",
            "RoleId": "AROA00000000000000000",
            "Arn": "arn:aws:iam::111122223333:role/legacy",
            "CreateDate": PAST,
        }
        limit = {"PermissionsBoundary": {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": boundary}}
        self.stub.add_response("get_role", {"Role": role | (limit if boundary else {})}, NAME)

    def attached(self, *arns: str, marker: str | None = None, more: str | None = None) -> None:
        policies = [{"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in arns]
        self._page("list_attached_role_policies", {"AttachedPolicies": policies}, marker, more)

    def inline(self, *names: str, marker: str | None = None, more: str | None = None) -> None:
        self._page("list_role_policies", {"PolicyNames": list(names)}, marker, more)

    def managed(self, arn: str, document: Any = DOCUMENT) -> None:
        policy = {"Arn": arn, "DefaultVersionId": "v7"}
        self.stub.add_response("get_policy", {"Policy": policy}, {"PolicyArn": arn})
        version = {"Document": json.dumps(document), "VersionId": "v7", "IsDefaultVersion": True}
        expected = {"PolicyArn": arn, "VersionId": "v7"}
        self.stub.add_response("get_policy_version", {"PolicyVersion": version}, expected)

    def document(self, name: str) -> None:
        answer = {"RoleName": "legacy", "PolicyName": name, "PolicyDocument": json.dumps(DOCUMENT)}
        self.stub.add_response("get_role_policy", answer, NAME | {"PolicyName": name})

    def refuses(self, call: str, code: str = "AccessDenied", message: str = "no") -> None:
        self.stub.add_client_error(call, code, message)

    def _page(self, call: str, answer: dict[str, Any], marker: str | None, more: str | None) -> None:
        answer |= {"IsTruncated": more is not None} | ({"Marker": more} if more else {})
        self.stub.add_response(call, answer, NAME | ({"Marker": marker} if marker else {}))


@pytest.fixture
def iam() -> Iterator[Iam]:
    stubbed = Iam()
    with stubbed.stub:
        yield stubbed
        stubbed.stub.assert_no_pending_responses()


def read(iam: Iam) -> Role:
    role = LiveRoles(iam.client).role("legacy")
    assert all(policy.document == DOCUMENT for policy in role.policies)
    return role


def names(role: Role) -> list[str]:
    return [policy.label for policy in role.policies]


def test_reads_managed_and_inline_policies_of_all_pages(iam: Iam) -> None:
    iam.get_role()
    iam.attached(READ, more="second")
    iam.attached(OWN, marker="second")
    iam.managed(READ)
    iam.managed(OWN)
    iam.inline("logs", more="second")
    iam.inline("queues", marker="second")
    iam.document("logs")
    iam.document("queues")
    role = read(iam)
    assert names(role) == ["AmazonS3ReadOnlyAccess", "Own", "logs (inline)", "queues (inline)"]
    assert (role.name, role.boundary, role.unknown) == ("legacy", None, ())


def test_reads_the_permissions_boundary(iam: Iam) -> None:
    iam.get_role(boundary=OWN)
    iam.managed(OWN)
    iam.attached()
    iam.inline()
    role = read(iam)
    assert role.boundary is not None
    assert (role.boundary.name, role.boundary.document) == ("Own", DOCUMENT)


def test_a_role_that_does_not_exist_has_no_policies(iam: Iam) -> None:
    iam.refuses("get_role", "NoSuchEntity")
    assert read(iam) == Role("legacy", (), None, ("role legacy does not exist",))


def test_a_boundary_that_may_not_be_read_does_not_hide_the_policies(iam: Iam) -> None:
    iam.refuses("get_role")
    iam.attached(READ)
    iam.managed(READ)
    iam.inline()
    role = read(iam)
    assert names(role) == ["AmazonS3ReadOnlyAccess"]
    assert role.unknown == ("the permissions boundary of role legacy could not be read: iam:GetRole is denied",)


def test_a_boundary_that_may_not_be_read_is_named(iam: Iam) -> None:
    iam.get_role(boundary=OWN)
    iam.refuses("get_policy")
    iam.attached()
    iam.inline()
    role = read(iam)
    sentence = "its permissions boundary, policy Own could not be read: iam:GetPolicy is denied"
    assert (role.boundary, role.unknown) == (None, (f"role legacy: {sentence}",))


def test_lists_that_may_not_be_read_are_named(iam: Iam) -> None:
    iam.get_role()
    iam.refuses("list_attached_role_policies")
    iam.refuses("list_role_policies")
    assert read(iam).unknown == (
        "the managed policies of role legacy could not be read: iam:ListAttachedRolePolicies is denied",
        "the inline policies of role legacy could not be read: iam:ListRolePolicies is denied",
    )


def test_the_pages_before_a_refused_one_are_kept(iam: Iam) -> None:
    iam.get_role()
    iam.attached()
    iam.inline("logs", more="second")
    iam.refuses("list_role_policies", "ServiceFailure", "try again")
    iam.document("logs")
    role = read(iam)
    assert names(role) == ["logs (inline)"]
    (sentence,) = role.unknown
    assert sentence.endswith("could not be read: iam:ListRolePolicies says ServiceFailure: try again")


def test_documents_that_may_not_be_read_are_named(iam: Iam) -> None:
    iam.get_role()
    iam.attached(READ, OWN)
    iam.stub.add_response("get_policy", {"Policy": {"Arn": READ, "DefaultVersionId": "v7"}}, {"PolicyArn": READ})
    iam.refuses("get_policy_version")
    iam.managed(OWN)
    iam.inline("logs")
    iam.refuses("get_role_policy")
    role = read(iam)
    assert names(role) == ["Own"]
    assert role.unknown == (
        "role legacy: policy AmazonS3ReadOnlyAccess could not be read: iam:GetPolicyVersion is denied",
        "role legacy: inline policy logs could not be read: iam:GetRolePolicy is denied",
    )


def test_documents_that_are_not_json_are_named(iam: Iam) -> None:
    iam.get_role()
    iam.attached(OWN)
    iam.stub.add_response("get_policy", {"Policy": {"Arn": OWN, "DefaultVersionId": "v7"}}, {"PolicyArn": OWN})
    version = {"Document": "no JSON", "VersionId": "v7", "IsDefaultVersion": True}
    iam.stub.add_response("get_policy_version", {"PolicyVersion": version})
    iam.inline("logs")
    iam.stub.add_response("get_role_policy", {"RoleName": "legacy", "PolicyName": "logs", "PolicyDocument": "no JSON"})
    role = read(iam)
    assert names(role) == []
    assert role.unknown == (
        "role legacy: policy Own could not be read: its document is not JSON",
        "role legacy: inline policy logs could not be read: its document is not JSON",
    )


def test_a_role_is_read_once(iam: Iam) -> None:
    roles = LiveRoles(iam.client)
    iam.get_role()
    iam.attached()
    iam.inline("logs")
    iam.document("logs")
    assert roles.role("legacy") is roles.role("legacy")


@pytest.mark.parametrize(("code", "missing"), [("NoSuchEntity", True), ("AccessDenied", False)])
def test_a_managed_policy_is_missing_only_if_iam_says_so(iam: Iam, code: str, missing: bool) -> None:
    roles = LiveRoles(iam.client)
    iam.refuses("get_policy", code)
    assert roles.policy(OWN) is None
    assert roles.is_missing(OWN) is missing
    assert roles.why(OWN).startswith("policy Own could not be read: iam:GetPolicy ")


def test_a_managed_policy_is_identified_by_its_arn(iam: Iam) -> None:
    iam.managed(OWN)
    policy = LiveRoles(iam.client).policy(OWN)
    assert policy
    assert (policy.arn, policy.key) == (OWN, OWN)


def test_a_managed_policy_is_read_once(iam: Iam) -> None:
    roles = LiveRoles(iam.client)
    iam.managed(READ)
    policy = roles.policy(READ)
    assert isinstance(policy, Policy)
    assert (policy.name, policy.inline) == ("AmazonS3ReadOnlyAccess", False)
    iam.get_role()
    iam.attached(READ)
    iam.inline()
    assert roles.role("legacy").policies == (policy,)


def test_the_reason_for_an_unknown_managed_policy_is_reported_and_not_read_again(iam: Iam) -> None:
    roles = LiveRoles(iam.client)
    iam.refuses("get_policy", "NoSuchEntity", "Policy does not exist.")
    assert roles.policy(OWN) is roles.policy(OWN) is None
    reason = "policy Own could not be read: iam:GetPolicy says NoSuchEntity: Policy does not exist."
    assert roles.why(OWN) == reason
