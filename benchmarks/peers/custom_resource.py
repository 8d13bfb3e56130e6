"""One ``AwsCustomResource`` for every instance: really synthesized, and what its functions call then, simulated."""

import re
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

MOST = 100
"""With so many it is known to fit into a stack."""
NAME = "AwsCustomResource per instance"


def run(job: Job, count: int, seed: int) -> Outcome:
    clock = VirtualClock()
    simulator = Simulator(clock)
    ids = populate(simulator, job, count, seed)
    # Which call it is makes no difference to the CDK.
    failure = synthesize(simulator.fleet, ids) if (job, seed) == (Job.ASSOCIATE, 1) or count > MOST else ""
    if not failure:
        stack = _Stack(clients(simulator, STANDARD)[0], simulator.fleet)
        with Turns(clock).executor(count) as pool:  # nothing depends on anything: CloudFormation begins with all
            for instance_id in ids:
                pool.submit(stack.create, instance_id)
        failure = stack.failure
    return outcome(simulator, NAME, job, count, seed, failure=failure)


def synthesize(fleet: Fleet, ids: list[str]) -> str:
    """Synthesize the stack. Returns what the CDK has against it."""
    import aws_cdk as cdk  # it is slow to load, and most processes here do without
    from aws_cdk import custom_resources as custom

    app = cdk.App()
    stack = cdk.Stack(app, "Associations")
    policy = custom.AwsCustomResourcePolicy.from_sdk_calls(resources=custom.AwsCustomResourcePolicy.ANY_RESOURCE)
    for id_ in ids:
        row = fleet.active(id_)
        target = {"AssociationId": row.id} if row else {"InstanceId": id_}
        call = custom.AwsSdkCall(
            service="EC2",
            action="replaceIamInstanceProfileAssociation" if row else "associateIamInstanceProfile",
            parameters={**target, "IamInstanceProfile": {"Name": WANTED}},
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
