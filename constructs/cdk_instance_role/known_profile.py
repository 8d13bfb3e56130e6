"""What is known at synth of an instance profile that an association puts on instances, or may displace."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_cdk import aws_iam as iam

from .runtime.association.contract import Property


@dataclass(frozen=True)
class KnownProfile:
    """A profile whose role is known, in what the associations need of it, asked of Node.js once for all of them."""

    arn: str
    role_arn: str
    path: str | None
    """IAM path that the app gives it; None if it gives none, or the profile is imported."""

    @classmethod
    def of(cls, profile: iam.IInstanceProfile) -> "KnownProfile":
        """What is known of a profile.

        Raises:
            ValueError: the profile was imported without saying which role it holds.
        """
        return _known(profile)  # type: ignore[arg-type]  # jsii's protocols do not say that objects have a hash

    def render(self) -> dict[str, str]:
        """The profile and its role as properties of the custom resource."""
        return {Property.INSTANCE_PROFILE_ARN.value: self.arn, Property.ROLE_ARN.value: self.role_arn}


@cache  # jsii keeps every construct for as long as the process lives, so nothing is kept alive by this
def _known(profile: Any) -> KnownProfile:
    role, resource = profile.role, profile.node.default_child
    if role is None:
        raise ValueError(
            f"the role of instance profile {profile.instance_profile_name!r} is unknown, so iam:PassRole can't be "
            "limited to it: import it with InstanceProfile.from_instance_profile_attributes(..., role=...)"
        )
    path = resource.path if isinstance(resource, iam.CfnInstanceProfile) else None
    return KnownProfile(profile.instance_profile_arn, role.role_arn, path)
