"""What clients know of AWS, and how they read its answers.

Reading takes most of the time of a look at thousands of instances, and botocore reads every member that the model of a
service has. To make a client takes long, too, since it gets a method for every operation. So the models are left with
what somebody here asks for.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import botocore.session
from botocore.loaders import Loader
from botocore.utils import parse_timestamp

from .ec2_answers import QuickParsers

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
_KEPT: Mapping[str, Mapping[str, frozenset[str]]] = {
    "ec2": {
        "Instance": frozenset(
            {
                "IamInstanceProfile",
                "InstanceId",
                "MetadataOptions",
                "NetworkInterfaces",
                "Operator",
                "Placement",
                "RootDeviceType",
                "State",
                "Tags",
            }
        ),
        "InstanceNetworkInterface": frozenset({"Attachment"}),
        "InstanceNetworkInterfaceAttachment": frozenset({"AttachTime", "DeviceIndex"}),
        "InstanceMetadataOptionsResponse": frozenset({"HttpEndpoint", "HttpPutResponseHopLimit"}),
        "InstanceState": frozenset({"Name"}),
        "Placement": frozenset({"AvailabilityZone"}),
        "Reservation": frozenset({"Instances"}),
    },
}
"""Members that are read, by the shapes of the services that answer most."""
_AS_THEY_ARE: Mapping[str, frozenset[str]] = {"dynamodb": frozenset({"AttributeMap"})}
"""Structures that are passed on as they stand in the JSON. A ledger has no binary values, which would be decoded."""


class _ShortModels(Loader):
    """Loads the models of services, without the operations that nobody calls, and the members that nobody reads."""

    def load_service_model(self, service_name: str, type_name: str, api_version: str | None = None) -> Any:
        """A model. Shapes that it does not have any more are no reason to fail."""
        model = super().load_service_model(service_name, type_name, api_version)
        if type_name == "service-2":
            shapes, operations = model["shapes"], model["operations"]
            for name in operations.keys() - OPERATIONS.get(service_name, operations.keys()):
                del operations[name]
            for name, kept in _KEPT.get(service_name, {}).items():
                if name in shapes:
                    shapes[name]["members"] = {key: one for key, one in shapes[name]["members"].items() if key in kept}
            for name in _AS_THEY_ARE.get(service_name, frozenset()) & shapes.keys():
                shapes[name] = {"type": "structure", "members": {}, "document": True}
        return model


def read_quickly(session: botocore.session.Session) -> None:
    """Let the clients of a session read answers quickly."""
    session.register_component("data_loader", _ShortModels(include_default_search_paths=True))
    session.register_component("response_parser_factory", QuickParsers(_moment))


def _moment(value: Any) -> datetime:
    """A point in time. botocore understands all forms, and takes long for those that Python knows, too."""
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return parse_timestamp(value)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
