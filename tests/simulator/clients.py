"""The in-process interface: real boto3 clients whose requests go to a simulator instead of the network.

botocore's own serialisation, parsing, retries and paging are in every test. The choice of an endpoint, the signature
and sending are left out. The time that botocore sleeps before it tries again is virtual.
"""

import io
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import urlencode

import boto3
import botocore.endpoint
import botocore.retries.quota
import botocore.session
from botocore import UNSIGNED
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.loaders import Loader
from botocore.model import OperationModel
from botocore.retries.quota import RetryQuota

from tests.simulator.fleet import REGION
from tests.simulator.simulator import Simulator

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_sqs import SQSClient


_PLAIN = Config(signature_version=UNSIGNED, user_agent="simulated")
"""Signatures and user agents are not read, and making them would take a fifth of the time."""


class Clients:
    """The clients of the handler, on one simulator."""

    ec2: "EC2Client"
    ec2_changes: "EC2Client"
    iam: "IAMClient"
    dynamodb: "DynamoDBClient"
    cloudwatch: "CloudWatchClient"
    cloudformation: "CloudFormationClient"
    sqs: "SQSClient"
    events: "EventBridgeClient"

    def __init__(self, reading: Config, changing: Config, prepare: Callable[["Clients"], None] | None = None) -> None:
        self._simulator: weakref.ref[Simulator] | None = None
        self._configs = reading, changing
        reading, changing = reading.merge(_PLAIN), changing.merge(_PLAIN)
        session = _session()
        with _noting_quotas() as self._quotas:
            self.ec2 = session.client("ec2", config=reading)
            self.ec2_changes = session.client("ec2", config=changing)
            self.iam = session.client("iam", config=changing)
            self.dynamodb = session.client("dynamodb", config=reading)
            self.cloudwatch = session.client("cloudwatch", config=changing)
            self.cloudformation = session.client("cloudformation", config=reading)
            self.sqs = session.client("sqs", config=reading)
            self.events = session.client("events", config=reading)
        reads = (self.ec2, self.iam, self.dynamodb, self.cloudwatch, self.cloudformation)
        for client in (*reads, self.ec2_changes, self.sqs, self.events):
            self._connect(client)
        if prepare:
            prepare(self)

    @classmethod
    def of(
        cls,
        simulator: Simulator,
        *,
        reading: Config,
        changing: Config,
        prepare: Callable[["Clients"], None] | None = None,
    ) -> "Clients":
        """Clients for a simulator. Making some is slow, so they are used again once their simulator is gone.

        Used or new makes no difference: all that a client remembers of its calls is its retry quota, which is full.

        Args:
            simulator: what answers.
            reading: configuration of clients that read.
            changing: configuration of clients that change something.
            prepare: called with new clients, for what the handler does to its own.
        """
        spare = _spare.setdefault((id(reading), id(changing), prepare), [])
        clients = spare.pop() if spare else cls(reading, changing, prepare)
        for quota in clients._quotas:
            quota.release(RetryQuota.INITIAL_CAPACITY)
        clients._simulator = weakref.ref(simulator)
        weakref.finalize(simulator, spare.append, clients)
        return clients

    def _connect(self, client: Any) -> None:
        """Let the simulator answer a client."""
        client._ruleset_resolver = None
        client._endpoint.create_request = _request
        client.meta.events.register("before-send", self._sender(client.meta.service_model.service_name))
        for over in ("after-call", "after-call-error"):
            client.meta.events.register(over, _VirtualTime.leave)

    def _sender(self, service: str) -> Any:
        def send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
            simulator = self._simulator() if self._simulator else None
            assert simulator is not None
            _VirtualTime.in_thread.clock = simulator.clock
            assert isinstance(request.body, bytes | str)
            response = simulator.answer(service, request.body, dict(request.headers))
            headers = HTTPHeaders.from_dict({"content-type": response.content_type})
            return AWSResponse(request.url, response.status, headers, _Body(response.body))

        return send


def _request(parts: Mapping[str, Any], _: OperationModel) -> AWSPreparedRequest:
    """The request that a simulator reads: body and headers, without a signature."""
    body = parts["body"]
    text = body if isinstance(body, bytes) else urlencode(body)
    return AWSPreparedRequest(parts["method"], parts["url"], parts["headers"], text, stream_output=False)


class _Body(io.BytesIO):
    """What botocore reads the body of an answer from."""

    def stream(self, amount: int = 65536, **_: Any) -> Iterator[bytes]:
        while chunk := self.read(amount):
            yield chunk


class _VirtualTime:
    """Stands in for the module `time` where botocore sleeps between two attempts.

    An attempt and the sleep after it are in one thread; the sleep is on the clock of the simulator that answered it.
    """

    in_thread = threading.local()

    @classmethod
    def leave(cls, **_: Any) -> None:
        """The call is over. The next one in this thread may be to an AWS in real time."""
        cls.in_thread.__dict__.pop("clock", None)

    def sleep(self, seconds: float) -> None:
        clock = self.in_thread.__dict__.pop("clock", None)
        clock.sleep(seconds) if clock else time.sleep(seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


_spare: dict[tuple[int, int, Callable[[Clients], None] | None], list[Clients]] = {}
"""Clients without a simulator, by the identities of their configurations, which they keep alive, and by what prepares
them."""
botocore.endpoint.time = _VirtualTime()  # type: ignore[attr-defined]


@contextmanager
def _noting_quotas() -> Iterator[list[RetryQuota]]:
    """Notes the retry quotas of the clients that are made meanwhile. botocore's standard mode gives each its own."""
    made: list[RetryQuota] = []

    class NotedQuota(RetryQuota):
        def __init__(self, *arguments: Any, **more: Any) -> None:
            super().__init__(*arguments, **more)
            made.append(self)

    with patch.object(botocore.retries.quota, "RetryQuota", NotedQuota):
        yield made


@cache
def _session() -> boto3.Session:
    """A session whose clients are quicker, and read the same from what a simulator answers.

    DynamoDB's attribute values are handed on as they are, instead of asking each of them for all ten kinds of value.
    That changes binary values only, which no ledger has. Times are read in the one form that a simulator writes.

    The tests on moto and those through HTTP use botocore as it is.
    """
    core = botocore.session.get_session()
    core.register_component("data_loader", Loader())  # nobody else's
    model = core.get_component("data_loader").load_service_model("dynamodb", "service-2", api_version=None)
    model["shapes"]["AttributeValue"]["document"] = True
    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_time)
    return boto3.Session("simulated", "simulated", region_name=REGION, botocore_session=core)


def _time(value: str | float) -> datetime:
    """A time as XML has it in text, and JSON in seconds since the epoch."""
    return datetime.fromisoformat(value) if isinstance(value, str) else datetime.fromtimestamp(value, UTC)
