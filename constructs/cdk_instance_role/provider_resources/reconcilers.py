"""Principals that may start a sweep, named by their ARNs in the policy of the queue."""

import re
from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from ..support.argument_types import check_list
from ..support.arn_checks import check_partition
from ..support.arns import Arns, is_token
from ..support.lookups import is_dummy

_PRINCIPAL_ARN = re.compile(r"arn:[a-z-]+:iam::\d{12}:(?:role|user)/[\w+=,.@/-]+", re.ASCII)


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
        check_partition("reconciler", arn_of(reconciler), Arns.of(stack), "the provider")


def arn_of(reconciler: iam.IGrantable) -> str:
    """The ARN by which a policy names a role or a user.

    Raises:
        ValueError: it is neither.
    """
    principal = getattr(reconciler, "grant_principal", None)
    # Their ARNs are tokens: that of a group, which can't be a principal, and that of a whole account.
    if principal is None or isinstance(principal, iam.Group | iam.AccountPrincipal):
        raise _refused(reconciler)
    fragment = principal.policy_fragment
    match dict(fragment.principal_json):
        case {"AWS": [str(arn)], **others} if not others and not fragment.conditions and _names_one(arn):
            return arn
    raise _refused(reconciler)


def _names_one(arn: str) -> bool:
    return is_token(arn) or is_dummy(arn) or bool(_PRINCIPAL_ARN.fullmatch(arn))


def _refused(reconciler: object) -> ValueError:
    return ValueError(
        f"{reconciler!r} in reconcilers is neither a role nor a user: give a role of the app, an imported one, or "
        'iam.ArnPrincipal("arn:aws:iam::111122223333:role/Operator")'
    )
