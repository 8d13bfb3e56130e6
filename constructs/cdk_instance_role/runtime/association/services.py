"""The world outside the handler: AWS clients, the ledger and the clock."""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from .aws.alarms import Alarms
from .aws.apply import MAX_CONCURRENCY
from .aws.ec2_answers import FIRST_LAUNCH, INSTANCE, read_quickly
from .aws.enforcement_calls import EventBus, Queue
from .aws.stack_status import Stacks
from .contract import LEDGER_TABLE_VARIABLE, QUEUE_VARIABLE
from .ledger.lock import Timing
from .ledger.records import Ledger
from .ledger.table import Table

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_iam import IAMClient

# Short time-outs: an answer that got lost is found out by the next observation, so waiting for it gains nothing.
READING = Config(
    connect_timeout=3,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 3},
    parameter_validation=False,
)
"""The ledger can be read and written again as it is. botocore does that until the client's quota of retries is used up,
which can outlive an invocation. Then the error gets through, and the next invocation goes on. AWS checks parameters
itself: botocore's check of a transaction takes three times as long as writing it as JSON."""
ONE_ATTEMPT = READING.merge(
    Config(retries={"mode": "standard", "total_max_attempts": 1}, max_pool_connections=MAX_CONCURRENCY)
)
"""A throttled call of EC2 has to be known, so that the others come later. A read is repeated by `reading`. A change of
an instance is never repeated blindly: whether it took effect, and what to do then, is for the next plan to say."""


@dataclass(frozen=True)
class Services:
    ec2: "EC2Client"
    iam: "IAMClient"
    ledger: Ledger
    alarms: Alarms
    stacks: Stacks
    queue: Queue | None = None
    """Of the messages of enforcement."""
    event_bus: EventBus | None = None
    clock: Callable[[], float] = time.time
    """Seconds since the epoch."""
    sleep: Callable[[float], None] = time.sleep
    """Waits for seconds."""
    monotonic: Callable[[], float] = time.monotonic
    """Seconds since some time; never set back or forward."""
    every: Callable[[float, Callable[[], None]], Callable[[], None]] = field(default_factory=lambda: every)
    """Runs a job in the background every so many seconds; returns what stops that."""

    @property
    def timing(self) -> Timing:
        """The clocks that a lease goes by."""
        return Timing(self.clock, self.monotonic, self.sleep, self.every)

    @classmethod
    def from_environment(cls) -> "Services":
        """The services of the deployed function."""
        ec2, queue_url = boto3.client("ec2", config=ONE_ATTEMPT), os.environ.get(QUEUE_VARIABLE)
        read_quickly(ec2, (*INSTANCE, *FIRST_LAUNCH) if queue_url else INSTANCE)
        return cls(
            ec2=ec2,
            iam=boto3.client("iam", config=ONE_ATTEMPT),
            alarms=Alarms(partial(boto3.client, "cloudwatch", config=ONE_ATTEMPT)),
            stacks=Stacks(partial(boto3.client, "cloudformation", config=READING)),
            queue=Queue(partial(boto3.client, "sqs", config=READING), queue_url) if queue_url else None,
            event_bus=EventBus(partial(boto3.client, "events", config=READING)) if queue_url else None,
            ledger=Ledger(Table(boto3.client("dynamodb", config=READING), os.environ[LEDGER_TABLE_VARIABLE])),
        )


def every(seconds: float, job: Callable[[], None]) -> Callable[[], None]:
    """Run a job in a thread of its own every so many seconds.

    Args:
        seconds: between two runs.
        job: what is run; it must not raise.

    Returns:
        What stops that. A run that is under way goes on to its end.
    """
    stopped = threading.Event()

    def run() -> None:
        while not stopped.wait(seconds):
            job()

    threading.Thread(target=run, name="every", daemon=True).start()
    return stopped.set
