"""A stack with one association on moto: plays CloudFormation and the provider framework, in virtual time."""

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cdk_instance_role.runtime.association import handler
from cdk_instance_role.runtime.association.arn import name_of
from cdk_instance_role.runtime.association.aws.alarms import Alarms
from cdk_instance_role.runtime.association.aws.stack_status import Rollback, Stacks
from cdk_instance_role.runtime.association.exceptions import AssociationError, RequestError
from cdk_instance_role.runtime.association.ledger.records import Ledger
from cdk_instance_role.runtime.association.ledger.table import Table
from cdk_instance_role.runtime.association.services import Services
from tests.runtime.moto_aws import Account
from tests.simulator.clock import VirtualClock
from tests.simulator.dynamodb import TABLE

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import IamInstanceProfileAssociationTypeDef

TRUST_EC2 = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
        ],
    }
)
AMI = "ami-12c6146b"
"""One that moto has."""
STACK_ID = "arn:aws:cloudformation:eu-west-1:123456789012:stack/Stack/0f1e2d3c"
OWN_PATH = "/cdk-instance-role/Stack/0a1b2c3d/"
_numbers = itertools.count(1)


class _Status(Stacks):
    """The status of the stack. moto's CloudFormation needs packages that nothing else here needs, and our own simulator
    plays it."""

    def __init__(self) -> None:
        """Without a client."""
        self.is_rolling_back = False

    def rollback(self, stack_id: str) -> Rollback:
        assert stack_id == STACK_ID
        return Rollback(is_under_way=self.is_rolling_back)


class MotoStack:
    """An account with instances and profiles, and a stack in it."""

    def __init__(self, account: Account) -> None:
        self.account, self.clock = account, VirtualClock()
        self.web, self.web2 = (self.profile(name, path=OWN_PATH) for name in ("Web", "Web2"))
        self.old, self.foreign = self.profile("Old"), self.profile("Foreign")
        self.physical_id = ""
        self.current: Mapping[str, Any] = {}
        self.status = _Status()
        self.services = Services(
            ec2=account.ec2_of_handler,
            iam=account.iam,
            ledger=Ledger(Table(account.dynamodb, TABLE)),
            alarms=Alarms(lambda: account.cloudwatch),
            stacks=self.status,
            clock=self.clock,
            sleep=self.clock.sleep,
            monotonic=self.clock,
            every=lambda _seconds, _job: lambda: None,
        )

    # The account

    def profile(self, name: str, *, path: str = "/") -> str:
        """ARN of a new profile with a new role of its name."""
        self.account.iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST_EC2)
        return self._profile_with_role(name, path)

    def _profile_with_role(self, name: str, path: str) -> str:
        made = self.account.iam.create_instance_profile(InstanceProfileName=name, Path=path)
        self.account.iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
        return made["InstanceProfile"]["Arn"]

    def delete_profile(self, arn: str) -> None:
        """Delete a profile, but not its role."""
        name = name_of(arn)
        self.account.iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=name)
        self.account.iam.delete_instance_profile(InstanceProfileName=name)

    def recreate_profile(self, arn: str) -> None:
        """Delete a profile, and create it again under its name. Then it has the same ARN and another id."""
        self.delete_profile(arn)
        again = self._profile_with_role(name_of(arn), f"/{arn.partition('/')[2].rpartition('/')[0]}/")
        assert again == arn

    def instance(self, carries: str | None = None, *, stopped: bool = False, **tags: str) -> str:
        """Id of a new instance."""
        ec2 = self.account.ec2
        made = ec2.run_instances(ImageId=AMI, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
        if tags:
            ec2.create_tags(Resources=[made], Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
        if carries:
            ec2.associate_iam_instance_profile(InstanceId=made, IamInstanceProfile={"Arn": carries})
        if stopped:
            ec2.stop_instances(InstanceIds=[made])
        return made

    def carried(self, *instance_ids: str) -> list[str | None]:
        """Names of the profiles that instances carry, as EC2's associations say."""
        rows = self.associations()
        return [name_of(rows[id_]["IamInstanceProfile"]["Arn"]) if id_ in rows else None for id_ in instance_ids]

    def associations(self) -> "dict[str, IamInstanceProfileAssociationTypeDef]":
        """What EC2 says of all associations, by instance id."""
        rows = self.account.ec2.describe_iam_instance_profile_associations()["IamInstanceProfileAssociations"]
        return {row["InstanceId"]: row for row in rows}

    def association(self, instance_id: str) -> str:
        """Id of the association of an instance."""
        return self.associations()[instance_id]["AssociationId"]

    def replace(self, instance_id: str, profile: str) -> None:
        """Replace the profile of an instance, as somebody else does."""
        self.account.ec2.replace_iam_instance_profile_association(
            AssociationId=self.association(instance_id), IamInstanceProfile={"Arn": profile}
        )

    @property
    def ledger_items(self) -> list[Any]:
        """All items of the ledger, except those that expire."""
        found = self.account.dynamodb.scan(TableName=TABLE)["Items"]
        return [item for item in found if "ExpiresAt" not in item]

    # CloudFormation

    def properties(
        self,
        ids: Sequence[str] = (),
        *,
        tags: Mapping[str, Sequence[str]] | None = None,
        profile: str = "",
        replaces: Sequence[str] = (),
        timeout: int = 1800,
    ) -> dict[str, Any]:
        """The properties of the custom resource."""
        return {
            "ServiceToken": "arn:aws:lambda:eu-west-1:123456789012:function:framework",
            **_ref(profile or self.web),
            **({"InstanceTags": tags} if tags else {"InstanceIds": list(ids)}),
            "Replaces": [_ref(arn) for arn in replaces],
            "OnConflict": "FAIL",
            "TimeoutSeconds": str(timeout),
        }

    def create(self, properties: Mapping[str, Any]) -> str:
        """Create the association, and delete it if that fails. Returns why it failed; empty if it did not."""
        reason = self._deliver("Create", properties)
        if not reason:
            self.current = properties
        elif self.physical_id:
            assert not self._deliver("Delete", properties)
            self.physical_id = ""
        return reason

    def update(self, properties: Mapping[str, Any]) -> str:
        """Update the association, and roll it back if that fails. Returns why it failed; empty if it did not."""
        reason = self._deliver("Update", properties, self.current)
        if reason:
            self.status.is_rolling_back = True
            assert not self._deliver("Update", self.current, properties)
            self.status.is_rolling_back = False
        else:
            self.current = properties
        return reason

    def delete(self) -> str:
        """Delete the association. Returns why that failed; empty if it did not."""
        return self._deliver("Delete", self.current)

    def _deliver(self, type_: str, properties: Mapping[str, Any], old: Mapping[str, Any] | None = None) -> str:
        event: dict[str, Any] = {
            "RequestType": type_,
            "RequestId": f"request-{next(_numbers)}",
            "StackId": STACK_ID,
            "LogicalResourceId": "Association",
            "ResourceType": "Custom::InstanceProfileAssociation",
            "ResourceProperties": properties,
            **({} if old is None else {"OldResourceProperties": old}),
            **({"PhysicalResourceId": self.physical_id} if self.physical_id else {}),
        }
        try:
            event |= handler.on_event(_copy(event), self.services)
            self.physical_id = event["PhysicalResourceId"]
            while not self._is_complete(event):
                self.clock.sleep(5)
        except (AssociationError, RequestError) as error:
            return str(error)
        return ""

    def _is_complete(self, event: Mapping[str, Any]) -> bool:
        answer = handler.is_complete(_copy(event), self.services, owner=f"invocation-{next(_numbers)}")
        is_complete: bool = answer["IsComplete"]
        return is_complete


def _ref(arn: str) -> dict[str, str]:
    return {"InstanceProfileArn": arn, "RoleArn": f"arn:aws:iam::123456789012:role/{name_of(arn)}"}


def _copy(event: Mapping[str, Any]) -> dict[str, Any]:
    """What travels between functions is JSON."""
    copy: dict[str, Any] = json.loads(json.dumps(event))
    return copy
