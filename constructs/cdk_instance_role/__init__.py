"""IAM roles for EC2 instances that already run, as AWS CDK constructs.

Example:
    ::

        role = InstanceRole(self, "Web", managed_policies=["AmazonS3ReadOnlyAccess"])
        role.associate_with("Fleet", InstanceSelection.by_tags({"app": ["web"], "env": ["prod"]}))
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .association import InstanceProfileAssociation
    from .enforcement import Enforcement
    from .instance_role import InstanceRole
    from .provider import AssociationProvider
    from .replaceable import ReplaceableProfiles
    from .rollout import Rollout
    from .runtime.association.contract import OnConflict
    from .selection import InstanceSelection

__all__ = [
    "AssociationProvider",
    "Enforcement",
    "InstanceProfileAssociation",
    "InstanceRole",
    "InstanceSelection",
    "OnConflict",
    "ReplaceableProfiles",
    "Rollout",
]

_MODULES = {
    "AssociationProvider": "provider",
    "Enforcement": "enforcement",
    "InstanceProfileAssociation": "association",
    "InstanceRole": "instance_role",
    "InstanceSelection": "selection",
    "OnConflict": "runtime.association.contract",
    "ReplaceableProfiles": "replaceable",
    "Rollout": "rollout",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use: the runtime below this package must import without aws_cdk."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
