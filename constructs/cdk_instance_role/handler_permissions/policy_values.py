"""How profiles, paths and tag values are written in an IAM statement."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from ..support.arns import is_token

Conditions = Mapping[str, Mapping[str, Iterable[str]]]

_VARIABLE = re.compile(r"\$\{(?!Token\[)")


@cache
def in_any_path(arn: str) -> Sequence[str]:
    """ARNs for a call that names a profile without its path.

    IAM decides by the path that the profile of that name really has, or by none if there is no such profile. Without
    these the handler would be denied to find out that a profile is gone, or that another one has taken its name.
    There are none if a token hides the name.
    """
    head, _, path_and_name = arn.rpartition(":instance-profile/")
    if is_token(path_and_name):
        return []
    name = path_and_name.rpartition("/")[2]
    pathless = [f"{head}:instance-profile/{name}"] if name != path_and_name else []
    return [arn, f"{head}:instance-profile/*/{name}", *pathless]


def parent(path: str) -> str:
    """What an IAM path is in, without the slashes around it."""
    return path.strip("/").rpartition("/")[0]


def literal(value: str) -> str:
    """A value as IAM takes it for no policy variable. Tokens, which are written alike, are left alone.

    It is for values only; IAM does not support variables in the name of a condition key:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    return _VARIABLE.sub("${$}{", value)


def to(profiles: Sequence[str]) -> Conditions:
    """The condition that an instance gets one of these profiles."""
    return {"ArnLike": {"ec2:NewInstanceProfile": profiles}}


def taken_from(profiles: Sequence[str]) -> Conditions:
    """The condition that an instance carries one of these profiles."""
    return {"ArnLike": {"ec2:InstanceProfile": profiles}}


def between(old: Sequence[str], new: Sequence[str]) -> Conditions:
    """The condition that an instance carries one of the old profiles and gets one of the new ones."""
    return {"ArnLike": {"ec2:InstanceProfile": old, "ec2:NewInstanceProfile": new}}
