"""One role for existing instances, as a stack."""

from collections import Counter
from typing import Any

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk_instance_role import (
    AssociationProvider,
    Enforcement,
    InstanceRole,
    InstanceSelection,
    OnConflict,
    ReplaceableProfiles,
    Rollout,
)

from .company_rules import apply_to_all_resources, new_provider
from .config import EnforcementEntry, ProfileEntry, RoleEntry, RolloutEntry
from .mistakes import about_key


class InstanceRoleStack(Stack):
    """A role, its instance profile, and the association with the instances of one entry of the context."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        entry: RoleEntry,
        provider: AssociationProvider | None = None,
        **stack_props: Any,
    ) -> None:
        """
        Args:
            scope: parent construct.
            id: id within the parent, and the name of the stack.
            entry: what the stack is about.
            provider: the provider that several stacks share. Default: one in this stack, with the entry's settings.
            stack_props: further properties of `Stack`.

        Raises:
            ValueError: the library refuses something in the entry; a `KeyRefusedError` names its key.
        """
        super().__init__(scope, id, **stack_props)
        if entry.settings:
            provider = provider or new_provider(self, entry.settings)
            apply_to_all_resources(self, entry.settings)
        with about_key("managed_policies"):
            role = InstanceRole(self, "InstanceRole", managed_policies=entry.managed_policies)
        with about_key("instance_ids" if entry.instance_tags is None else "instance_tags"):
            selection = _selection(entry)
        with about_key("replaces"):
            replaces = self._replaceable(entry)
        with about_key("rollout"):
            rollout = self._rollout(entry.rollout)
        with about_key("enforcement"):
            enforcement = _enforcement(entry)
        association = role.associate_with(
            "Association",
            selection,
            replaces=replaces,
            on_conflict=OnConflict(entry.on_conflict.upper()),
            timeout=_minutes(entry.timeout_minutes),
            rollout=rollout,
            enforcement=enforcement,
            provider=provider,
        )
        CfnOutput(self, "RoleArn", value=role.role.role_arn)
        CfnOutput(self, "InstanceProfileArn", value=role.instance_profile.instance_profile_arn)
        CfnOutput(self, "AssociatedCount", value=association.associated_count)
        CfnOutput(self, "ReplacedCount", value=association.replaced_count)
        CfnOutput(self, "KeptCount", value=association.kept_count)

    def _replaceable(self, entry: RoleEntry) -> ReplaceableProfiles:
        if entry.replaces == "*":
            return ReplaceableProfiles.any()
        if not entry.listed:
            return ReplaceableProfiles.none()
        names = Counter(profile.name for profile in entry.listed)
        profiles = ((profile, names[profile.name] > 1) for profile in entry.listed)
        return ReplaceableProfiles.profiles(*(self._imported(profile, ambiguous) for profile, ambiguous in profiles))

    def _rollout(self, entry: RolloutEntry | None) -> Rollout:
        if entry is None:
            return Rollout.all_at_once()
        alarms = [
            # An id must not hold a slash, which the name of an alarm may.
            cloudwatch.Alarm.from_alarm_name(self, f"Alarm{number}", name)
            for number, name in enumerate(entry.alarms)
        ]
        as_they_are = entry.model_dump(exclude_unset=True, exclude={"bake_minutes", "alarms"})
        return Rollout.in_waves(bake=_minutes(entry.bake_minutes), alarms=alarms, **as_they_are)

    def _imported(self, profile: ProfileEntry, ambiguous: bool) -> iam.IInstanceProfile:
        # A slash would end the id.
        name = profile.path_and_name.replace("/", ":") if ambiguous else profile.name
        return iam.InstanceProfile.from_instance_profile_attributes(
            self,
            f"Replaces{name}",
            instance_profile_arn=self._iam_arn("instance-profile", profile.instance_profile),
            role=iam.Role.from_role_arn(self, f"RoleIn{name}", self._iam_arn("role", profile.role), mutable=False),
        )

    def _iam_arn(self, resource: str, name: str) -> str:
        if name.startswith("arn:"):
            return name
        return self.format_arn(service="iam", region="", resource=resource, resource_name=name)


def _minutes(number: float | None) -> Duration | None:
    return None if number is None else Duration.minutes(number)


def _enforcement(entry: RoleEntry) -> Enforcement:
    if entry.enforcement is None:
        return Enforcement.none()
    enforcement = EnforcementEntry.of(entry.enforcement)
    every = _minutes(enforcement.every_minutes)
    if enforcement.mode == "report":
        return Enforcement.report(every)
    return Enforcement.repair(every, **enforcement.model_dump(include={"max_changes"}, exclude_none=True))


def _selection(entry: RoleEntry) -> InstanceSelection:
    if entry.instance_tags is not None:
        return InstanceSelection.by_tags(entry.instance_tags)
    return InstanceSelection.by_ids(*(entry.instance_ids or ()))
