"""An account on moto, in this process: a second opinion besides our own simulator.

moto answers boto3 by itself; nothing is sent. `tests/runtime/test_moto_deviations.py` lists what it does unlike AWS.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
from botocore.awsrequest import AWSResponse, HTTPHeaders

from cdk_instance_role.runtime.association.services import ONE_ATTEMPT, READING
from tests.runtime.ledgers import create_table
from tests.simulator.fleet import REGION

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_iam import IAMClient

WITHOUT_IMAGES = {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
"""Hundreds of machine images in each account take a quarter of the time. moto launches instances without them."""
REFUSAL: Any = {
    "Error": {"Code": "UnsupportedOperation", "Message": "not today"},
    "ResponseMetadata": {"HTTPStatusCode": HTTPStatus.BAD_REQUEST},
}


class Account:
    """An account with an empty ledger."""

    def __init__(self) -> None:
        self.ec2: EC2Client = _client("ec2")
        self.ec2_of_handler: EC2Client = _client("ec2", for_handler=True)
        self.iam: IAMClient = _client("iam")
        self.dynamodb: DynamoDBClient = _client("dynamodb")
        self.cloudwatch: CloudWatchClient = _client("cloudwatch")
        self.changes: list[str] = []
        """Names of the calls by which associations were to be changed, refused ones included, in their order."""
        self._refused = set[tuple[str, str]]()
        create_table(self.dynamodb)

    def refuse(self, action: str, id_: str) -> None:
        """Refuse an action for good. moto itself refuses too little.

        Args:
            action: name of the call.
            id_: of the instance or association that the call names.
        """
        self._refused.add((action, id_))

    def before_call(self, model: Any, params: Any, **_: Any) -> tuple[AWSResponse, Any] | None:
        """botocore calls this before each call of the handler. A refusal is the answer instead of moto's."""
        if model.name.startswith("Describe"):
            return None
        self.changes.append(model.name)
        if any((model.name, value) in self._refused for value in params["body"].values()):
            return AWSResponse(params["url"], HTTPStatus.BAD_REQUEST, HTTPHeaders(), None), REFUSAL
        return None


@contextmanager
def account() -> Iterator[Account]:
    """An account of moto for as long as the ``with`` block lasts."""
    from moto import mock_aws  # slow, so it is imported only where it is used

    with mock_aws(), patch.dict(os.environ, WITHOUT_IMAGES):
        account = Account()
        # The types of botocore don't know that what such a handler returns becomes the answer.
        events: Any = account.ec2_of_handler.meta.events
        events.register("before-call.ec2", account.before_call)
        try:
            yield account
        finally:
            events.unregister("before-call.ec2", account.before_call)  # the client is the next account's, too


@cache
def _client(service: Any, *, for_handler: bool = False) -> Any:
    """A client, made after moto was imported: moto gets to see no others. It keeps nothing of the accounts."""
    session = boto3.Session(aws_access_key_id="moto", aws_secret_access_key="moto", region_name=REGION)
    return session.client(service, config=ONE_ATTEMPT if for_handler else READING)
