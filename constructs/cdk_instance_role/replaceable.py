"""Which profiles an association may replace."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_iam as iam

from .instance_profiles.known_profile import KnownProfile
from .runtime.association.contract import ANY_PROFILE, Property


@dataclass(frozen=True)
class ReplaceableProfiles:
    """The profiles that an association may replace, and must therefore be able to restore. Use a factory.

    The handler's IAM policies are generated from it: what is not listed it can neither replace nor restore.

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
        """No profile but those of the association's own `InstanceRole` (the default)."""
        return cls()

    @classmethod
    def profiles(cls, *profiles: iam.IInstanceProfile) -> "ReplaceableProfiles":
        """These profiles.

        Each takes room in the handler's IAM policies: 18 associations with a role and tags of their own fit into one
        provider when each lists another profile, and 130 ids when their association lists one.

        Args:
            profiles: profiles with a known role, owned or imported, in the account of the association. The deployment
                checks that an imported one really holds that role, because the handler may pass this role only:
                https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html

        Raises:
            ValueError: no profile, one whose role is unknown, one that is listed with two roles, or an ARN with a
                wildcard, a blank or another character that no ARN in IAM has.
        """
        if not profiles:
            raise ValueError("no profiles listed: pass at least one, or use ReplaceableProfiles.none()")
        for profile in profiles:
            KnownProfile.of(profile)
        _check_roles(profiles)
        return cls(listed=profiles)

    @classmethod
    def any(cls) -> "ReplaceableProfiles":
        """Every profile of the account.

        This is broad. To be able to restore whatever it replaces, the handler may pass every role of the account to
        EC2 (``iam:PassRole`` on ``role/*``). With a selection by tags it may also associate any profile with any
        instance of the account and Region that carries none. Prefer `profiles`.
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


def _check_roles(profiles: Sequence[iam.IInstanceProfile]) -> None:
    roles: dict[str, str] = {}
    for known in map(KnownProfile.of, profiles):
        role = roles.setdefault(known.arn, known.role_arn)
        if role != known.role_arn:
            raise ValueError(
                f"instance profile {known.arn} is listed with the roles {role} and {known.role_arn}: a profile holds "
                "one role, so list it once"
            )
