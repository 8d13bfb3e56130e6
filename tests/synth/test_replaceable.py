"""Which profiles an association may displace: what the handler gets, and what is refused at once."""

import pytest
from aws_cdk import aws_iam as iam

from cdk_instance_role import InstanceRole, ReplaceableProfiles
from tests.synth.builders import ACCOUNT, as_text, associated, association_of, imported_profile, new_stack


def test_nothing_is_replaced_by_default() -> None:
    assert association_of(associated())["Properties"]["Replaces"] == []


def test_listed_profiles_are_passed_with_their_roles() -> None:
    stack = new_stack()
    old = imported_profile(stack, "Old")
    legacy = InstanceRole(stack, "Legacy").instance_profile
    associated(stack=stack, replaces=ReplaceableProfiles.profiles(old, legacy))
    assert as_text(association_of(stack)["Properties"]["Replaces"]) == [
        {
            "InstanceProfileArn": f"arn:aws:iam::{ACCOUNT}:instance-profile/Old",
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/Old",
        },
        {"InstanceProfileArn": "${LegacyInstanceProfile.Arn}", "RoleArn": "${LegacyRole.Arn}"},
    ]


def test_any_profile_is_an_asterisk() -> None:
    stack = associated(replaces=ReplaceableProfiles.any())
    assert association_of(stack)["Properties"]["Replaces"] == "*"


def test_fails_when_no_profile_is_listed() -> None:
    with pytest.raises(ValueError, match=r"no profiles listed: .* use ReplaceableProfiles.none\(\)"):
        ReplaceableProfiles.profiles()


def test_fails_when_a_profile_is_listed_with_two_roles() -> None:
    stack = new_stack()
    arn = f"arn:aws:iam::{ACCOUNT}:instance-profile/Old"
    profiles = [
        iam.InstanceProfile.from_instance_profile_attributes(
            stack, name, instance_profile_arn=arn, role=iam.Role.from_role_name(stack, f"{name}Role", name)
        )
        for name in ("One", "Other")
    ]
    with pytest.raises(ValueError, match=rf"^instance profile {arn} is listed with the roles .* so list it once$"):
        ReplaceableProfiles.profiles(*profiles)


def test_fails_when_the_role_of_a_listed_profile_is_unknown() -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:instance-profile/Old"
    old = iam.InstanceProfile.from_instance_profile_arn(new_stack(), "Old", arn)
    with pytest.raises(
        ValueError, match=r"role of instance profile 'Old' is unknown.*from_instance_profile_attributes"
    ):
        ReplaceableProfiles.profiles(old)
