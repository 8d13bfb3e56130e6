"""Clients of AWS for one account and Region."""

import threading
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.exceptions import BotoCoreError

from ...runtime.association.aws.ec2_answers import FIRST_LAUNCH, INSTANCE, read_quickly
from ...runtime.association.services import READING
from ..model import CliError
from ..template.deployed_stack import DeployedStack, deployed_stack
from .instance_details import DETAILS
from .unreachable import fail_at_once

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudtrail import CloudTrailClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_sqs import SQSClient

_MAKING_CLIENTS = threading.Lock()
"""A session is not safe to share between threads, and neither is the loader of all sessions. The clients are:
https://docs.aws.amazon.com/boto3/latest/guide/clients.html"""


Credentials = Mapping[str, Any]
"""Arguments of a client that takes other credentials than those of its session; none if it takes these."""


class NoAccessError(CliError):
    """There are no credentials for an account. The message says why, and what to do."""


class Aws:
    """Clients for one account and Region, made when they are needed. Threads may share it."""

    def __init__(
        self, session: boto3.Session, credentials: Callable[[], Credentials], account: str, region: str
    ) -> None:
        """
        Args:
            session: makes the clients.
            credentials: gives the credentials. It raises `NoAccessError` if there are none.
            account: account id.
            region: the Region.
        """
        self._session, self._credentials, self.account, self.region = session, credentials, account, region
        self._clients: dict[str, Any] = {}
        self._stacks: dict[str, DeployedStack | None] = {}

    @property
    def partition(self) -> str:
        return partition_of(self.region)

    @property
    def ec2(self) -> "EC2Client":
        return cast("EC2Client", self._client("ec2"))

    @property
    def iam(self) -> "IAMClient":
        return cast("IAMClient", self._client("iam"))

    @property
    def cloudformation(self) -> "CloudFormationClient":
        return cast("CloudFormationClient", self._client("cloudformation"))

    @property
    def dynamodb(self) -> "DynamoDBClient":
        return cast("DynamoDBClient", self._client("dynamodb"))

    @property
    def sqs(self) -> "SQSClient":
        return cast("SQSClient", self._client("sqs"))

    @property
    def cloudtrail(self) -> "CloudTrailClient":
        return cast("CloudTrailClient", self._client("cloudtrail"))

    @property
    def tagging(self) -> Any:
        return self._client("resourcegroupstaggingapi")

    def check(self) -> None:
        """Make sure that there are credentials.

        Raises:
            NoAccessError: there are none.
        """
        self._credentials()

    def close(self) -> None:
        """Release the clients, of which each takes a megabyte. They are made again when they are needed."""
        with _MAKING_CLIENTS:
            self._clients.clear()

    def deployed_stack(self, name: str) -> DeployedStack | None:
        """A stack as it is deployed, read only once; None if it is not.

        Raises:
            UnreadableError: its template can't be read.
        """
        if name not in self._stacks:
            self._stacks[name] = deployed_stack(self.cloudformation, name)
        return self._stacks[name]

    def _client(self, service: Any) -> Any:
        credentials = self._credentials()
        with _MAKING_CLIENTS:
            if service not in self._clients:
                self._clients[service] = client(self._session, service, self.region, **credentials)
                fail_at_once(self._clients[service])
                if service == "ec2":
                    read_quickly(self._clients[service], (*INSTANCE, *FIRST_LAUNCH, *DETAILS))
            return self._clients[service]


def client(session: boto3.Session, service: Any, region: str, **credentials: Any) -> Any:
    """A client for reading.

    Args:
        session: makes it.
        service: name of the service, for boto3.
        region: the Region.
        credentials: those to use. Default: those of the session.

    Raises:
        CliError: the endpoint that the environment or the profile names is no URL.
    """
    try:
        return session.client(service, region_name=region, config=READING, **credentials)
    except BotoCoreError:
        raise
    except ValueError as error:
        raise CliError(
            f"no client for {service} can be made: {error}: correct AWS_ENDPOINT_URL, the variable "
            "AWS_ENDPOINT_URL_... of the service, or endpoint_url in the profile"
        ) from None


@cache
def partition_of(region: str) -> str:
    """The partition of a Region.

    >>> partition_of("eu-west-1"), partition_of("cn-north-1")
    ('aws', 'aws-cn')
    """
    return _any_session().get_partition_for_region(region)


@cache
def _any_session() -> boto3.Session:
    """It reads the list of Regions once."""
    return boto3.Session()
