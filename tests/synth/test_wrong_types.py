"""An argument of a wrong type is refused with one sentence, and not somewhere inside the CDK."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import Duration, Token

from cdk_instance_role import (
    AssociationProvider,
    Enforcement,
    InstanceRole,
    InstanceSelection,
    ReplaceableProfiles,
    Rollout,
)
from tests.synth.builders import BY_ID, associated, new_stack

A_NUMBER_TOKEN = Token.as_number({"Ref": "Parameter"})
PROFILE = "give the instance_profile of an InstanceRole, or an imported one, like iam.InstanceProfile."
POLICY = "give a managed policy, like iam.ManagedPolicy.from_aws_managed_policy_name(...)"


def role(**props: Any) -> None:
    InstanceRole(new_stack(), "Web", **props)


def provider(**props: Any) -> None:
    AssociationProvider(new_stack(), "Provider", **props)


def by_tags(**props: Any) -> None:
    InstanceSelection.by_tags(**props)


def rule(**props: Any) -> None:
    association = InstanceRole(new_stack(), "Web").associate_with("Fleet", BY_ID, enforcement=Enforcement.report())
    association.on_drift("Drift", **props)


def in_waves(**props: Any) -> None:
    Rollout.in_waves(**props)


@pytest.mark.parametrize(
    ("make", "name", "value", "message"),
    [
        (associated, "instances", None, "instances is None: give InstanceSelection.by_ids(...) or by_tags(...)"),
        (associated, "on_conflict", "KEEP", "on_conflict is 'KEEP': give OnConflict.FAIL or OnConflict.KEEP"),
        (associated, "on_conflict", None, "on_conflict is None: give OnConflict"),
        (associated, "removal_policy", "DESTROY", "removal_policy is 'DESTROY': give RemovalPolicy.DESTROY or RETAIN"),
        (associated, "timeout", 1800, "timeout is 1800: give a Duration like Duration.minutes(15)"),
        (associated, "timeout", Duration.millis(90_500), "timeout is 90.5 seconds: give a Duration in whole"),
        (associated, "timeout", Duration.seconds(A_NUMBER_TOKEN), "timeout is a token: give a Duration that is known"),
        (associated, "provider", "Provider", "provider is 'Provider': give an AssociationProvider of the app"),
        (associated, "rollout", {}, "rollout is {}: give Rollout.in_waves(...) or Rollout.all_at_once()"),
        (associated, "enforcement", "repair", "enforcement is 'repair': give Enforcement.report(...), repair(...) or"),
        (associated, "replaces", ["Old"], "replaces is ['Old']: give ReplaceableProfiles.profiles(...), none() or"),
        (role, "managed_policies", "ReadOnly", "managed_policies is 'ReadOnly': give a list of managed policies"),
        (role, "managed_policies", [5], f"a managed policy is 5: {POLICY}"),
        (role, "role", "Web", "role is 'Web': give a role, like iam.Role.from_role_name(...)"),
        (role, "inline_policies", ["a"], "inline_policies is ['a']: give a map of names to iam.PolicyDocument"),
        (role, "inline_policies", {"a": {}}, "inline_policies['a'] is {}: give iam.PolicyDocument"),
        (role, "inline_policies", {5: {}}, "a key of inline_policies is 5: give a name"),
        (role, "permissions_boundary", "Limit", f"permissions_boundary is 'Limit': {POLICY}"),
        (role, "role_name", 5, "role_name is 5: give 1 to 64 letters, digits or characters of _+=,.@-"),
        (role, "instance_profile_name", 5, "instance_profile_name is 5: give 1 to 128 letters, digits or"),
        (role, "description", 5, "description is 5: give a text"),
        (role, "description", "x" * 1001, "description has 1001 characters: give at most 1000"),
        (role, "former_ids", 5, "former_ids is 5: give a list of ids"),
        (provider, "vpc", "vpc-0abc", "vpc is 'vpc-0abc': give a VPC, like ec2.Vpc.from_vpc_attributes(...)"),
        (provider, "vpc_subnets", ["subnet-0a"], "vpc_subnets is ['subnet-0a']: give an ec2.SubnetSelection"),
        (provider, "security_groups", "sg-0a", "security_groups is 'sg-0a': give a list of security groups"),
        (provider, "security_groups", ["sg-0a"], "a security group is 'sg-0a': give one, like ec2.SecurityGroup(...)"),
        (provider, "encryption_key", "arn:", "encryption_key is 'arn:': give a key, like kms.Key.from_key_arn(...)"),
        (provider, "log_retention", 90, "log_retention is 90: give a RetentionDays, like ONE_YEAR"),
        (provider, "log_removal_policy", "RETAIN", "log_removal_policy is 'RETAIN': give a RemovalPolicy, like"),
        (provider, "runtime", "python3.13", "runtime is 'python3.13': give a Runtime, like Runtime.PYTHON_3_13"),
        (provider, "architecture", "arm64", "architecture is 'arm64': give Architecture.ARM_64 or X86_64"),
        (provider, "tracing", True, "tracing is True: give a Tracing, like Tracing.ACTIVE"),
        (provider, "ledger_removal_policy", "RETAIN", "ledger_removal_policy is 'RETAIN': give a RemovalPolicy, like"),
        (provider, "ledger_deletion_protection", 1, "ledger_deletion_protection is 1: give True or False"),
        (provider, "encrypt_queues", "yes", "encrypt_queues is 'yes': give True or False"),
        (provider, "reconcilers", 5, "reconcilers is 5: give a list of roles"),
        (by_tags, "tags", ["app"], "tags is ['app']: pass a map of keys with their values, like {'app': ['web']}"),
        (in_waves, "bake", "5m", "bake is '5m': give a Duration like Duration.minutes(5)"),
        (in_waves, "alarms", 5, "alarms is 5: give a list of alarms"),
        (rule, "target", "topic", "target is 'topic': give a target of aws_cdk.aws_events_targets, like"),
        (rule, "event_pattern", {}, "event_pattern is {}: give an EventPattern"),
    ],
)
def test_an_argument_of_a_wrong_type_is_refused(
    make: Callable[..., None], name: str, value: object, message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        make(**{name: value})


@pytest.mark.parametrize("profile", ["Old", ["Old"], 5, None], ids=str)
def test_a_replaceable_profile_of_a_wrong_type_is_refused(profile: Any) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(f'an instance profile is {profile!r}: {PROFILE}')}"):
        ReplaceableProfiles.profiles(profile)


def test_a_policy_that_is_added_later_is_checked_as_well() -> None:
    web = InstanceRole(new_stack(), "Web")
    policy: Any = 5
    with pytest.raises(ValueError, match=f"^{re.escape(f'a managed policy is 5: {POLICY}')}$"):
        web.add_managed_policy(policy)
    with pytest.raises(ValueError, match=r"^statement is 5: give an iam\.PolicyStatement$"):
        web.add_to_principal_policy(policy)


def test_an_unknown_metric_is_refused() -> None:
    association = InstanceRole(new_stack(), "Web").associate_with("Fleet", BY_ID)
    with pytest.raises(ValueError, match=r"^'Finished' is no metric of an association: give one of Targets, Done, "):
        association.metric("Finished")
