"""What people want to know of an instance, and the handler does not: its name, whose it is, how it gets credentials."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from ...runtime.association.aws.instances import IDS_PER_CALL
from ...runtime.association.aws.paged_reads import PAGE_SIZE
from ...runtime.association.batch import chunks

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client


DETAILS = (
    "MetadataOptions.HttpEndpoint",
    "MetadataOptions.HttpPutResponseHopLimit",
    "Operator.Managed",
    "Operator.Principal",
    "RootDeviceType",
)
"""Members of an instance that are read for this, beside those that the handler reads."""


@dataclass(frozen=True, slots=True)
class Details:
    """One instance, as EC2 describes it."""

    tags: Mapping[str, str] = field(default_factory=dict)
    metadata: bool = True
    """Its metadata service is on, by which applications get the role's credentials."""
    hops: int | None = None
    """How far its metadata service answers; None if it is not known."""
    operator: str | None = None
    """The AWS service that manages the instance, if EC2 names one."""
    ebs: bool = True
    """Its root volume is in EBS."""

    @property
    def name(self) -> str:
        return self.tags.get("Name", "")

    @property
    def sorted_tags(self) -> tuple[tuple[str, str], ...]:
        """The tags by their keys."""
        return tuple(sorted(self.tags.items()))


class DescribedInstances:
    """What EC2 has said of instances. It is read from answers that somebody else asks for, too: parsing thousands of
    instances twice would take most of the time of a look."""

    def __init__(self, ec2: "EC2Client") -> None:
        """
        Args:
            ec2: client for reading.
        """
        self._ec2 = ec2
        self._known: dict[str, Details] = {}

    @property
    def ec2(self) -> "EC2Client":
        """The client, which tells what it reads of instances."""
        return cast("EC2Client", _RecordingClient(self._ec2, self._remember))

    def of(self, ids: Iterable[str]) -> dict[str, Details]:
        """The instances that EC2 knows, by id.

        Args:
            ids: the instances.
        """
        wanted = [*ids]
        for instance in _described(self._ec2, "instance-id", (id_ for id_ in wanted if id_ not in self._known)):
            self._remember(instance)
        return {id_: self._known[id_] for id_ in wanted if id_ in self._known}

    def _remember(self, instance: Any) -> None:
        self._known[instance["InstanceId"]] = _details(instance)


class _RecordingClient:
    """A client that tells of every instance that it reads."""

    def __init__(self, ec2: "EC2Client", record: Callable[[Any], None]) -> None:
        self._ec2, self._record = ec2, record

    def describe_instances(self, **parameters: Any) -> Any:
        answer = self._ec2.describe_instances(**parameters)
        for instance in _instances(answer):
            self._record(instance)
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ec2, name)


def _details(instance: Any) -> Details:
    options, operator = instance.get("MetadataOptions", {}), instance.get("Operator", {})
    return Details(
        tags={tag["Key"]: tag["Value"] for tag in instance.get("Tags", ())},
        metadata=options.get("HttpEndpoint") != "disabled",
        hops=options.get("HttpPutResponseHopLimit"),
        operator=operator.get("Principal", "an AWS service") if operator.get("Managed") else None,
        ebs=instance.get("RootDeviceType") != "instance-store",
    )


def carrying(ec2: "EC2Client", profile_arns: Iterable[str]) -> dict[str, str]:
    """Profile that instances carry, by the instance's id: of those that carry one of these."""
    found = _described(ec2, "iam-instance-profile.arn", profile_arns)
    carried = ((instance["InstanceId"], instance.get("IamInstanceProfile")) for instance in found)
    return {id_: profile["Arn"] for id_, profile in carried if profile}


def _described(ec2: "EC2Client", name: str, values: Iterable[str]) -> Iterator[Any]:
    """The instances that a filter with any of these values lets through."""
    for chunk in chunks(values, IDS_PER_CALL):
        filters: Any = [{"Name": name, "Values": chunk}]
        size: Any = {"PageSize": PAGE_SIZE}
        for page in ec2.get_paginator("describe_instances").paginate(Filters=filters, PaginationConfig=size):
            yield from _instances(page)


def _instances(page: Any) -> Iterator[Any]:
    return (instance for reservation in page["Reservations"] for instance in reservation["Instances"])
