"""Reads what roles may do from IAM, and nothing else."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ...runtime.association.aws.errors import error_kind_of, text_of
from ...runtime.association.decide.outcome import ErrorKind
from ..iam.role import Policy, Role

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient


class LiveRoles:
    """Asks IAM for roles, and for the document of each managed policy once.

    Example:
        ::

            LiveRoles(boto3.client("iam")).role("legacy")
    """

    def __init__(self, iam: "IAMClient") -> None:
        self._iam = iam
        self._policies: dict[str, Policy | None] = {}
        self._unread: dict[str, str] = {}
        self._missing: set[str] = set()
        self._roles: dict[str, Role] = {}

    def why(self, arn: str) -> str:
        """Why a managed policy could not be read, in a sentence."""
        return self._unread[arn]

    def is_missing(self, arn: str) -> bool:
        """Whether IAM has said that there is no such managed policy."""
        return arn in self._missing

    def role(self, name: str) -> Role:
        """The role, as far as it can be read. It is asked for once.

        Raises:
            BotoCoreError: there is no answer from AWS, or there are no credentials.
        """
        if name not in self._roles:
            self._roles[name] = self._role(name)
        return self._roles[name]

    def _role(self, name: str) -> Role:
        unknown: list[str] = []
        try:
            boundary = self._boundary(name, self._iam.get_role(RoleName=name)["Role"], unknown)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchEntity":
                return Role(name, (), unknown=(f"role {name} does not exist",))
            reason = _reason("iam:GetRole", error)
            boundary, unknown = None, [f"the permissions boundary of role {name} could not be read: {reason}"]
        attached = [self._managed(name, arn, unknown) for arn in self._attached(name, unknown)]
        inline = [self._inline(name, policy, unknown) for policy in self._inline_names(name, unknown)]
        return Role(name, tuple(filter(None, [*attached, *inline])), boundary, tuple(unknown))

    def policy(self, arn: str) -> Policy | None:
        """The default version of a managed policy; None if it can't be read, and `why` says why not.

        Raises:
            BotoCoreError: there is no answer from AWS, or there are no credentials.
        """
        if arn not in self._policies:
            unread: list[str] = []
            document = self._document(arn, unread)
            self._policies[arn] = None if document is None else Policy(_name(arn), document, arn=arn)
            if unread:
                self._unread[arn] = unread[0]
        return self._policies[arn]

    def _document(self, arn: str, unread: list[str]) -> Any:
        what = f"policy {_name(arn)} could not be read"
        found = _try("iam:GetPolicy", what, unread, lambda: self._get_policy(arn))
        if found is None:
            return None
        version = found["Policy"]["DefaultVersionId"]
        answer = _try(
            "iam:GetPolicyVersion",
            what,
            unread,
            lambda: self._iam.get_policy_version(PolicyArn=arn, VersionId=version),
        )
        return _content(answer["PolicyVersion"]["Document"], what, unread) if answer else None

    def _get_policy(self, arn: str) -> Any:
        try:
            return self._iam.get_policy(PolicyArn=arn)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchEntity":
                self._missing.add(arn)
            raise

    def _boundary(self, name: str, role: Any, unknown: list[str]) -> Policy | None:
        boundary = role.get("PermissionsBoundary")
        arn = boundary["PermissionsBoundaryArn"] if boundary else None
        return self._managed(name, arn, unknown, "its permissions boundary, ") if arn else None

    def _attached(self, role: str, unknown: list[str]) -> list[str]:
        what = f"the managed policies of role {role} could not be read"
        pages = self._iam.get_paginator("list_attached_role_policies").paginate(RoleName=role)
        names = (policy["PolicyArn"] for page in pages for policy in page["AttachedPolicies"])
        return _as_far_as("iam:ListAttachedRolePolicies", what, unknown, names)

    def _managed(self, role: str, arn: str, unknown: list[str], kind: str = "") -> Policy | None:
        policy = self.policy(arn)
        if policy is None:
            unknown.append(f"role {role}: {kind}{self._unread[arn]}")
        return policy

    def _inline_names(self, role: str, unknown: list[str]) -> list[str]:
        what = f"the inline policies of role {role} could not be read"
        pages = self._iam.get_paginator("list_role_policies").paginate(RoleName=role)
        return _as_far_as(
            "iam:ListRolePolicies", what, unknown, (name for page in pages for name in page["PolicyNames"])
        )

    def _inline(self, role: str, name: str, unknown: list[str]) -> Policy | None:
        what = f"role {role}: inline policy {name} could not be read"
        answer = _try(
            "iam:GetRolePolicy", what, unknown, lambda: self._iam.get_role_policy(RoleName=role, PolicyName=name)
        )
        document = _content(answer["PolicyDocument"], what, unknown) if answer else None
        return None if document is None else Policy(name, document, inline=True)


def _content(document: Any, what: str, unknown: list[str]) -> Mapping[str, Any] | None:
    """A policy document, which botocore decodes where it can; None and a sentence more where it could not."""
    if isinstance(document, Mapping):
        return document
    unknown.append(f"{what}: its document is not JSON")
    return None


def _try(action: str, what: str, unknown: list[str], call: Callable[[], Any]) -> Any:
    """The answer to a call; None and a sentence more if IAM has something against it."""
    try:
        return call()
    except ClientError as error:
        unknown.append(f"{what}: {_reason(action, error)}")
    return None


def _as_far_as(action: str, what: str, unknown: list[str], items: Iterable[str]) -> list[str]:
    """The items of all pages, or of those before the one that IAM has something against."""
    found: list[str] = []
    rest: Iterator[str] = iter(items)
    _try(action, what, unknown, lambda: found.extend(rest))
    return found


def _reason(action: str, error: ClientError) -> str:
    return f"{action} is denied" if error_kind_of(error) is ErrorKind.DENIED else f"{action} says {text_of(error)}"


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]
