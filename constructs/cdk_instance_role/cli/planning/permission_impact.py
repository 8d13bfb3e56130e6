"""What a deployment changes about the permissions of applications, and whom it concerns besides the targets."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from ...runtime.association.arn import name_of
from ..aws.instance_details import carrying
from ..iam.permission_changes import compare
from ..iam.role import Role
from ..live.environment import Environment
from ..model import InstanceView, PermissionChange, ProfileView, counted, unique
from ..policies.role_changes import RoleChange
from ..template.iam_resources import MADE_UP
from .profile_views import KnownProfiles

_SHOWN = 5
"""Ids that a sentence names."""


class Impact:
    """Compares the roles that instances have now with those that they will have."""

    def __init__(self, environment: Environment, profiles: KnownProfiles) -> None:
        self._environment, self._profiles = environment, profiles
        self._changed: dict[str, RoleChange] = {}
        """Roles after the deployment, by their names."""
        self._names: dict[str, str] = {}
        """Names of roles whose policies change, by what people know them by."""

    def changes(self, rows: Sequence[InstanceView]) -> tuple[PermissionChange, ...]:
        """What the applications on these instances lose and gain, for each pair of roles."""
        pairs: dict[tuple[ProfileView, ProfileView], list[str]] = {}
        for row in rows:
            if row.current and row.planned:
                pairs.setdefault((row.current, row.planned), []).append(row.id)
        compared = (self._change(*pair, ids) for pair, ids in pairs.items())
        return tuple(change for change in compared if change)

    def problems(self, rows: Iterable[InstanceView]) -> Iterator[str]:
        """Why CloudFormation would refuse what these instances will have, in sentences."""
        for profile in dict.fromkeys(row.planned for row in rows if row.planned):
            name = self._planned_role(profile)
            if name is None or not self._environment.deployment.touches(name):
                continue
            for arn in self._after(name).missing:
                yield f"policy {arn} does not exist, so that it can't be attached to role {profile.role or name}"

    def others(self, changes: Iterable[PermissionChange], targets: set[str]) -> Iterator[str]:
        """Who else has a role whose policies change, in sentences."""
        for change in changes:
            if change.before != change.after or change.after not in self._names:
                continue
            what = f"other instances with role {change.after}"
            found = self._environment.reader.fetch(
                what, partial(self._carrying, self._names[change.after]), dict[str, str]()
            )
            if others := sorted(found.keys() - targets):
                more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
                yield (
                    f"{counted(len(others), 'other instance')} with role {change.after}, whose policies change, too: "
                    f"{', '.join(others[:_SHOWN])}{more}"
                )

    def _change(self, current: ProfileView, planned: ProfileView, ids: Sequence[str]) -> PermissionChange | None:
        before_arn, after_name = self._profiles.role_arn(current), self._planned_role(planned)
        if before_arn is None or after_name is None:
            return None
        before_name = name_of(before_arn)
        same = before_name == after_name
        if same and not self._environment.deployment.touches(after_name):
            return None
        if same:
            self._names[planned.role or after_name] = after_name
        before, change = self._live_role(before_name), self._after(after_name)
        for sentence in change.unread:
            self._environment.reader.record_gap(self._environment.text(f"role {after_name}: {sentence}"))
        found = compare(before, change.role, ids)
        nothing = not (found.policies_lost or found.policies_gained or found.actions_lost or found.actions_gained)
        if same and nothing and not change.notes and change.role.unknown == before.unknown:
            return None
        at_once = [_not_at_once(planned.name)] if current == planned and not same else []
        # One role of a construct may take the place of another.
        before_label = before_name if not same and current.role == planned.role else current.role or before_name
        notes = unique([*at_once, *change.notes, *found.notes])
        return self._in_words(replace(found, before=before_label, after=planned.role or after_name, notes=notes))

    def _in_words(self, change: PermissionChange) -> PermissionChange:
        """The change with the names of what is not there yet in words."""
        policies = (change.policies_lost, change.policies_gained, change.actions_lost, change.actions_gained)
        lost, gained, fewer, more = (tuple(map(self._words, texts)) for texts in policies)
        notes = tuple(map(self._words, change.notes))
        return replace(
            change, policies_lost=lost, policies_gained=gained, actions_lost=fewer, actions_gained=more, notes=notes
        )

    def _words(self, text: str) -> str:
        return self._environment.text(text) if MADE_UP in text else text

    def _planned_role(self, profile: ProfileView) -> str | None:
        """Name of the role that a profile will hold; None if it is not known."""
        arn = self._profiles.role_arn(profile)
        return (profile.arn and self._environment.role_in(profile.arn)) or (arn and name_of(arn))

    def _after(self, name: str) -> RoleChange:
        if name not in self._changed:
            deployment = self._environment.deployment
            live = Role(name, ()) if deployment.creates(name) else self._live_role(name)
            self._changed[name] = deployment.after(live, self._environment.roles)
        return self._changed[name]

    def _live_role(self, name: str) -> Role:
        found = self._environment.roles.role(name)
        for sentence in found.unknown:
            self._environment.reader.record_gap(sentence)
        return found

    def _carrying(self, role: str) -> dict[str, str]:
        pages: Any = self._environment.aws.iam.get_paginator("list_instance_profiles_for_role").paginate(RoleName=role)
        arns = [profile["Arn"] for page in pages for profile in page["InstanceProfiles"]]
        return carrying(self._environment.aws.ec2, arns)


def _not_at_once(profile: str) -> str:
    return (
        f"the role inside instance profile {profile} changes: "
        "instances may keep the permissions of the former role for an hour or longer"
    )
