"""Which profiles an association may displace."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_iam as iam

from .known_profile import KnownProfile
from .runtime.association.contract import ANY_PROFILE, Property


@dataclass(frozen=True)
class ReplaceableProfiles:
    """The profiles that an association may displace, and must therefore be able to give back. Use a factory.

    The handler's IAM policy is generated from it: what is not listed it can neither replace nor restore.

    Example:
        ::

            old = iam.InstanceProfile.from_instance_profile_attributes(
                self, "Old",
                instance_profile_arn="arn:aws:iam::111122223333:instance-profile/OldProfile",
                role=iam.Role.from_role_name(self, "OldRole", "OldProfile"),
            )
            ReplaceableProfiles.profiles(old)
    """

    listed: tuple[iam.IInstanceProfile, ...] = ()
    """The profiles by name; empty for none and for any."""
    is_any: bool = False
    """Every profile of the account."""

    @classmethod
    def none(cls) -> "ReplaceableProfiles":
        """No profile but those that this association has put there itself (the default)."""
        return cls()

    @classmethod
    def profiles(cls, *profiles: iam.IInstanceProfile) -> "ReplaceableProfiles":
        """These profiles.

        Args:
            profiles: profiles with a known role, owned or imported. The deployment checks that an imported one
                really holds that role.

        Raises:
            ValueError: no profile, or one whose role is unknown.
        """
        if not profiles:
            raise ValueError("no profiles listed: pass at least one, or use ReplaceableProfiles.none()")
        for profile in profiles:
            KnownProfile.of(profile)
        return cls(listed=profiles)

    @classmethod
    def any(cls) -> "ReplaceableProfiles":
        """Every profile of the account.

        This is broad: to be able to give back whatever it displaces, the handler may pass every role of the
        account, to EC2 only (``iam:PassRole`` on ``role/*``). Together with a selection by tags it may associate any
        profile with any instance of the account and Region that carries none. Prefer `profiles`.
        """
        return cls(is_any=True)

    @property
    def known(self) -> Sequence[KnownProfile]:
        """What is known of the listed profiles."""
        return [KnownProfile.of(profile) for profile in self.listed]

    def render(self) -> dict[str, Any]:
        """The property of the custom resource that says the same."""
        value: Any = ANY_PROFILE if self.is_any else [profile.render() for profile in self.known]
        return {Property.REPLACES.value: value}
