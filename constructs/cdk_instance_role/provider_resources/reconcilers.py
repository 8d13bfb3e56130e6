"""Principals that may start a sweep, named by their ARNs in the policy of the queue."""

import re
from collections.abc import Sequence
from typing import Any

from aws_cdk import CfnResource, Stack
from aws_cdk import aws_iam as iam

from ..support.argument_types import check_list
from ..support.arn_checks import check_partition
from ..support.arns import Arns, is_token
from ..support.locations import targets_of
from ..support.lookups import is_dummy

_HIDDEN = "\0"
"""Stands for what only the deployment knows."""
_HEAD = r"(?:(?:arn:[a-z\0-]+|\0):iam::(?:\d{12}|\0):|\0:)"
_PRINCIPAL_ARN = re.compile(rf"(?:{_HEAD}(?:role|user)/|{_HEAD}?(?=\0))[\w+=,.@/\0-]+", re.ASCII)
_PRINCIPALS = ("AWS::IAM::Role", "AWS::IAM::User")
_CUSTOM = ("Custom::", "AWS::CloudFormation::")
"""Beginning of the types of resources whose ARN or id may be anything."""


def check_reconcilers(reconcilers: Sequence[iam.IGrantable], stack: Stack) -> None:
    """Refuse what is not a role or a user, or is in another partition than the queue.

    Args:
        reconcilers: the principals that may start a sweep. Their account may be another one.
        stack: the stack of the queue.

    Raises:
        ValueError: something in the list has no ARN of its own, has a condition, or is in another partition.
    """
    check_list("reconcilers", reconcilers, "roles")
    for reconciler in reconcilers:
        arn = arn_of(reconciler)
        if not _may_name_one(arn, stack):
            raise _refused(reconciler)
        check_partition("reconciler", arn, Arns.of(stack), "the provider")


def arn_of(reconciler: iam.IGrantable) -> str:
    """The ARN by which a policy names a principal.

    Raises:
        ValueError: it has none, or has a condition.
    """
    fragment = _fragment_of(reconciler)
    match dict(fragment.principal_json):
        case {"AWS": [str(arn)], **others} if not others and not fragment.conditions:
            return arn
    raise _refused(reconciler)


def _fragment_of(reconciler: iam.IGrantable) -> iam.PrincipalPolicyFragment:
    try:
        return reconciler.grant_principal.policy_fragment
    except (AttributeError, RuntimeError):  # it is no principal; or, like an imported function, has an unknown one
        raise _refused(reconciler) from None


def _may_name_one(arn: str, stack: Stack) -> bool:
    """Whether an ARN is that of one role or user, as far as it is known before the deployment."""
    if is_dummy(arn):
        return True
    resolved = stack.resolve(arn) if is_token(arn) else arn
    return bool(_PRINCIPAL_ARN.fullmatch(_known(resolved))) and not _is_of_another_resource(arn, resolved)


def _known(value: Any) -> str:
    """What is known of a resolved text; an account and a partition that are not stand for any."""
    match value:
        case str():
            return value
        case {"Ref": "AWS::Partition"}:
            return "aws"
        case {"Ref": "AWS::AccountId"}:
            return "0" * 12
        case {"Fn::Join": ["", list(parts)]}:
            return "".join(map(_known, parts))
    return _HIDDEN


def _is_of_another_resource(arn: str, resolved: Any) -> bool:
    """Whether it is the ARN or the id of a resource of the app, such as a group, that is neither a role nor a user."""
    match resolved:
        case {"Ref": _} | {"Fn::GetAtt": [_, "Arn"]}:
            types = (one.cfn_resource_type for one in targets_of(arn) if CfnResource.is_cfn_resource(one))
            return any(one not in _PRINCIPALS and not one.startswith(_CUSTOM) for one in types)
    return False


def _refused(reconciler: object) -> ValueError:
    return ValueError(
        f"{reconciler!r} in reconcilers is neither a role nor a user: give a role of the app, an imported one, or "
        'iam.ArnPrincipal("arn:aws:iam::111122223333:role/Operator")'
    )
