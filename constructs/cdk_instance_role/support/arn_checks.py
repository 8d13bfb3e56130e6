"""Which roles, instance profiles, managed policies and keys are refused: what their ARN tells before a deployment.

A token is not inspected, nor is the dummy value of a context lookup that is still to be made.
"""

import re
from enum import StrEnum

from .arns import Arns, parts_of, without_tokens
from .lookups import is_dummy

_PROPER = re.compile(r"[\w+=,.@/:-]*", re.ASCII)
_WILDCARD = re.compile(r"[*?]")
_AWS = "aws"
"""Account in the ARNs of the managed policies that belong to AWS."""


class Kind(StrEnum):
    """What an ARN is of, as the ARN says it."""

    ROLE = "role"
    INSTANCE_PROFILE = "instance-profile"
    POLICY = "policy"

    @property
    def noun(self) -> str:
        """As a message says it."""
        return {"instance-profile": "instance profile", "policy": "managed policy"}.get(self.value, self.value)


def check_arn(kind: Kind, arn: str) -> None:
    """Refuse an ARN that can't be that of one role, instance profile or managed policy.

    Args:
        kind: what it has to be the ARN of.
        arn: the ARN, which may be or hold tokens.

    Raises:
        ValueError: it holds a wildcard, a blank or another character that no ARN in IAM has, or is of something else.
    """
    text = without_tokens(arn)
    if is_dummy(text):
        return
    if _WILDCARD.search(text):
        raise ValueError(
            f"{kind.noun} {arn!r} holds a wildcard, which would stand for others as well in IAM policies: name one"
        )
    if not _PROPER.fullmatch(text):
        raise ValueError(
            f"{kind.noun} {arn!r} holds a blank, a line break or another character that no ARN in IAM has: take it out"
        )
    if not _is_of(kind, arn, text):
        raise ValueError(
            f"{arn!r} is not the ARN of a {kind.noun}: expected one like arn:aws:iam::111122223333:{kind}/Name"
        )


def check_place(kind: Kind, arn: str, mine: Arns, path: str) -> None:
    """Refuse what is in another account or partition than the stack that needs it.

    Args:
        kind: what the ARN is of.
        arn: the ARN, which may be or hold tokens.
        mine: of the stack.
        path: of the construct that needs it.

    Raises:
        ValueError: it is elsewhere.
    """
    check_partition(kind.noun, arn, mine, path)
    account = None if is_dummy(without_tokens(arn)) else parts_of(arn)[4]
    if account == _AWS and kind is Kind.POLICY:
        return
    if account and mine.account and account != mine.account:
        raise ValueError(_elsewhere(f"{kind.noun} {arn!r}", "account", account, mine.account, path))


def check_partition(noun: str, arn: str, mine: Arns, path: str) -> None:
    """Refuse what is in another partition than the stack that needs it, whatever its account is.

    Args:
        noun: what the ARN is of, as a message says it.
        arn: the ARN, which may be or hold tokens.
        mine: of the stack.
        path: of the construct that needs it.

    Raises:
        ValueError: it is elsewhere.
    """
    partition = None if is_dummy(without_tokens(arn)) else parts_of(arn)[1]
    if partition and mine.partition and partition != mine.partition:
        raise ValueError(_elsewhere(f"{noun} {arn!r}", "partition", partition, mine.partition, path))


def check_account(kind: Kind, arn: str, account: str, mine: Arns, path: str) -> None:
    """Refuse a resource of the app that is in another account, which its ARN, a token, does not tell.

    Args:
        kind: what the resource is.
        arn: its ARN. The account of what a context lookup has not found yet is not known.
        account: its account, which may be a token.
        mine: of the stack that needs it.
        path: of the construct that needs it.

    Raises:
        ValueError: it is elsewhere.
    """
    if mine.account and account.isdigit() and account != mine.account and not is_dummy(arn):
        raise ValueError(_elsewhere(f"the {kind.noun}", "account", account, mine.account, path))


def _is_of(kind: Kind, arn: str, text: str) -> bool:
    prefix, _, service, _, _, resource = parts_of(arn)
    if text.count(":") < 5:
        return text != arn  # a token may stand for all of it
    # Where `iam.Role.customize_roles` only reports, the CDK leaves the name out.
    is_kind = resource is None or resource.startswith(f"{kind}/") or resource == kind
    return prefix in ("arn", None) and service in ("iam", None) and is_kind


def _elsewhere(subject: str, what: str, theirs: str, ours: str, path: str) -> str:
    return f"{subject} is in {what} {theirs}, and {path} in {ours}: use one in the same {what}"
