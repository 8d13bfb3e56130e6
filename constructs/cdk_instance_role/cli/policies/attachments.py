"""The policies that the resources of a template give to roles."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..iam.role import key_of
from ..template.replacement import INLINE_POLICY, MANAGED_POLICY, ROLE, ROLE_POLICY

ROLES_OF = {INLINE_POLICY: "Roles", ROLE_POLICY: "RoleName", MANAGED_POLICY: "Roles"}
"""Resources that are policies, and the property that names their roles."""
POLICY_TYPES = frozenset({ROLE, *ROLES_OF})
"""Resources that give policies to roles."""

Key = tuple[str, str]
"""Name of a role, and what tells a policy apart from its others."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A policy that a resource gives to a role."""

    role: str
    """Name of the role."""
    name: str
    """Name of the policy."""
    arn: str = ""
    """ARN of a managed policy; empty for an inline policy."""
    document: Any = None
    """Document of an inline policy, as the template has it."""

    @property
    def key(self) -> Key:
        return self.role, key_of(self.name, self.arn)


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that a resource says about policies and that can't be read."""

    sentence: str
    value: Any
    """Equal for two that come to the same, as far as that is known."""
    of_known_roles: bool = False
    """It is only about the roles that the resource is known to give policies to. Others may be meant otherwise."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one resource says about the policies of roles."""

    attachments: Mapping[Key, Attachment] = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()
    role: str | None = None
    """Name of the role that it is."""
    boundary: Attachment | None = None
    """The permissions boundary of that role."""
    boundary_gaps: tuple[Gap, ...] = ()
    """Why it may have another one."""
    managed: str | None = None
    """ARN of the managed policy that it is."""

    def of(self, role: str) -> dict[Key, Attachment]:
        """The policies that it gives to a role."""
        return {key: one for key, one in self.attachments.items() if one.role == role}

    def gaps_of(self, role: str) -> Iterator[Gap]:
        """What can't be read and may be about a role."""
        if self.role in (None, role):
            gaps = (*self.gaps, *self.boundary_gaps)
            yield from (gap for gap in gaps if not gap.of_known_roles or self.role or self.of(role))
