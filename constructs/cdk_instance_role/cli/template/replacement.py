"""Which resources CloudFormation keeps, and which it puts others in the place of, as its documentation says:
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-instance.html
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .deployed_stack import DeployedStack
from .intrinsic_functions import UnresolvedError, as_text, value_or

INSTANCE, ROLE, PROFILE = "AWS::EC2::Instance", "AWS::IAM::Role", "AWS::IAM::InstanceProfile"
INLINE_POLICY, MANAGED_POLICY, ROLE_POLICY = "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"
ALARM, COMPOSITE_ALARM = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"
FUNCTION = "AWS::Lambda::Function"

_IDENTITY = {
    ROLE: frozenset({"Path", "RoleName"}),
    PROFILE: frozenset({"Path", "InstanceProfileName"}),
    MANAGED_POLICY: frozenset({"Description", "ManagedPolicyName", "Path"}),
    ROLE_POLICY: frozenset({"PolicyName", "RoleName"}),
    ALARM: frozenset({"AlarmName"}),
    COMPOSITE_ALARM: frozenset({"AlarmName"}),
    FUNCTION: frozenset({"FunctionName", "PackageType"}),
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
Resolve = Callable[[Any], Any]
"""Turns a value of a template into a plain one, or raises `UnresolvedError`."""


def as_written(value: Any) -> Any:
    """The value as it is, for templates whose values are not resolved."""
    return value


def is_retained(resource: Resource, attribute: str, resolve: Resolve) -> bool:
    """Whether a resource stays as it is although it leaves the template, or is replaced.

    Args:
        resource: the resource, as the template has it.
        attribute: `DELETION` or `REPLACEMENT`.
        resolve: turns a value of the template into a plain one, or raises `UnresolvedError`.

    Raises:
        UnresolvedError: that is not known before the deployment.
    """
    return resolve(resource.get(attribute)) in _RETAINED


class KeptResources(Mapping[str, str]):
    """Physical ids of the deployed resources that stay what they are, by logical id.

    A resource is compared when it is asked for: its properties may refer to other resources, and to stacks that depend
    on this one.
    """

    def __init__(
        self, resources: Mapping[str, Any], deployed: DeployedStack | None, was: Resolve, will_be: Resolve
    ) -> None:
        """
        Args:
            resources: the resources of the new template.
            deployed: the stack as it is deployed; None if it is not.
            was: resolves values of the deployed template.
            will_be: resolves values of the new template.
        """
        self._resources, self._deployed, self._was, self._will_be = resources, deployed, was, will_be
        self._physical = deployed.physical_ids if deployed else {}
        self._kept: dict[str, bool] = {}

    def __contains__(self, logical_id: object) -> bool:
        return logical_id in self._physical and logical_id in self._resources and self._is_kept(str(logical_id))

    def __getitem__(self, logical_id: str) -> str:
        if logical_id not in self:
            raise KeyError(logical_id)
        return self._physical[logical_id]

    def __iter__(self) -> Iterator[str]:
        return filter(self.__contains__, self._physical)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def sets(self, logical_id: str, name: str) -> bool:
        """Whether CloudFormation sets a property: it creates the resource, or the value differs from the deployed one.

        Args:
            logical_id: a resource of the new template.
            name: name of the property.
        """
        if self._deployed is None or logical_id not in self:
            return True
        before, after = self._deployed.resource(logical_id) or {}, self._resources[logical_id]
        return bool(_changed(before, after, frozenset({name}), self._was, self._will_be))

    def may_set(self, logical_id: str, name: str) -> bool:
        """The same, or the last update has failed: then it may not have set what the deployed template has."""
        return self.sets(logical_id, name) or (self._deployed is not None and self._deployed.has_failed_update)

    def _is_kept(self, logical_id: str) -> bool:
        if logical_id not in self._kept:
            assert self._deployed
            before, after = self._deployed.resource(logical_id), self._resources[logical_id]
            self._kept[logical_id] = not is_replaced(before, after)  # for properties that refer to the resource itself
            self._kept[logical_id] = not is_replaced(before, after, self._was, self._will_be)
        return self._kept[logical_id]


def is_replaced(
    before: Resource | None, after: Resource, was: Resolve = as_written, will_be: Resolve = as_written
) -> bool:
    """Whether another resource takes the place of the deployed one of the same logical id.

    Args:
        before: the resource as it is deployed; None if it is not.
        after: the resource as it will be.
        was: resolves values of the deployed template. Default: they are compared as they are written.
        will_be: resolves values of the new template. Default: the same.
    """
    if before is None or before.get("Type") != after.get("Type"):
        return True
    return bool(_changed(before, after, _IDENTITY.get(str(after.get("Type")), frozenset()), was, will_be))


def has_other_provider(before: Resource, after: Resource, was: Resolve, will_be: Resolve) -> bool:
    """Whether the service token of a custom resource changes, which CloudFormation refuses.

    Args:
        before: the custom resource as it is deployed.
        after: the custom resource as it will be.
        was: resolves values of the deployed template.
        will_be: resolves values of the new template.

    Raises:
        UnresolvedError: that is not known before the deployment.
    """
    old, new = (_properties(one).get("ServiceToken") for one in (before, after))
    try:
        return bool(_value(old, was) != _value(new, will_be))
    except UnresolvedError:
        if old != new:
            raise
        return False


def doubts(
    before: Resource, after: Resource, was: Resolve = as_written, will_be: Resolve = as_written, *, ebs: bool
) -> list[str]:
    """The changed properties for which another instance may have to take the place of the deployed one.

    Args:
        before: the instance as it is deployed.
        after: the instance as it will be.
        was: resolves values of the deployed template. Default: they are compared as they are written.
        will_be: resolves values of the new template. Default: the same.
        ebs: its root volume is in EBS.
    """
    return sorted(_changed(before, after, _DOUBTFUL if ebs else _DOUBTFUL | _STORED, was, will_be))


def _changed(before: Resource, after: Resource, names: frozenset[str], was: Resolve, will_be: Resolve) -> set[str]:
    """Those of the named properties that differ."""
    old, new = _properties(before), _properties(after)
    return {name for name in names if _differ(old.get(name), new.get(name), was, will_be)}


def _differ(before: Any, after: Any, was: Resolve, will_be: Resolve) -> bool:
    """Whether two values come to different ones. Where one of them is not known, whether they are written
    differently."""
    try:
        return bool(_value(before, was) != _value(after, will_be))
    except UnresolvedError:
        return bool(before != after)


def _value(value: Any, resolve: Resolve) -> Any:
    try:
        found = resolve(value) if isinstance(value, Mapping | list) else value
    except UnresolvedError as error:
        found = error.identity
        if found is None:
            raise
    found = value_or(found, None)
    return None if found is None else as_text(found)


def _properties(resource: Resource) -> Mapping[str, Any]:
    found = resource.get("Properties")
    return found if isinstance(found, Mapping) else {}
