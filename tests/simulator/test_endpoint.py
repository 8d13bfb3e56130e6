"""The HTTP interface: what it answers, what it forwards, and that no request leaves this machine."""

import http.client
import json
import os
import socket
import sys
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from subprocess import run
from threading import Thread
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from localaws.environment import NotLocalError, local_environment, only
from localaws.ministack import free_port
from tests.simulator.authority import Authority
from tests.simulator.clock import VirtualClock
from tests.simulator.endpoint import endpoint
from tests.simulator.fleet import ACCOUNT, REGION, TRUST_LAMBDA, Profile
from tests.simulator.hosting import SAYS_WHO_IT_IS
from tests.simulator.regions import PROPAGATION_SECONDS, Regions

WEB = f"arn:aws:iam::{ACCOUNT}:instance-profile/Web"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:Handler"
LOOKING = {"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"}
ANSWER = b"<what><the>emulator</the></what>"
ONCE = Config(retries={"mode": "standard", "total_max_attempts": 1})


@dataclass
class Environment:
    """An account in which the handler may look at instances."""

    known: dict[str, Profile] = field(default_factory=lambda: {WEB: Profile(WEB, f"arn:aws:iam::{ACCOUNT}:role/Web")})

    def profiles(self) -> dict[str, Profile]:
        return dict(self.known)

    def authority(self, _: str) -> Authority:
        return Authority({"Handler": {"Version": "2012-10-17", "Statement": [LOOKING]}})


class Emulator(HTTPServer):
    """The server behind the endpoint: it records its requests, and always gives the same answer."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Remembering)
        self.got: list[tuple[str, list[tuple[str, str]], bytes]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Remembering(BaseHTTPRequestHandler):
    server: Emulator

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((f"{self.command} {self.path}", self.headers.items(), body))
        self.send_response_only(202)
        for name, value in (("Content-Type", "text/xml"), ("X-Twice", "1"), ("X-Twice", "2")):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, format: str, *args: Any) -> None:
        """No log is needed."""


class Harness:
    """The endpoint, with what is on both sides of it."""

    def __init__(self, port: int, emulator: Emulator) -> None:
        self.port, self.emulator = port, emulator
        self.clock, self.environment = VirtualClock(), Environment()
        self.regions = Regions(self.environment, self.clock, account=ACCOUNT, region=REGION)
        self.simulator = self.regions.simulator()

    def client(self, service: str = "ec2", *, region: str = REGION, token: str | None = None) -> Any:
        url = f"http://127.0.0.1:{self.port}"
        with only(local_environment(url, account=ACCOUNT, region=region, home=os.devnull)):
            return _session().client(  # type: ignore[call-overload]
                service,
                region_name=region,
                endpoint_url=url,
                aws_access_key_id=ACCOUNT,
                aws_secret_access_key="local",
                aws_session_token=token,
                config=ONCE,
            )


@cache
def _session() -> boto3.Session:
    """It keeps the models of the services, which are large."""
    return boto3.Session()


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def harness(emulator: Emulator) -> Iterator[Harness]:
    harness = Harness(free_port(), emulator)
    with endpoint(harness.port, harness.regions.answer, emulator.url):
        yield harness


def launch(ec2: Any, profile: str | None = None, **tags: str) -> str:
    """Launch an instance as the owner does."""
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    more: dict[str, Any] = {"TagSpecifications": [{"ResourceType": "instance", "Tags": listed}]} if tags else {}
    if profile:
        more["IamInstanceProfile"] = {"Name": profile}
    launched = ec2.run_instances(ImageId="ami-1", MinCount=1, MaxCount=1, **more)
    return str(launched["Instances"][0]["InstanceId"])


def associate(ec2: Any, instance_id: str, arn: str = WEB) -> Any:
    return ec2.associate_iam_instance_profile(InstanceId=instance_id, IamInstanceProfile={"Arn": arn})


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_calls_of_the_owner_are_answered_by_the_model(harness: Harness) -> None:
    ec2 = harness.client()
    bare, carrying = launch(ec2, app="web"), launch(ec2, "Web")
    ec2.stop_instances(InstanceIds=[bare])
    found = {one["InstanceId"]: one for page in ec2.describe_instances()["Reservations"] for one in page["Instances"]}
    assert found[bare]["State"]["Name"] == "stopped"
    assert found[bare]["Tags"] == [{"Key": "app", "Value": "web"}]
    assert found[carrying]["IamInstanceProfile"]["Arn"] == WEB
    assert harness.simulator.fleet.carried(carrying) == "Web"
    assert not harness.emulator.got


def test_an_instance_has_the_user_data_and_the_metadata_options_that_it_was_launched_with(harness: Harness) -> None:
    ec2 = harness.client()
    options = {"HttpEndpoint": "disabled", "HttpPutResponseHopLimit": 2}
    launched = ec2.run_instances(ImageId="ami-1", MinCount=1, MaxCount=1, UserData="#!/bin/sh", MetadataOptions=options)
    (instance,) = launched["Instances"]
    assert instance["MetadataOptions"] == {**options, "State": "applied", "HttpTokens": "optional"}
    shown = ec2.describe_instance_attribute(InstanceId=instance["InstanceId"], Attribute="userData")
    assert b64decode(shown["UserData"]["Value"]) == b"#!/bin/sh"


def test_instances_are_started_and_terminated(harness: Harness) -> None:
    ec2 = harness.client()
    started, terminated = launch(ec2), launch(ec2)
    ec2.stop_instances(InstanceIds=[started])
    ec2.start_instances(InstanceIds=[started])
    changes = ec2.terminate_instances(InstanceIds=[terminated])["TerminatingInstances"]
    (states,) = ((one["PreviousState"]["Name"], one["CurrentState"]["Name"]) for one in changes)
    assert states == ("running", "terminated")
    assert [harness.simulator.fleet.state(id_) for id_ in (started, terminated)] == ["running", "terminated"]


def test_an_instance_is_not_launched_with_an_unknown_profile(harness: Harness) -> None:
    with pytest.raises(ClientError, match="Invalid IAM Instance Profile name"):
        launch(harness.client(), "Unknown")


def test_an_instance_is_in_its_region_only(harness: Harness) -> None:
    here, there = launch(harness.client()), launch(harness.client(region="us-west-2"))
    with pytest.raises(ClientError) as unknown:
        harness.client().describe_instances(InstanceIds=[there])
    assert code_of(unknown) == "InvalidInstanceID.NotFound"
    assert here != there


def test_a_profile_is_unknown_for_a_while_after_ec2_is_first_asked_for_it(harness: Harness) -> None:
    ec2 = harness.client()
    id_ = launch(ec2)
    harness.clock.sleep(PROPAGATION_SECONDS)
    for _ in range(2):
        with pytest.raises(ClientError, match="Invalid IAM Instance Profile ARN"):
            associate(ec2, id_)
    harness.clock.sleep(PROPAGATION_SECONDS)
    assert associate(ec2, id_)["IamInstanceProfileAssociation"]["State"] == "associating"


def test_a_profile_that_an_instance_was_launched_with_is_known(harness: Harness) -> None:
    ec2 = harness.client()
    launch(ec2, "Web")
    assert associate(ec2, launch(ec2))


def test_a_deleted_profile_is_unknown(harness: Harness) -> None:
    ec2 = harness.client()
    launch(ec2, "Web")
    harness.environment.known.clear()
    with pytest.raises(ClientError, match="Invalid IAM Instance Profile ARN"):
        associate(ec2, launch(ec2))
    with pytest.raises(ClientError) as gone:
        harness.client("iam").get_instance_profile(InstanceProfileName="Web")
    assert code_of(gone) == "NoSuchEntity"


def test_a_profile_is_described_as_it_is_now(harness: Harness) -> None:
    harness.environment.known[WEB].trust = TRUST_LAMBDA
    described = harness.client("iam").get_instance_profile(InstanceProfileName="Web")["InstanceProfile"]
    assert (described["Arn"], described["Roles"][0]["AssumeRolePolicyDocument"]) == (WEB, TRUST_LAMBDA)


def test_a_function_may_do_what_its_role_may(harness: Harness) -> None:
    id_, function = launch(harness.client(), "Web"), harness.client(token=FUNCTION)
    assert function.describe_iam_instance_profile_associations()["IamInstanceProfileAssociations"]
    with pytest.raises(ClientError) as denied:
        associate(function, id_)
    assert code_of(denied) == "UnauthorizedOperation"
    with pytest.raises(ClientError) as denied:
        launch(function)
    assert code_of(denied) == "UnauthorizedOperation"
    assert harness.regions.callers == {FUNCTION}


def test_the_token_of_an_assumed_role_is_not_a_functions(harness: Harness) -> None:
    assert launch(harness.client(token="something-else"))
    assert not harness.regions.callers


@pytest.mark.parametrize("service", ["ec2", "iam", "sts"])
def test_any_other_action_is_forwarded_byte_for_byte_and_so_is_the_answer(harness: Harness, service: str) -> None:
    body = b"Action=DoSomethingElse&Name=%C3%A4&Version=2016-11-15"
    headers = [
        ("Host", "somewhere"),
        ("Authorization", f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260101/{REGION}/{service}/aws4_request"),
        ("X-Twice", "one"),
        ("X-Twice", "two"),
        ("Content-Length", str(len(body))),
    ]
    connection = http.client.HTTPConnection("127.0.0.1", harness.port)
    connection.putrequest("POST", "/path/?a=%2F&b", skip_host=True, skip_accept_encoding=True)
    for name, value in headers:
        connection.putheader(name, value)
    connection.endheaders(body)
    response = connection.getresponse()
    assert (response.status, response.read()) == (202, ANSWER)
    assert response.headers.get_all("X-Twice") == ["1", "2"]
    assert harness.emulator.got == [("POST /path/?a=%2F&b", headers, body)]
    connection.close()


def test_a_throttled_call_is_answered_with_503(harness: Harness) -> None:
    harness.simulator.traffic.throttle("DescribeInstances")
    with pytest.raises(ClientError) as throttled:
        harness.client().describe_instances()
    assert code_of(throttled) == "RequestLimitExceeded"
    assert throttled.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503


@pytest.mark.parametrize("after_effect", [False, True])
def test_a_connection_is_dropped_on_demand_before_or_after_the_effect(harness: Harness, after_effect: bool) -> None:
    ec2 = harness.client()
    id_ = launch(ec2)
    error = ConnectionClosedError(endpoint_url="http://127.0.0.1")
    harness.simulator.traffic.fail("StopInstances", error, after_effect=after_effect)
    with pytest.raises(ConnectionClosedError):
        ec2.stop_instances(InstanceIds=[id_])
    assert harness.simulator.fleet.state(id_) == ("stopped" if after_effect else "running")


def test_an_error_inside_the_simulator_gets_an_answer_that_is_not_retried_and_fails_the_test(
    emulator: Emulator,
) -> None:
    harness = Harness(free_port(), emulator)

    def fail(_: object) -> None:
        raise KeyError("mistaken")

    with (
        pytest.raises(ExceptionGroup) as ended,
        endpoint(harness.port, fail, emulator.url),
        pytest.raises(ClientError, match="SimulatorMistake"),
    ):
        harness.client().describe_instances()
    assert ended.group_contains(KeyError, match="mistaken")


def test_listens_on_the_loopback_interface_only(harness: Harness) -> None:
    # The other address is this machine, too: a server on all addresses would answer there.
    for address, answers in (("127.0.0.1", True), ("127.0.0.2", False)):
        with socket.socket() as probe:
            assert (probe.connect_ex((address, harness.port)) == 0) is answers


def test_forwards_to_the_loopback_interface_only(emulator: Emulator) -> None:
    harness = Harness(free_port(), emulator)
    with (
        pytest.raises(NotLocalError, match=r"ec2\.eu-west-1\.amazonaws\.com"),
        endpoint(harness.port, harness.regions.answer, "https://ec2.eu-west-1.amazonaws.com"),
    ):
        pass


def test_the_port_is_closed_afterwards(emulator: Emulator) -> None:
    harness = Harness(free_port(), emulator)
    with endpoint(harness.port, harness.regions.answer, emulator.url):
        pass
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", harness.port))


@pytest.mark.parametrize(("variables", "token"), [({"_LAMBDA_FUNCTION_ARN": FUNCTION}, FUNCTION), ({}, None)])
def test_only_a_function_has_its_arn_as_the_session_token(variables: dict[str, str], token: str | None) -> None:
    program = "import json, os; print(json.dumps(os.environ.get('AWS_SESSION_TOKEN')))"
    ended = run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(SAYS_WHO_IT_IS), **variables},
        capture_output=True,
        check=True,
    )
    assert json.loads(ended.stdout) == token
