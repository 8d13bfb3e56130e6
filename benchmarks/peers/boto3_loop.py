"""The loop that most people write: look, associate or replace, and in the end wait until EC2 has confirmed all."""

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from benchmarks.cloud import WANTED, Job, Outcome, outcome, populate
from benchmarks.peers.clients import AS_IT_COMES, clients
from tests.simulator.simulator import Simulator

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

NAME = "boto3 loop"
POLL_SECONDS = 5


def run(job: Job, count: int, seed: int) -> Outcome:
    simulator = Simulator()
    ids = populate(simulator, job, count, seed)
    ec2, _ = clients(simulator, AS_IT_COMES)
    failure = ""
    try:
        for instance_id in ids:
            _attach(ec2, instance_id)
        for instance_id in ids:
            while _association(ec2, instance_id)["State"] != "associated":
                simulator.clock.sleep(POLL_SECONDS)
    except ClientError as error:
        failure = str(error)
    return outcome(simulator, NAME, job, count, seed, failure=failure)


def _attach(ec2: "EC2Client", instance_id: str) -> None:
    found = _association(ec2, instance_id)
    if found is None:
        ec2.associate_iam_instance_profile(InstanceId=instance_id, IamInstanceProfile={"Name": WANTED})
    elif not found["IamInstanceProfile"]["Arn"].endswith(f"/{WANTED}"):
        ec2.replace_iam_instance_profile_association(
            AssociationId=found["AssociationId"], IamInstanceProfile={"Name": WANTED}
        )


def _association(ec2: "EC2Client", instance_id: str) -> Any:
    """The association in force; None if there is none."""
    answer = ec2.describe_iam_instance_profile_associations(
        Filters=[
            {"Name": "instance-id", "Values": [instance_id]},
            {"Name": "state", "Values": ["associating", "associated"]},
        ]
    )
    return next(iter(answer["IamInstanceProfileAssociations"]), None)
