"""Instances that "exist already": launched outside of any stack, as the product finds them."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .ministack import LocalAws

EC2, LAMBDA = "ec2.amazonaws.com", "lambda.amazonaws.com"
SETTLING_SECONDS = 10.0
_ACTIVE = ("associating", "associated")
_GONE = ("shutting-down", "terminated")


@dataclass(frozen=True)
class InstanceView:
    """An instance as EC2 describes it."""

    id: str
    name: str
    state: str
    profile_arn: str | None = None
    association: str | None = None
    """State of the association."""

    @property
    def profile(self) -> str | None:
        """Name of the profile that the instance carries."""
        return self.profile_arn.rpartition("/")[2] if self.profile_arn else None


class Fleet:
    """The instances and instance profiles of one Region that belong to no stack."""

    def __init__(self, aws: LocalAws, *, region: str | None = None) -> None:
        """
        Args:
            aws: the local AWS.
            region: Region. Default: that of the local AWS.
        """
        self._ec2, self._iam = aws.client("ec2", region=region), aws.client("iam")

    def add_profile(self, name: str, *, role: str | None = None, trusts: str = EC2) -> str:
        """Create an instance profile with a role in it, as the EC2 console does.

        Args:
            name: name of the profile.
            role: name of the role. Default: the same.
            trusts: service that may assume the role.

        Returns:
            ARN of the profile.
        """
        role = role or name
        arn = self.add_empty_profile(name)
        self._iam.create_role(RoleName=role, AssumeRolePolicyDocument=_trust_policy(trusts))
        self._iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=role)
        return arn

    def add_empty_profile(self, name: str) -> str:
        """Create an instance profile without a role. Returns its ARN."""
        arn: str = self._iam.create_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Arn"]
        return arn

    def allow(self, role: str, *actions: str, on: str, policy: str) -> None:
        """Give a role an inline policy.

        Args:
            role: name of the role.
            actions: what it allows.
            on: ARN of the resource.
            policy: name of the policy.
        """
        document = _document({"Effect": "Allow", "Action": list(actions), "Resource": on})
        self._iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=document)

    def attach(self, role: str, managed_policy: str) -> None:
        """Attach a managed policy of AWS to a role, by its name."""
        self._iam.attach_role_policy(RoleName=role, PolicyArn=f"arn:aws:iam::aws:policy/{managed_policy}")

    def launch(
        self,
        profile: str | None = None,
        *,
        name: str = "",
        tags: Mapping[str, str] | None = None,
        stopped: bool = False,
    ) -> str:
        """Launch an instance.

        Args:
            profile: name of the profile that it carries. Default: none.
            name: its tag ``Name``.
            tags: further tags.
            stopped: stop it at once.

        Returns:
            Its id.
        """
        carried = {"IamInstanceProfile": {"Name": profile}} if profile else {}
        listed = [{"Key": key, "Value": value} for key, value in {"Name": name, **(tags or {})}.items() if value]
        tagged = [{"ResourceType": "instance", "Tags": listed}] if listed else []
        launched = self._ec2.run_instances(
            ImageId="ami-0123456789abcdef0",
            InstanceType="t3.micro",
            MinCount=1,
            MaxCount=1,
            TagSpecifications=tagged,
            **carried,
        )
        instance_id: str = launched["Instances"][0]["InstanceId"]
        if stopped:
            self._ec2.stop_instances(InstanceIds=[instance_id])
        return instance_id

    def tag(self, instance_id: str, key: str, value: str) -> None:
        """Tag an instance."""
        self._ec2.create_tags(Resources=[instance_id], Tags=[{"Key": key, "Value": value}])

    def remove_profile(self, instance_id: str) -> None:
        """Disassociate the profile of an instance."""
        found = self._ec2.describe_iam_instance_profile_associations(
            Filters=[{"Name": "instance-id", "Values": [instance_id]}]
        )["IamInstanceProfileAssociations"]
        for row in found:
            if row["State"] in _ACTIVE:
                self._ec2.disassociate_iam_instance_profile(AssociationId=row["AssociationId"])

    def terminate(self, instance_id: str) -> None:
        """Terminate an instance."""
        self._ec2.terminate_instances(InstanceIds=[instance_id])

    def look(self, *, settled: bool = False) -> dict[str, InstanceView]:
        """All instances that are not terminated, by id. EC2 forgets terminated ones when it pleases.

        Args:
            settled: wait for a while until EC2 has confirmed every association.
        """
        deadline = time.monotonic() + SETTLING_SECONDS
        while True:
            seen = self._look()
            is_settled = all(one.association != "associating" for one in seen.values())
            if is_settled or not settled or time.monotonic() > deadline:
                return seen
            time.sleep(0.2)

    def _look(self) -> dict[str, InstanceView]:
        pages = self._ec2.get_paginator("describe_iam_instance_profile_associations").paginate()
        rows = {
            row["InstanceId"]: row
            for page in pages
            for row in page["IamInstanceProfileAssociations"]
            if row["State"] in _ACTIVE
        }
        seen = (_view(instance, rows.get(instance["InstanceId"])) for instance in self._instances())
        return {view.id: view for view in seen}

    def carried(self, *instance_ids: str) -> list[str | None]:
        """Names of the profiles that these instances carry."""
        seen = self.look()
        return [seen[id_].profile for id_ in instance_ids]

    def _instances(self) -> Iterator[Any]:
        for page in self._ec2.get_paginator("describe_instances").paginate():
            for reservation in page["Reservations"]:
                yield from (found for found in reservation["Instances"] if found["State"]["Name"] not in _GONE)


def _view(instance: Any, row: Any) -> InstanceView:
    return InstanceView(
        id=instance["InstanceId"],
        name=next((tag["Value"] for tag in instance.get("Tags", ()) if tag["Key"] == "Name"), ""),
        state=instance["State"]["Name"],
        profile_arn=row["IamInstanceProfile"]["Arn"] if row else None,
        association=row["State"] if row else None,
    )


def _trust_policy(service: str) -> str:
    return _document({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"})


def _document(statement: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
