"""What clients know of AWS. To make a client takes long, since it gets a method for every operation of its service. So
the models of services are left with what somebody here asks for."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.loaders import Loader

OPERATIONS: Mapping[str, frozenset[str]] = {
    "cloudformation": frozenset({"DescribeStacks", "GetTemplate", "ListExports", "ListStackResources"}),
    "dynamodb": frozenset({"BatchGetItem", "GetItem", "Query"}),
    "ec2": frozenset(
        {
            "DescribeIamInstanceProfileAssociations",
            "DescribeInstanceAttribute",
            "DescribeInstances",
            "DescribeRegions",
        }
    ),
    "iam": frozenset(
        {
            "GetInstanceProfile",
            "GetPolicy",
            "GetPolicyVersion",
            "GetRole",
            "GetRolePolicy",
            "ListAttachedRolePolicies",
            "ListInstanceProfilesForRole",
            "ListRolePolicies",
        }
    ),
}
"""All operations that the clients of these services have. So they can't change anything."""
_AS_THEY_ARE: Mapping[str, frozenset[str]] = {"dynamodb": frozenset({"AttributeMap"})}
"""Structures that are passed on as they stand in the JSON. A ledger has no binary values, which would be decoded."""


def load_short_models(session: botocore.session.Session) -> None:
    """Let the clients of a session know only what is asked for."""
    session.register_component("data_loader", _short_models())


@cache
def _short_models() -> Loader:
    """One loader for all sessions: a process that runs several commands reads each model once."""
    return _ShortModels(include_default_search_paths=True)


class _ShortModels(Loader):
    """Loads the models of services, without the operations that nobody calls."""

    def load_service_model(self, service_name: str, type_name: str, api_version: str | None = None) -> Any:
        """A model. Shapes that it does not have any more are no reason to fail."""
        model = super().load_service_model(service_name, type_name, api_version)
        if type_name == "service-2":
            shapes, operations = model["shapes"], model["operations"]
            for name in operations.keys() - OPERATIONS.get(service_name, operations.keys()):
                operations.pop(name, None)  # sessions of other threads have the same model
            for name in _AS_THEY_ARE.get(service_name, frozenset()) & shapes.keys():
                shapes[name] = {"type": "structure", "members": {}, "document": True}
        return model
