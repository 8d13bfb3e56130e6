"""Which resources CloudFormation keeps, and which it puts others in the place of, as its documentation says:
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-instance.html
"""

from collections.abc import Callable, Mapping
from typing import Any

INSTANCE, ROLE, PROFILE = "AWS::EC2::Instance", "AWS::IAM::Role", "AWS::IAM::InstanceProfile"
INLINE_POLICY, MANAGED_POLICY, ROLE_POLICY = "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"
ALARM, COMPOSITE_ALARM = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"

_IDENTITY = {
    ROLE: frozenset({"Path", "RoleName"}),
    PROFILE: frozenset({"Path", "InstanceProfileName"}),
    MANAGED_POLICY: frozenset({"Description", "ManagedPolicyName", "Path"}),
    ROLE_POLICY: frozenset({"PolicyName", "RoleName"}),
    ALARM: frozenset({"AlarmName"}),
    COMPOSITE_ALARM: frozenset({"AlarmName"}),
    INSTANCE: frozenset(
        {
            "AvailabilityZone",
            "CpuOptions",
            "ElasticGpuSpecifications",
            "ElasticInferenceAccelerators",
            "EnclaveOptions",
            "HibernationOptions",
            "HostResourceGroupArn",
            "ImageId",
            "Ipv6AddressCount",
            "Ipv6Addresses",
            "KeyName",
            "LaunchTemplate",
            "LicenseSpecifications",
            "NetworkInterfaces",
            "PlacementGroupName",
            "PrivateIpAddress",
            "SecurityGroups",
            "SubnetId",
        }
    ),
}
"""Properties that CloudFormation can't change in a resource that exists."""

_DOUBTFUL = frozenset({"Affinity", "BlockDeviceMappings", "HostId", "PrivateDnsNameOptions", "Tenancy"})
"""Properties of an instance some changes of which can be made, and others not."""
_STORED = frozenset({"AdditionalInfo", "EbsOptimized", "InstanceType", "KernelId", "RamdiskId", "UserData"})
"""Properties of an instance that can be changed while it is stopped, which it can be if its root volume is in EBS."""

DELETION, REPLACEMENT = "DeletionPolicy", "UpdateReplacePolicy"
"""Attributes that say what becomes of a resource: of one that leaves the template, and of one that is replaced."""
_RETAINED = ("Retain", "RetainExceptOnCreate")
"""Values of these that leave the resource as it is."""

Resource = Mapping[str, Any]


def is_retained(resource: Resource, attribute: str, resolve: Callable[[Any], Any]) -> bool:
    """Whether a resource stays as it is although it leaves the template, or is replaced.

    Args:
        resource: the resource, as the template has it.
        attribute: `DELETION` or `REPLACEMENT`.
        resolve: turns a value of the template into a plain one, or raises `UnresolvedError`.

    Raises:
        UnresolvedError: that is not known before the deployment.
    """
    return resolve(resource.get(attribute)) in _RETAINED


def is_replaced(before: Resource | None, after: Resource) -> bool:
    """Whether another resource takes the place of the deployed one of the same logical id."""
    if before is None or before.get("Type") != after.get("Type"):
        return True
    return bool(_changed(before, after) & _IDENTITY.get(after["Type"], frozenset()))


def doubts(before: Resource, after: Resource, *, ebs: bool) -> list[str]:
    """The changed properties for which another instance may have to take the place of the deployed one.

    Args:
        before: the instance as it is deployed.
        after: the instance as it will be.
        ebs: its root volume is in EBS.
    """
    return sorted(_changed(before, after) & (_DOUBTFUL if ebs else _DOUBTFUL | _STORED))


def _changed(before: Resource, after: Resource) -> set[str]:
    """The properties that differ, as they are written: what they come to may be the same."""
    old, new = _properties(before), _properties(after)
    return {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}


def _properties(resource: Resource) -> Mapping[str, Any]:
    found = resource.get("Properties")
    return found if isinstance(found, Mapping) else {}
