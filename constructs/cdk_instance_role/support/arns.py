"""ARNs in the account and Region of a stack, as text with tokens in it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from aws_cdk import Names, Stack
from aws_cdk.region_info import RegionInfo

from ..runtime.association.contract import PATH_PREFIX

_TOKEN = re.compile(r"\$\{Token\[[\w:.-]+\]\}", re.ASCII)
_LIST_TOKEN = re.compile(r"#\{Token\[[\w:.-]+\]\}", re.ASCII)
_KEPT_IN_NAMES = 24
_UNKNOWN = "\0"
"""Stands for a token in a text whose other parts are looked at."""


@dataclass(frozen=True)
class Arns:
    """What ARNs of a stack's account and Region begin with, asked of Node.js once for all associations of the stack."""

    instances: str
    roles: str
    profiles: str
    profile_path: str
    """Beginning of the IAM paths of the stack's profiles of `InstanceRole`, free of tokens. It is the same in every
    deployment: the name of the stack, or for a nested one the name of its outermost parent and its ids in that."""
    generated_names: str
    """Pattern of the names that CloudFormation gives to what is in the stack."""
    partition: str | None
    """None if it is only known to the deployment."""
    account: str | None
    """None if it is only known to the deployment."""

    @classmethod
    @cache  # jsii keeps every construct for as long as the process lives, so nothing is kept alive by this
    def of(cls, stack: Stack) -> "Arns":
        """The ARNs of a stack."""
        roles = stack.format_arn(service="iam", region="", resource="role", resource_name="")
        region = stack.region
        _, partition, _, _, account, _ = parts_of(roles)
        return cls(
            instances=stack.format_arn(service="ec2", resource="instance", resource_name=""),
            roles=roles,
            profiles=stack.format_arn(service="iam", region="", resource="instance-profile", resource_name=""),
            profile_path=f"/{PATH_PREFIX}/{_stable_name(stack)}/",
            generated_names=_generated_names(stack),
            partition=partition or (None if is_token(region) else RegionInfo.get(region).partition),
            account=account,
        )

    def instance(self, instance_id: str) -> str:
        """ARN of an instance, or of all that fit a pattern."""
        return self.instances + instance_id

    def role(self, name: str) -> str:
        """ARN of a role, or of all that fit a pattern."""
        return self.roles + name

    def profile(self, path_and_name: str) -> str:
        """ARN of an instance profile, or of all that fit a pattern."""
        return self.profiles + path_and_name


def is_token(value: str, *, whole: bool = False) -> bool:
    """Whether a text is or holds a token: https://docs.aws.amazon.com/cdk/v2/guide/tokens.html

    It looks for what the CDK looks for, without a question to Node.js for every text.

    Args:
        value: the text.
        whole: whether it has to be nothing else.
    """
    return "${Token[" in value and bool(_TOKEN.fullmatch(value) if whole else _TOKEN.search(value))


def tokens_in(text: str) -> Iterator[tuple[str, str]]:
    """The tokens in a text, each after what is before it.

    >>> [*tokens_in("arn:${Token[AWS.Partition.3]}:iam")]
    [('arn:', '${Token[AWS.Partition.3]}')]
    """
    return ((text[: found.start()], found[0]) for found in _TOKEN.finditer(text))


def is_list_token(value: str, *, whole: bool = False) -> bool:
    """Whether a text holds the only element of a list that the deployment fills, as ``value_as_list`` of a parameter or
    ``Fn.split`` gives it. The CDK puts the list in the place of a list with this element alone.

    Args:
        value: the text.
        whole: whether it has to be nothing else.
    """
    return bool(_LIST_TOKEN.fullmatch(value) if whole else _LIST_TOKEN.search(value))


def parts_of(arn: str) -> tuple[str | None, ...]:
    """The six parts of an ARN; None for a part that is or holds a token.

    >>> parts_of("arn:${Token[AWS.Partition.3]}:iam::111122223333:role/Web")
    ('arn', None, 'iam', '', '111122223333', 'role/Web')

    A text that can't be an ARN, or of which a token hides the parts, has six unknown ones.
    """
    parts = _TOKEN.sub(_UNKNOWN, arn).split(":", 5)
    if len(parts) < 6:
        return (None,) * 6
    return tuple(None if _UNKNOWN in part else part for part in parts)


def without_tokens(text: str) -> str:
    """A text with a letter for each token in it, for a look at its other characters."""
    return _TOKEN.sub("T", text)


def _stable_name(stack: Stack) -> str:
    name = stack.stack_name
    return Names.unique_resource_name(stack, max_length=128) if is_token(name) else name


def _generated_names(stack: Stack) -> str:
    """CloudFormation begins a name with that of the stack, of which it may leave out what is beyond 24 characters. The
    name of a nested stack begins with that of its parent."""
    parent, name = stack.nested_stack_parent, stack.stack_name
    if parent:
        return Arns.of(parent).generated_names
    return "*" if is_token(name) else f"{name[:_KEPT_IN_NAMES]}*"
