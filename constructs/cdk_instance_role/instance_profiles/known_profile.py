"""What is known at synth of an instance profile that an association puts on instances, or may displace."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from aws_cdk import CfnElement, Stack
from aws_cdk import aws_iam as iam

from ..runtime.association.contract import Property
from ..support.argument_types import check_type
from ..support.arn_checks import Kind, check_account, check_arn, check_place
from ..support.arns import Arns, is_token
from ..support.at_synthesis import at_synthesis, resource_of
from ..support.locations import stack_of
from ..support.names import name_in


@dataclass(frozen=True)
class OwnProfile:
    """What an `InstanceRole` knows of the profile that it defines."""

    paths: tuple[str, ...]
    """IAM path of the profile, then those that it had under former ids of the `InstanceRole`."""
    moves: bool
    """Whether a deployment may have to move instances from one profile on these paths to another one."""
    name: str | None
    """Pattern of its name; None for a profile that is not defined in the app."""


@dataclass(frozen=True)
class KnownProfile:
    """A profile whose role is known, in what the associations need of it, asked of Node.js once for all of them.

    ``paths``, ``moves`` and ``name`` are read when they are used: Aspects can change them until the synthesis.
    """

    arn: str
    role_arn: str
    account: str
    """May be a token."""
    role: iam.IRole = field(repr=False, compare=False)
    _read: Callable[[], OwnProfile] = field(repr=False, compare=False)

    @classmethod
    def of(cls, profile: iam.IInstanceProfile) -> "KnownProfile":
        """What is known of a profile.

        Raises:
            ValueError: it is no profile, it was imported without saying which role it holds, or an ARN is that of no
                profile or no role.
        """
        check_type("an instance profile", profile, "instance_profile_arn", _A_PROFILE)
        return _known(profile)  # type: ignore[arg-type]  # jsii's protocols do not say that objects have a hash

    def check_place(self, arns: Arns, path: str) -> None:
        """Refuse it where an association is in another account or partition.

        Args:
            arns: of the association's stack.
            path: of the association.

        Raises:
            ValueError: the profile or its role is elsewhere.
        """
        check_place(Kind.INSTANCE_PROFILE, self.arn, arns, path)
        check_account(Kind.INSTANCE_PROFILE, self.arn, self.account, arns, path)
        check_place(Kind.ROLE, self.role_arn, arns, path)
        if is_token(self.role_arn):
            check_account(Kind.ROLE, self.role_arn, self.role.env.account, arns, path)

    @property
    def paths(self) -> tuple[str, ...]:
        """IAM paths on which only profiles of the same `InstanceRole` are, its own first, then those of its former
        ids; empty for a profile that is not an `InstanceRole`'s, which has to be named by its ARN."""
        return self._read().paths

    @property
    def moves(self) -> bool:
        """Whether a deployment may have to move instances from one profile on `paths` to another one: CloudFormation
        replaces the profile of an `InstanceRole` together with the role in it, with its name, or with its id."""
        return self._read().moves

    @property
    def name(self) -> str | None:
        """Pattern of the name of a profile of the app; None for one that is imported."""
        return self._read().name

    def render(self) -> dict[str, str]:
        """The profile and its role as properties of the custom resource."""
        return {Property.INSTANCE_PROFILE_ARN.value: self.arn, Property.ROLE_ARN.value: self.role_arn}

    @property
    def former_paths(self) -> list[str]:
        """All `paths` but the own one."""
        return [*self.paths[1:]]


_A_PROFILE = (
    "the instance_profile of an InstanceRole, or an imported one, like "
    "iam.InstanceProfile.from_instance_profile_attributes(..., role=...)"
)
_ANY_NAME = "*"
_OWN: dict[Any, Callable[[], OwnProfile]] = {}
"""By profile. jsii keeps every construct for as long as the process lives, so nothing is kept alive by this."""


def declare(profile: iam.IInstanceProfile, read: Callable[[], OwnProfile]) -> None:
    """Let associations know a profile as that of an `InstanceRole`.

    Args:
        profile: the profile.
        read: what is known of it. It is called at synthesis only, when Aspects have changed all that they change.
    """
    _OWN[profile] = read


@cache  # jsii keeps every construct for as long as the process lives, so nothing is kept alive by this
def _known(profile: Any) -> KnownProfile:
    role = profile.role
    if role is None:
        raise ValueError(
            f"the role of instance profile {profile.instance_profile_name!r} is unknown, so iam:PassRole can't be "
            "limited to it: import it with InstanceProfile.from_instance_profile_attributes(..., role=...)"
        )
    arn, role_arn = profile.instance_profile_arn, role.role_arn
    check_arn(Kind.INSTANCE_PROFILE, arn)
    check_arn(Kind.ROLE, role_arn)
    return KnownProfile(arn, role_arn, profile.env.account, role, _OWN.get(profile) or _OtherProfile(profile).read)


class _OtherProfile:
    """What is known of a profile that is no `InstanceRole`'s. Its name is read at synthesis."""

    def __init__(self, profile: iam.IInstanceProfile) -> None:
        resource = profile.node.default_child
        self._name: str | None = None
        if isinstance(resource, iam.CfnInstanceProfile):
            self._name = _ANY_NAME
            at_synthesis(resource, partial(self._settle, resource), first=True)

    def read(self) -> OwnProfile:
        return OwnProfile(paths=(), moves=False, name=self._name)

    def _settle(self, resource: CfnElement) -> None:
        self._name = name_pattern(stack_of(resource), name_in(resource_of(resource)))


def name_pattern(stack: Stack, name: Any) -> str:
    """Pattern of the name that a profile of the app has.

    Args:
        stack: the stack of the profile.
        name: the name in the template; None if CloudFormation generates one.
    """
    if name is None:
        return Arns.of(stack).generated_names
    return name if isinstance(name, str) and not is_token(name) else _ANY_NAME
