"""The association in the template: its properties, what it depends on, what is refused at once."""

import re
from typing import Any

import pytest
from aws_cdk import Duration, Environment, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from cdk_instance_role import (
    AssociationProvider,
    InstanceProfileAssociation,
    InstanceRole,
    InstanceSelection,
    OnConflict,
    ReplaceableProfiles,
    Rollout,
)
from tests.synth.builders import (
    ACCOUNT,
    BY_ID,
    BY_TAGS,
    INSTANCE,
    IRELAND,
    as_text,
    associate_imported,
    associated,
    association_of,
    handler_policies,
    instance_ids,
    new_app,
    new_stack,
    resources,
)


def test_passes_the_profile_its_role_and_the_defaults() -> None:
    assert as_text(association_of(associated())["Properties"]) == {
        "ServiceToken": "${InstanceProfileAssociationProviderFrameworkframeworkonEvent.Arn}",
        "ServiceTimeout": "3600",
        "InstanceProfileArn": "${WebInstanceProfile.Arn}",
        "RoleArn": "${WebRole.Arn}",
        "InstanceIds": [INSTANCE],
        "Replaces": [],
        "OnConflict": "FAIL",
        "TimeoutSeconds": 1800,
        "RemovalPolicy": "Destroy",
    }


def test_passes_tags() -> None:
    properties = association_of(associated(BY_TAGS))["Properties"]
    assert properties["InstanceTags"] == {"app": ["web", "api"], "env": ["prod"]}
    assert "InstanceIds" not in properties


def test_passes_an_imported_profile_by_its_arn() -> None:
    stack = new_stack()
    associate_imported(stack)
    properties = association_of(stack)["Properties"]
    assert properties["InstanceProfileArn"] == f"arn:aws:iam::{ACCOUNT}:instance-profile/Imported"
    assert properties["RoleArn"] == f"arn:aws:iam::{ACCOUNT}:role/Imported"


def test_passes_that_conflicts_are_kept() -> None:
    stack = associated(on_conflict=OnConflict.KEEP)
    assert association_of(stack)["Properties"]["OnConflict"] == "KEEP"


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [(Duration.minutes(1), 60), (Duration.minutes(30), 1800), (Duration.minutes(55), 3300), (Duration.hours(1), 3600)],
)
def test_cloudformation_waits_for_an_hour_whatever_the_timeout_is(timeout: Duration, seconds: int) -> None:
    """A rollback or a Delete may concern more instances than any operation with that timeout."""
    properties = association_of(associated(timeout=timeout))["Properties"]
    assert (properties["TimeoutSeconds"], properties["ServiceTimeout"]) == (seconds, "3600")


def test_waves_have_an_hour_by_default() -> None:
    properties = association_of(associated(rollout=Rollout.in_waves()))["Properties"]
    assert (properties["TimeoutSeconds"], properties["ServiceTimeout"]) == (3600, "3600")


def test_a_rollout_without_waves_has_half_an_hour_by_default() -> None:
    assert association_of(associated(rollout=Rollout.all_at_once()))["Properties"]["TimeoutSeconds"] == 1800


def test_waves_have_the_timeout_that_is_given() -> None:
    stack = associated(rollout=Rollout.in_waves(), timeout=Duration.minutes(30))
    assert association_of(stack)["Properties"]["TimeoutSeconds"] == 1800


@pytest.mark.parametrize(
    ("removal_policy", "deletion_policy", "passed"),
    [
        (RemovalPolicy.DESTROY, ("Delete", "Delete"), "Destroy"),
        (RemovalPolicy.RETAIN, ("Retain", "Retain"), "Retain"),
        (RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE, ("RetainExceptOnCreate", "Retain"), "Retain"),
    ],
)
def test_removal_policy_decides_whether_previous_profiles_are_restored(
    removal_policy: RemovalPolicy, deletion_policy: tuple[str, str], passed: str
) -> None:
    association = association_of(associated(removal_policy=removal_policy))
    assert (association["DeletionPolicy"], association["UpdateReplacePolicy"]) == deletion_policy
    assert association["Properties"]["RemovalPolicy"] == passed


def test_previous_profiles_are_restored_by_default() -> None:
    assert association_of(associated())["DeletionPolicy"] == "Delete"


def test_waits_for_every_policy_of_the_handler() -> None:
    stack = associated(InstanceSelection.by_ids(*instance_ids(200)))
    policies = set(handler_policies(stack))
    assert len(policies) > 1
    assert policies <= set(association_of(stack)["DependsOn"])


def test_an_earlier_association_waits_for_policies_that_a_later_one_adds() -> None:
    stack = new_stack()
    web = InstanceRole(stack, "Web")
    web.associate_with("First", BY_ID)
    web.associate_with("Second", InstanceSelection.by_ids(*instance_ids(100)))
    policies = set(handler_policies(stack))
    assert len(policies) > 1
    for association in resources(stack, "Custom::InstanceProfileAssociation").values():
        assert policies <= set(association["DependsOn"])


def test_instances_get_the_role_only_when_its_policies_are_attached() -> None:
    stack = new_stack()
    web = InstanceRole(stack, "Web")
    web.associate_with("Fleet", BY_ID)
    s3.Bucket(stack, "Bucket").grant_read(web)
    waits_for = {id_[:-8] for id_ in association_of(stack)["DependsOn"]}
    assert {"WebRole", "WebRoleDefaultPolicy"} <= waits_for


def test_counts_are_attributes_of_the_resource() -> None:
    stack = new_stack()
    association = InstanceRole(stack, "Web").associate_with("Fleet", BY_ID)
    counts = [association.associated_count, association.replaced_count, association.kept_count]
    assert [as_text(stack.resolve(count)) for count in counts] == [
        "${WebFleet.AssociatedCount}",
        "${WebFleet.ReplacedCount}",
        "${WebFleet.KeptCount}",
    ]


@pytest.mark.parametrize("rollout", ["waves", "", Rollout.in_waves, Rollout, {"first": 1}], ids=str)
def test_fails_when_the_rollout_is_not_a_rollout(rollout: Any) -> None:
    message = r"^rollout is .*: give Rollout\.in_waves\(\.\.\.\) or Rollout\.all_at_once\(\)$"
    with pytest.raises(ValueError, match=message):
        associated(rollout=rollout)


@pytest.mark.parametrize("timeout", [Duration.seconds(59), Duration.seconds(3601), Duration.hours(2)])
def test_fails_when_the_timeout_is_out_of_range(timeout: Duration) -> None:
    with pytest.raises(ValueError, match=r"timeout is .*: give a Duration in whole seconds, from 1 minute to 1 hour"):
        associated(timeout=timeout)


def test_fails_on_removal_policy_snapshot() -> None:
    with pytest.raises(ValueError, match="SNAPSHOT means nothing for an association: use DESTROY or RETAIN"):
        associated(removal_policy=RemovalPolicy.SNAPSHOT)


def test_fails_when_the_role_of_the_profile_is_unknown() -> None:
    stack = new_stack()
    arn = f"arn:aws:iam::{ACCOUNT}:instance-profile/Unknown"
    profile = iam.InstanceProfile.from_instance_profile_arn(stack, "Profile", arn)
    with pytest.raises(ValueError, match="role of instance profile 'Unknown' is unknown"):
        InstanceProfileAssociation(stack, "Fleet", instance_profile=profile, instances=BY_ID)


@pytest.mark.parametrize(
    ("props", "message"),
    [
        (
            {"instances": [INSTANCE]},
            f"instances is ['{INSTANCE}']: give InstanceSelection.by_ids(...) or by_tags(...)",
        ),
        ({"instances": None}, "instances is None: give InstanceSelection.by_ids(...)"),
        ({"replaces": []}, "replaces is []: give ReplaceableProfiles.profiles(...), none() or any()"),
        ({"replaces": "OldProfile"}, "replaces is 'OldProfile': give ReplaceableProfiles.profiles(...)"),
    ],
    ids=str,
)
def test_fails_when_a_property_has_another_type(props: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        associate_imported(new_stack(), **props)


def test_fails_when_an_instance_role_is_given_for_its_profile() -> None:
    stack = new_stack()
    web: Any = InstanceRole(stack, "Web")
    message = r"^an instance profile is .*: give the instance_profile of an InstanceRole, or an imported one, like iam"
    with pytest.raises(ValueError, match=message):
        InstanceProfileAssociation(stack, "Fleet", instance_profile=web, instances=BY_ID)
    with pytest.raises(ValueError, match=message):
        ReplaceableProfiles.profiles(web)


@pytest.mark.parametrize(
    ("elsewhere", "message"),
    [
        (
            Environment(account=ACCOUNT, region="us-east-1"),
            "the provider is in Region us-east-1 and the association in eu-west-1: use a provider in the same Region",
        ),
        (
            Environment(account="444455556666", region="eu-west-1"),
            (
                f"the provider is in account 444455556666 and the association in {ACCOUNT}: "
                "use a provider in the same account"
            ),
        ),
    ],
    ids=["region", "account"],
)
def test_fails_when_the_provider_is_in_another_account_or_region(elsewhere: Environment, message: str) -> None:
    app = new_app()
    provider = AssociationProvider(Stack(app, "Shared", env=elsewhere), "Provider")
    with pytest.raises(ValueError, match=re.escape(message)):
        associated(BY_ID, Stack(app, "Web", env=IRELAND), provider=provider)
