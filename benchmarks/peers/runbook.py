"""The steps of the runbook AWS-AttachIAMToInstance, once for every instance, with rate control.

https://docs.aws.amazon.com/systems-manager-automation-runbooks/latest/userguide/automation-aws-attachiamtoinstance.html
"""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from benchmarks.cloud import WANTED, Job, Outcome, outcome, populate
from benchmarks.peers.clients import STANDARD, clients
from benchmarks.turns import Turns
from tests.simulator.clock import VirtualClock
from tests.simulator.simulator import Simulator

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_iam import IAMClient

NAME = "AWS-AttachIAMToInstance"
MANY, FEW = 10, 4
"""MaxConcurrency, which is for the user to choose: what AWS's examples say, and the most that is never throttled."""


def run(job: Job, count: int, seed: int, *, at_once: int) -> Outcome:
    """Run it for every instance.

    Args:
        job: what has to be done.
        count: with how many instances.
        seed: which run it is.
        at_once: how many executions there are at a time.
    """
    clock = VirtualClock()
    simulator = Simulator(clock)
    ids = populate(simulator, job, count, seed)
    # The runbook continues at once. Whether EC2 always accepts that is unknown; here it does.
    simulator.ec2.waits_for_the_old = False
    automation = _Automation(*clients(simulator, STANDARD))
    with Turns(clock).executor(at_once) as pool:
        for instance_id in ids:
            pool.submit(automation.run, instance_id)
    return outcome(simulator, f"{NAME}, {at_once} at once", job, count, seed, failure=next(iter(automation.errors), ""))


class _Automation:
    """All executions together. With MaxErrors at its default of 0 none begins after the first failed one."""

    def __init__(self, ec2: "EC2Client", iam: "IAMClient") -> None:
        self._ec2, self._iam = ec2, iam
        self.errors: list[str] = []

    def run(self, instance_id: str) -> None:
        if self.errors:
            return
        try:
            self._carry_out(instance_id)
        except ClientError as error:
            self.errors.append(str(error))

    def _carry_out(self, instance_id: str) -> None:
        """With ForceReplace, which is the default."""
        answer = self._ec2.describe_iam_instance_profile_associations(
            Filters=[{"Name": "instance-id", "Values": [instance_id]}]
        )
        if found := answer["IamInstanceProfileAssociations"]:
            self._ec2.disassociate_iam_instance_profile(AssociationId=found[0]["AssociationId"])
        # The runbook calls ListInstanceProfilesForRole, which says the same and takes as long.
        profile = self._iam.get_instance_profile(InstanceProfileName=WANTED)["InstanceProfile"]
        self._ec2.associate_iam_instance_profile(InstanceId=instance_id, IamInstanceProfile={"Arn": profile["Arn"]})
