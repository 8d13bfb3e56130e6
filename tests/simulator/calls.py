"""Short forms of the calls about associations, for the tests. Each goes through a real boto3 client."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

Association = Mapping[str, Any]


class Calls:
    """Calls EC2, and returns the essential part of its answers."""

    def __init__(self, client: "EC2Client") -> None:
        self._client = client

    def associate(self, instance_id: str, arn: str | None = None, **profile: str) -> Association:
        """Associate a profile, by its ARN or by its name."""
        asked: Any = {"Arn": arn, **profile} if arn else profile
        answer = self._client.associate_iam_instance_profile(InstanceId=instance_id, IamInstanceProfile=asked)
        return answer["IamInstanceProfileAssociation"]

    def replace(self, association: str | Association, arn: str) -> Association:
        answer = self._client.replace_iam_instance_profile_association(
            AssociationId=_id(association), IamInstanceProfile={"Arn": arn}
        )
        return answer["IamInstanceProfileAssociation"]

    def disassociate(self, association: str | Association) -> Association:
        answer = self._client.disassociate_iam_instance_profile(AssociationId=_id(association))
        return answer["IamInstanceProfileAssociation"]

    def associations(self, *instance_ids: str, **parameters: Any) -> list[Association]:
        """What Describe lists of these instances; all if there are none."""
        about: Any = {"Filters": [{"Name": "instance-id", "Values": instance_ids}]} if instance_ids else {}
        answer = self._client.describe_iam_instance_profile_associations(**about, **parameters)
        return list(answer["IamInstanceProfileAssociations"])

    def association(self, instance_id: str) -> Association:
        """The only association of an instance."""
        (association,) = self.associations(instance_id)
        return association

    def instances(self, name: str, *values: str) -> list[Mapping[str, Any]]:
        """What DescribeInstances finds with a filter."""
        answer = self._client.describe_instances(Filters=[{"Name": name, "Values": values}])
        return [instance for reservation in answer["Reservations"] for instance in reservation["Instances"]]

    def shown(self, instance_id: str) -> str | None:
        """ARN of the profile that DescribeInstances shows for an instance."""
        (instance,) = self.instances("instance-id", instance_id)
        return instance["IamInstanceProfile"]["Arn"] if "IamInstanceProfile" in instance else None


def refusal(call: Callable[..., Any], *arguments: Any, **parameters: Any) -> tuple[str, str]:
    """Code and message of the error that a call ends with."""
    try:
        answer = call(*arguments, **parameters)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    raise AssertionError(f"no error, but {answer}")


def states(associations: Sequence[Association]) -> dict[str, str]:
    """State of each association, by its id."""
    return {one["AssociationId"]: one["State"] for one in associations}


def _id(association: str | Association) -> str:
    return association if isinstance(association, str) else str(association["AssociationId"])
