"""What the command line uses of SQS and CloudTrail, behind real boto3 clients."""

import io
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import boto3
from botocore import UNSIGNED
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.exceptions import ConnectTimeoutError

from cdk_instance_role.runtime.association.services import READING
from tests.simulator.driver import World
from tests.simulator.enforcement import Enforcement
from tests.simulator.errors import AwsError
from tests.simulator.fleet import REGION
from tests.simulator.sqs import QUEUE_URL

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail import CloudTrailClient

MAX_RESULTS = 50
"""Events that one answer of CloudTrail has at most."""


class Messages:
    """The queue of enforcement and its dead-letter queue; URLs of others are not known."""

    def __init__(self, world: World) -> None:
        self._queue = world.aws.queue
        self.sent: list[Any] = []
        """Bodies of the messages that the command line has sent."""
        self.enforcement = Enforcement(world)
        """The function behind the queue."""
        more = {"SendMessage": self._send, "GetQueueAttributes": self._attributes}
        self._queue.actions = {**self._queue.actions, **more}

    def _send(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        _known(parameters["QueueUrl"])
        self.sent.append(json.loads(parameters["MessageBody"]))
        return {"MessageId": self._queue.send(parameters["MessageBody"]).id}

    def _attributes(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        is_dead = "DeadLetters" in _known(parameters["QueueUrl"])
        messages = self._queue.dead if is_dead else self._queue.messages
        return {"Attributes": {"ApproximateNumberOfMessages": str(len(messages))}}


class Unreachable:
    """A client of a service to which the network has no way."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __getattr__(self, name: str) -> Any:
        return Pages(self._call) if name == "get_paginator" else self._call

    def _call(self, **_: Any) -> Any:
        raise ConnectTimeoutError(endpoint_url=f"https://{self._service}.{REGION}.amazonaws.com/")


class Pages:
    """The pages of any call."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call

    def __call__(self, _: str) -> "Pages":
        return self

    def paginate(self, **_: Any) -> Any:
        return self._call()


def _known(url: str) -> str:
    if not url.startswith(f"{QUEUE_URL}-"):
        raise AwsError("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
    return url


class Trail:
    """CloudTrail's event history: the newest event first.

    https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
    """

    def __init__(self) -> None:
        self.events: list[Mapping[str, Any]] = []
        self.lookups: list[Mapping[str, Any]] = []
        self.error: AwsError | None = None

    @property
    def client(self) -> "CloudTrailClient":
        client = _client()
        client.meta.events.unregister("before-send", unique_id="trail")
        client.meta.events.register("before-send", self._answer, unique_id="trail")
        return client

    def note(
        self,
        action: str,
        at: float,
        by: Mapping[str, Any],
        *,
        resources: tuple[str, ...] = (),
        request: Any = None,
        response: Any = None,
        error: str = "",
    ) -> None:
        """Note a call."""
        event = {
            "userIdentity": by,
            "eventName": action,
            "requestParameters": request,
            "responseElements": response,
            **({"errorCode": error} if error else {}),
        }
        self.events.append(
            {
                "EventId": f"event-{len(self.events)}",
                "EventName": action,
                "EventTime": at,
                "Resources": [{"ResourceName": name} for name in resources],
                "CloudTrailEvent": json.dumps(event),
            }
        )

    def _answer(self, request: AWSPreparedRequest, **_: Any) -> Any:
        assert isinstance(request.body, bytes)
        asked = json.loads(request.body)
        if self.error:
            kind = f"com.amazonaws.cloudtrail#{self.error.code}"
            return _response({"__type": kind, "message": self.error.message}, HTTPStatus.BAD_REQUEST)
        self.lookups.append(asked)
        (wanted,) = asked["LookupAttributes"]
        found = sorted(filter(lambda one: _has(one, wanted), self.events), key=lambda one: -one["EventTime"])
        begin = int(asked.get("NextToken", 0))
        rest = begin + min(MAX_RESULTS, asked.get("MaxResults", MAX_RESULTS))
        more = {"NextToken": str(rest)} if rest < len(found) else {}
        return _response({"Events": found[begin:rest], **more})


def _has(event: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    match wanted["AttributeKey"]:
        case "ResourceName":
            return any(one["ResourceName"] == wanted["AttributeValue"] for one in event["Resources"])
        case "EventName":
            return bool(event["EventName"] == wanted["AttributeValue"])
    raise AssertionError(wanted)


def _response(answer: Mapping[str, Any], status: int = HTTPStatus.OK) -> AWSResponse:
    headers = HTTPHeaders.from_dict({"content-type": "application/x-amz-json-1.1"})
    return AWSResponse("https://cloudtrail", status, headers, _Body(json.dumps(answer).encode()))


class _Body(io.BytesIO):
    def stream(self, amount: int = 65536, **_: Any) -> Iterator[bytes]:
        while chunk := self.read(amount):
            yield chunk


@cache
def _client() -> "CloudTrailClient":
    session = boto3.Session(aws_access_key_id="simulated", aws_secret_access_key="simulated", region_name=REGION)
    return session.client("cloudtrail", config=READING.merge(Config(signature_version=UNSIGNED)))
