"""Services to which the network has no way."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
)

from cdk_instance_role.cli.aws.partial_reader import PartialReader
from cdk_instance_role.cli.aws.unreachable import fail_at_once
from cdk_instance_role.cli.model import CliError

URL = "https://sqs.eu-west-1.amazonaws.com/"
ONCE = Config(retries={"total_max_attempts": 1})
KEYS = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}


def queues(error: Exception, clock: Callable[[], float] = lambda: 0.0) -> tuple[Any, list[Any]]:
    """A client that never gets an answer, and the requests that it has sent."""
    client, sent = boto3.client("sqs", region_name="eu-west-1", config=ONCE, **KEYS), list[Any]()  # type: ignore[call-overload]

    def send(request: Any, **_: Any) -> None:
        sent.append(request)
        raise error

    client.meta.events.register("before-send", send)
    fail_at_once(client, clock)
    return client, sent


@pytest.mark.parametrize("error", [ConnectTimeoutError(endpoint_url=URL), EndpointConnectionError(endpoint_url=URL)])
def test_a_service_that_cannot_be_reached_is_waited_for_once(error: Exception) -> None:
    client, sent = queues(error)

    for _ in range(2):
        with pytest.raises(type(error)):
            client.list_queues()

    assert len(sent) == 1


def test_a_service_that_cannot_be_reached_is_tried_again_after_a_while() -> None:
    now = [0.0]
    client, sent = queues(ConnectTimeoutError(endpoint_url=URL), lambda: now[0])

    for seconds, requests in ((0.0, 1), (29.0, 1), (31.0, 2), (60.0, 2), (62.0, 3)):
        now[0] = seconds
        with pytest.raises(ConnectTimeoutError):
            client.list_queues()
        assert len(sent) == requests


def test_a_connection_that_breaks_is_made_again() -> None:
    client, sent = queues(ConnectionClosedError(endpoint_url=URL))

    for _ in range(2):
        with pytest.raises(ConnectionClosedError):
            client.list_queues()

    assert len(sent) == 2


@pytest.mark.parametrize("kind", [ConnectTimeoutError, EndpointConnectionError, ConnectionClosedError])
def test_a_connection_error_is_a_gap(kind: type[BotoCoreError]) -> None:
    def fail() -> str:
        raise kind(endpoint_url=URL)

    reader = PartialReader()

    assert reader.fetch("the queue", fail, "nothing") == "nothing"
    assert [one.startswith("the queue: ") for one in reader.unavailable] == [True]


def test_fails_when_the_credentials_are_missing() -> None:
    def fail() -> None:
        raise NoCredentialsError

    with pytest.raises(CliError, match="there are no AWS credentials"):
        PartialReader().fetch("the queue", fail, None)
