"""ARNs in the account and Region of a stack, as text with tokens in it."""

from dataclasses import dataclass
from functools import cache

from aws_cdk import Names, Stack, Token

from .runtime.association.contract import PATH_PREFIX


@dataclass(frozen=True)
class Arns:
    """What ARNs of a stack's account and Region begin with, asked of Node.js once for all associations of the stack."""

    instances: str
    roles: str
    profiles: str
    profile_path: str
    """Beginning of the IAM paths of the stack's profiles of `InstanceRole`, free of tokens. It is the same in every
    deployment: the name of the stack, or for a nested one the name of its outermost parent and its ids in that."""
    is_in_china: bool

    @classmethod
    @cache  # jsii keeps every construct for as long as the process lives, so nothing is kept alive by this
    def of(cls, stack: Stack) -> "Arns":
        """The ARNs of a stack."""
        return cls(
            instances=stack.format_arn(service="ec2", resource="instance", resource_name=""),
            roles=stack.format_arn(service="iam", region="", resource="role", resource_name=""),
            profiles=stack.format_arn(service="iam", region="", resource="instance-profile", resource_name=""),
            profile_path=f"/{PATH_PREFIX}/{_stable_name(stack)}/",
            is_in_china=stack.region.startswith("cn-"),
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

    @property
    def profiles_of_stack(self) -> str:
        """All instance profiles of the stack."""
        return self.profile(f"{self.profile_path.strip('/')}/*")


def is_token(value: str) -> bool:
    """Whether a text is or holds a token. Only one that may be has to be shown to Node.js:
    https://docs.aws.amazon.com/cdk/v2/guide/tokens.html"""
    return "${" in value and Token.is_unresolved(value)


def _stable_name(stack: Stack) -> str:
    name = stack.stack_name
    return Names.unique_resource_name(stack, max_length=128) if is_token(name) else name
