"""What people want to know of an instance, and the handler does not: its name, whose it is, how it gets credentials."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...runtime.association.aws.instances import IDS_PER_CALL
from ...runtime.association.aws.paged_reads import PAGE_SIZE
from ...runtime.association.batch import chunks

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client


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


def details(ec2: "EC2Client", ids: Iterable[str]) -> dict[str, Details]:
    """The instances that EC2 knows, by id."""
    return {instance["InstanceId"]: _details(instance) for instance in _described(ec2, "instance-id", ids)}


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
            for reservation in page["Reservations"]:
                yield from reservation["Instances"]
