"""What a careful engineer writes: batched describes, threads, boto3's adaptive retries, one change per instance.

It finds the instances by their tags, asks for many associations at a time, replaces instead of detaching, handles
stopped instances, goes on when one fails, and waits until EC2 has confirmed the others. It keeps no record of what was
there before.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.retries import bucket

from benchmarks.cloud import TAGS, WANTED, Job, Outcome, outcome, populate
from benchmarks.memory_aids import remembering
from benchmarks.peers.clients import clients
from benchmarks.turns import Turns
from cdk_instance_role.runtime.association.batch import chunks
from tests.simulator.clock import VirtualClock
from tests.simulator.simulator import Simulator

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

NAME = "careful script"
ADAPTIVE = Config(retries={"mode": "adaptive", "total_max_attempts": 10}, max_pool_connections=10)
THREADS, IDS_PER_CALL, POLL_SECONDS = 10, 200, 5.0
LEAST_SLEEP_SECONDS = 0.001
"""A float of seconds since the epoch does not change by less than a ten-millionth, for which adaptive retries sleep."""


def run(job: Job, count: int, seed: int) -> Outcome:
    clock = VirtualClock()
    simulator = Simulator(clock)
    populate(simulator, job, count, seed)
    with adaptive_retries_on(clock), remembering():
        script = _Script(clients(simulator, ADAPTIVE)[0], clock)
        script.run()
    return outcome(simulator, NAME, job, count, seed, failure=script.failure)


class _Script:
    def __init__(self, ec2: "EC2Client", clock: VirtualClock) -> None:
        self._ec2, self._clock = ec2, clock
        self.failure = ""
        """The first error."""
        self._failed: set[str] = set()

    def run(self) -> None:
        states = self._states()
        found = self._associations(list(states))
        with Turns(self._clock).executor(THREADS) as pool:
            for id_, state in states.items():
                pool.submit(self._try, id_, state, found.get(id_))
        pending = [id_ for id_ in states if id_ not in self._failed]
        while pending := [id_ for id_ in pending if self._is_pending(id_, found)]:
            self._clock.sleep(POLL_SECONDS)
            found |= self._associations(pending)

    def _states(self) -> dict[str, str]:
        filters: Any = [{"Name": f"tag:{key}", "Values": [value]} for key, value in TAGS.items()]
        pages = self._ec2.get_paginator("describe_instances").paginate(Filters=filters)
        reservations = (reservation for page in pages for reservation in page["Reservations"])
        return {one["InstanceId"]: one["State"]["Name"] for group in reservations for one in group["Instances"]}

    def _associations(self, ids: Sequence[str]) -> dict[str, Any]:
        """The associations in force, by instance id."""
        found: dict[str, Any] = {}
        for some in chunks(ids, IDS_PER_CALL - 2):
            filters: Any = [
                {"Name": "instance-id", "Values": some},
                {"Name": "state", "Values": ["associating", "associated"]},
            ]
            pages = self._ec2.get_paginator("describe_iam_instance_profile_associations").paginate(Filters=filters)
            found |= {row["InstanceId"]: row for page in pages for row in page["IamInstanceProfileAssociations"]}
        return found

    def _is_pending(self, id_: str, found: Mapping[str, Any]) -> bool:
        row = found.get(id_)
        return not (row and row["IamInstanceProfile"]["Arn"].endswith(f"/{WANTED}") and row["State"] == "associated")

    def _change(self, id_: str, state: str, row: Any) -> None:
        profile: Any = {"Name": WANTED}
        if row and state == "stopped":  # EC2 refuses to replace there
            self._ec2.disassociate_iam_instance_profile(AssociationId=row["AssociationId"])
            row = None
        if row:
            self._ec2.replace_iam_instance_profile_association(
                AssociationId=row["AssociationId"], IamInstanceProfile=profile
            )
        else:
            self._ec2.associate_iam_instance_profile(InstanceId=id_, IamInstanceProfile=profile)

    def _try(self, id_: str, state: str, row: Any) -> None:
        try:
            self._change(id_, state, row)
        except ClientError as error:
            self._failed.add(id_)
            self.failure = self.failure or str(error)


@contextmanager
def adaptive_retries_on(clock: VirtualClock) -> Iterator[None]:
    """Let the adaptive retries of clients that are made meanwhile go by a virtual clock."""
    real = SimpleNamespace(Lock=threading.Lock, Condition=lambda _lock: _VirtualCondition(clock))
    with (
        patch.object(bucket, "Clock", lambda: SimpleNamespace(current_time=clock, sleep=clock.sleep)),
        patch.object(bucket, "threading", real),
    ):
        yield


class _VirtualCondition:
    """Lets virtual time pass for a thread that waits. The others go on meanwhile, as if it had released the lock."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock

    def __enter__(self) -> None:
        """Only one thread runs at a time, so there is nothing to be locked."""

    def __exit__(self, *_: object) -> None:
        pass

    def wait(self, timeout: float) -> None:
        self._clock.sleep(max(timeout, LEAST_SLEEP_SECONDS))

    def notify(self) -> None:
        """A thread that waits checks again when its time has come."""
