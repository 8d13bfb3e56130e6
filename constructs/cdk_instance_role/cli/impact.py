"""What a deployment changes about the permissions of applications, and whom it concerns besides the targets."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from ..runtime.association.model import name_of
from .details import carrying
from .model import InstanceView, PermissionChange, ProfileView, counted
from .permissions import permission_change
from .profiles import KnownProfiles
from .role import Role
from .surroundings import Surroundings
from .template_roles import template_role
from .values import StackValues

_SHOWN = 5
"""Ids that a sentence names."""


class Impact:
    """Compares the roles that instances have now with those that they will have."""

    def __init__(self, around: Surroundings, profiles: KnownProfiles) -> None:
        self._around, self._profiles = around, profiles
        self._planned: dict[str, Role] = {}
        self._names: dict[str, str] = {}
        """Names of roles, by what people know them by."""

    def changes(self, rows: Sequence[InstanceView]) -> tuple[PermissionChange, ...]:
        """What the applications on these instances lose and gain, for each pair of roles."""
        pairs: dict[tuple[ProfileView, ProfileView], list[str]] = {}
        for row in rows:
            if row.current and row.planned:
                pairs.setdefault((row.current, row.planned), []).append(row.id)
        compared = (self._change(*pair, ids) for pair, ids in pairs.items())
        return tuple(change for change in compared if change)

    def others(self, changes: Iterable[PermissionChange], targets: set[str]) -> Iterator[str]:
        """Who else has a role whose policies change, in sentences."""
        for change in changes:
            if change.before != change.after:
                continue
            what = f"other instances with role {change.after}"
            found = self._around.sight.of(what, partial(self._carrying, self._names[change.after]), dict[str, str]())
            if others := sorted(found.keys() - targets):
                more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
                yield (
                    f"{counted(len(others), 'other instance')} with role {change.after}, whose policies change, too: "
                    f"{', '.join(others[:_SHOWN])}{more}"
                )

    def _change(self, current: ProfileView, planned: ProfileView, ids: Sequence[str]) -> PermissionChange | None:
        before_arn, after_arn = self._profiles.role_arn(current), self._profiles.role_arn(planned)
        if before_arn is None or after_arn is None:
            return None
        if planned.role:
            self._names[planned.role] = name_of(after_arn)
        to_come = self._around.role_to_come(after_arn)
        if before_arn == after_arn and to_come is None:
            return None
        before = self._live_role(before_arn)
        after = self._template_role(after_arn, *to_come) if to_come else self._live_role(after_arn)
        found = permission_change(before, after, ids)
        nothing = not (found.policies_lost or found.policies_gained or found.actions_lost or found.actions_gained)
        if before_arn == after_arn and nothing:
            return None
        return replace(found, before=current.role or before.name, after=planned.role or after.name)

    def _live_role(self, arn: str) -> Role:
        found = self._around.roles.role(name_of(arn))
        for sentence in found.unknown:
            self._around.sight.miss(sentence)
        return found

    def _template_role(self, arn: str, values: StackValues, logical_id: str) -> Role:
        if arn not in self._planned:
            policy = self._around.roles.policy
            self._planned[arn] = template_role(logical_id, values.template, values.resolve, policy)
        return self._planned[arn]

    def _carrying(self, role: str) -> dict[str, str]:
        pages: Any = self._around.aws.iam.get_paginator("list_instance_profiles_for_role").paginate(RoleName=role)
        arns = [profile["Arn"] for page in pages for profile in page["InstanceProfiles"]]
        return carrying(self._around.aws.ec2, arns)
