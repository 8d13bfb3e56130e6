"""What a role may do, as far as its policies say it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


def key_of(name: str, arn: str = "") -> str:
    """What tells a policy of a role apart from the others.

    Args:
        name: its name.
        arn: ARN of a managed policy; empty for an inline policy.
    """
    return arn or f"inline policy {name}"


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy with what it says."""

    name: str
    document: Mapping[str, Any]
    inline: bool = False
    """Whether it is part of the role, rather than a managed policy that others may have too."""
    arn: str = field(default="", compare=False)
    """ARN of a managed policy; empty if it is not known."""

    @property
    def key(self) -> str:
        """What tells it apart from other policies of a role."""
        return key_of(self.name) if self.inline else self.arn or self.name

    @property
    def label(self) -> str:
        """Its name for people."""
        return f"{self.name} (inline)" if self.inline else self.name


@dataclass(frozen=True, slots=True)
class Role:
    """A role with its policies. Its trust policy is a matter of the deployment, not of what applications may do."""

    name: str
    policies: tuple[Policy, ...]
    boundary: Policy | None = None
    """Its permissions boundary, which gives no rights and takes all those that it does not give itself."""
    unknown: tuple[str, ...] = ()
    """What could not be read, in sentences."""
