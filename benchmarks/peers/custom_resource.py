"""One ``AwsCustomResource`` for every instance: really synthesized, and what its functions call then, simulated."""

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from benchmarks.cloud import WANTED, Job, Outcome, outcome, populate
from benchmarks.peers.clients import STANDARD, clients
from benchmarks.turns import Turns
from tests.simulator.clock import VirtualClock
from tests.simulator.fleet import Fleet
from tests.simulator.simulator import Simulator

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

NAME = "AwsCustomResource per instance"
FEW = 10
"""How many CloudFormation may work on at a time. It does not say, and nothing in the stack depends on anything."""


def run(job: Job, count: int, seed: int, *, at_once: int | None = None) -> Outcome:
    """Create the stack.

    Args:
        job: what has to be done.
        count: with how many instances.
        seed: which run it is.
        at_once: how many resources CloudFormation creates at a time. Default: all.
    """
    clock = VirtualClock()
    simulator = Simulator(clock)
    ids = populate(simulator, job, count, seed)
    failure = synthesize(count)
    if not failure:
        stack = _Stack(clients(simulator, STANDARD)[0], simulator.fleet)
        with Turns(clock).executor(at_once or count) as pool:
            for instance_id in ids:
                pool.submit(stack.create, instance_id)
        failure = stack.failure
    return outcome(simulator, f"{NAME}, {at_once or 'all'} at once", job, count, seed, failure=failure)


@cache
def synthesize(count: int) -> str:
    """Synthesize a stack that associates so many instances; which call it is makes no difference to the CDK. Returns
    the error of the CDK."""
    import aws_cdk as cdk  # it is slow to load, and most processes here do without
    from aws_cdk import custom_resources as custom

    app = cdk.App()
    stack = cdk.Stack(app, "Associations")
    policy = custom.AwsCustomResourcePolicy.from_sdk_calls(resources=custom.AwsCustomResourcePolicy.ANY_RESOURCE)
    for id_ in (f"i-{number:017x}" for number in range(count)):
        call = custom.AwsSdkCall(
            service="EC2",
            action="associateIamInstanceProfile",
            parameters={"InstanceId": id_, "IamInstanceProfile": {"Name": WANTED}},
            physical_resource_id=custom.PhysicalResourceId.from_response("IamInstanceProfileAssociation.AssociationId"),
        )
        custom.AwsCustomResource(stack, id_, on_create=call, policy=policy)
    try:
        app.synth()
    except RuntimeError as error:  # what jsii raises for an error of the CDK
        return re.sub(r"\s+", " ", str(error)).strip()
    return ""


class _Stack:
    """What the functions call when CloudFormation creates the stack."""

    def __init__(self, ec2: "EC2Client", fleet: Fleet) -> None:
        self._ec2, self._fleet = ec2, fleet
        self.failure = ""

    def create(self, instance_id: str) -> None:
        row = self._fleet.active(instance_id)
        profile: Any = {"Name": WANTED}
        try:
            if row:
                self._ec2.replace_iam_instance_profile_association(AssociationId=row.id, IamInstanceProfile=profile)
            else:
                self._ec2.associate_iam_instance_profile(InstanceId=instance_id, IamInstanceProfile=profile)
        except ClientError as error:
            self.failure = self.failure or str(error)
