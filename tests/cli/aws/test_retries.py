"""Calls that AWS throttles."""

import io
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError

from cdk_instance_role.cli.aws.clients import Aws
from tests.synth.builders import ACCOUNT, REGION

THROTTLED = "<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>"
NONE = "<DescribeStacksResponse><DescribeStacksResult><Stacks/></DescribeStacksResult></DescribeStacksResponse>"


class Body(io.BytesIO):
    def stream(self, amount: int = 65536, **_: Any) -> Iterator[bytes]:
        while chunk := self.read(amount):
            yield chunk


def throttled(monkeypatch: pytest.MonkeyPatch, times: int) -> tuple[Any, list[float]]:
    """A client of CloudFormation, which throttles its first calls, and the pauses that the client makes."""
    pauses: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", pauses.append)
    answers = iter([(400, THROTTLED)] * times + [(200, NONE)])

    def answer(request: Any, **_: Any) -> Any:
        status, body = next(answers)
        return AWSResponse(request.url, status, HTTPHeaders(), Body(body.encode()))

    session = boto3.Session("key", "secret", region_name=REGION)
    client = Aws(session, dict, ACCOUNT, REGION).cloudformation
    client.meta.events.register("before-send", answer)
    return client, pauses


@pytest.mark.parametrize("times", [0, 1, 2])
def test_makes_a_throttled_call_again_after_a_pause(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    client, pauses = throttled(monkeypatch, times)

    assert client.describe_stacks()["Stacks"] == []
    assert len(pauses) == times


def test_says_in_the_end_that_a_call_is_throttled(monkeypatch: pytest.MonkeyPatch) -> None:
    client, pauses = throttled(monkeypatch, 3)

    with pytest.raises(ClientError, match="Throttling"):
        client.describe_stacks()

    assert len(pauses) == 2
