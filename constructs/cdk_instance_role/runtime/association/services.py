"""The world outside the handler: AWS clients, the ledger and the clock."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from .contract import LEDGER_TABLE_VARIABLE
from .ledger import Ledger
from .table import Table

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_iam import IAMClient

# Short time-outs: an answer that got lost is found out by the next observation, so waiting for it gains nothing.
CONFIG = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})


@dataclass(frozen=True)
class Services:
    ec2: "EC2Client"
    iam: "IAMClient"
    ledger: Ledger
    clock: Callable[[], float] = time.time
    """Seconds since the epoch."""
    sleep: Callable[[float], None] = time.sleep
    """Waits for seconds."""

    @classmethod
    def from_environment(cls) -> "Services":
        """The services of the deployed function."""
        return cls(
            ec2=boto3.client("ec2", config=CONFIG),
            iam=boto3.client("iam", config=CONFIG),
            ledger=Ledger(Table(boto3.client("dynamodb", config=CONFIG), os.environ[LEDGER_TABLE_VARIABLE])),
        )
