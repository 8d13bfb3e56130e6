"""An account on moto, in this process: a second opinion besides our own simulator.

moto answers boto3 by itself; nothing is sent. `tests/runtime/test_moto_deviations.py` lists what it does unlike AWS.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3

from cdk_instance_role.runtime.association.services import CHANGING, READING
from tests.runtime.ledgers import create_table
from tests.simulator.fleet import REGION

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_iam import IAMClient


class Account:
    """An account with an empty ledger."""

    def __init__(self) -> None:
        self.ec2: EC2Client = _client("ec2")
        self.ec2_changes: EC2Client = _client("ec2", changing=True)
        self.iam: IAMClient = _client("iam")
        self.dynamodb: DynamoDBClient = _client("dynamodb")
        self.cloudwatch: CloudWatchClient = _client("cloudwatch")
        create_table(self.dynamodb)


@contextmanager
def account() -> Iterator[Account]:
    """An account of moto for as long as the ``with`` block lasts."""
    from moto import mock_aws  # slow, so only those pay for it who use it

    with mock_aws():
        yield Account()


@cache
def _client(service: Any, *, changing: bool = False) -> Any:
    """A client, made after moto was imported: moto gets to see no others. It keeps nothing of the accounts."""
    session = boto3.Session(aws_access_key_id="moto", aws_secret_access_key="moto", region_name=REGION)
    return session.client(service, config=CHANGING if changing else READING)
