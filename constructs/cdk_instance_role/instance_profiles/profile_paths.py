"""IAM paths of the instance profiles that `InstanceRole` defines: one for each, shared with no other.

An IAM condition can name "the profiles of this InstanceRole" by the path, whatever names CloudFormation gives them:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
"""

import hashlib
from collections.abc import Sequence
from typing import Any

from aws_cdk import Stack
from constructs import Construct

from ..support.argument_types import check_list
from ..support.arns import Arns
from ..support.locations import path_of, stack_of

_HIDDEN_ID = "Default"
"""The CDK leaves this id out of logical ids: constructs whose paths differ in nothing else can't share a stack."""
_CLAIMED: dict[Stack, dict[str, str]] = {}
"""Path of the `InstanceRole` that a path belongs to, by stack and IAM path. jsii keeps every construct for as long as
the process lives, so nothing is kept alive by this."""


class ProfilePaths:
    """The IAM path of the profiles of one `InstanceRole`, and the paths that they had under its former ids.

    A path is `/cdk-instance-role/<stack>/<digest>/`. The digest is made of the ids of the constructs from the stack to
    the `InstanceRole`, as logical ids are, so that it changes only when those ids do.
    """

    def __init__(self, owner: Construct, former_ids: Sequence[str]) -> None:
        """
        Args:
            owner: the `InstanceRole`.
            former_ids: ids that it had before, in the same scope.

        Raises:
            ValueError: a former id is none, or one of the paths belongs to another `InstanceRole`.
        """
        stack, path = stack_of(owner), path_of(owner)
        ids = path.removeprefix(f"{path_of(stack)}/").split("/")
        id_ = ids[-1]
        _check_former_ids(former_ids, id_, path)
        self.own = _iam_path(stack, ids)
        self.former = tuple(_iam_path(stack, [*ids[:-1], former]) for former in former_ids)
        claimed = _CLAIMED.setdefault(stack, {})
        for iam_path, known_as in zip((self.own, *self.former), (id_, *former_ids), strict=True):
            other = claimed.setdefault(iam_path, path)
            if other != path:
                raise ValueError(_taken(path, known_as, other))

    def under(self, path: Any) -> tuple[str, ...]:
        """All paths of profiles of this `InstanceRole`, the one of today first.

        Args:
            path: the path that the profile has in the template. Where an Aspect has put another one before the own one,
                former profiles may have their paths with and without that.
        """
        plain = (self.own, *self.former)
        if path == self.own or not isinstance(path, str) or not path.endswith(self.own):
            return plain
        before = path.removesuffix(self.own)
        return (*(f"{before}{one}" for one in plain), *plain)


def _iam_path(stack: Stack, ids: Sequence[str]) -> str:
    name = "/".join(id_ for id_ in ids if id_ != _HIDDEN_ID)
    return f"{Arns.of(stack).profile_path}{hashlib.sha256(name.encode()).hexdigest()[:8]}/"


def _check_former_ids(former_ids: Sequence[str], id_: str, path: str) -> None:
    check_list("former_ids", former_ids, "ids")
    for former in former_ids:
        if not isinstance(former, str) or not former or "/" in former:
            raise ValueError(
                f"former id {former!r} of {path} is no id of a construct: "
                "pass the ids that it had in the same scope, without a slash"
            )
        if former == id_:
            raise ValueError(f"former id {former!r} of {path} is its id today: leave it out")
    repeated = [former for former in former_ids if former_ids.count(former) > 1]
    if repeated:
        raise ValueError(f"former id {repeated[0]!r} of {path} is given more than once: name it once")


def _taken(path: str, known_as: str, other: str) -> str:
    return (
        f"{path} and {other} are InstanceRoles of one IAM path, that of the id {known_as!r}: the permissions for one "
        "would reach the instances of the other. Give former_ids to one of them only, and only ids that are not in use"
    )
