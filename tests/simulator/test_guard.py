"""The guard: which right a call needs, the answer to a denied one, and which callers it allows."""

import json
from collections.abc import Iterator, Mapping
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from tests.simulator.authority import Authority
from tests.simulator.endpoint import Request
from tests.simulator.fleet import ACCOUNT, REGION
from tests.simulator.guard import Call, Guard
from tests.simulator.wire import Response

STS = f"arn:aws:sts::{ACCOUNT}:assumed-role"
IAM, CLOUDFORMATION = f"arn:aws:iam::{ACCOUNT}", f"arn:aws:cloudformation:{REGION}:{ACCOUNT}"
MANAGED, LOOKUP = "arn:aws:iam::aws:policy/ReadOnlyAccess", f"{IAM}:role/cdk-hnb659fds-lookup-role-1"
STACK_ID = f"{CLOUDFORMATION}:stack/Web/6b1f"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/Ledger"
SESSIONS = {
    "LOOKUP": f"{STS}/cdk-hnb659fds-lookup-role-{ACCOUNT}-{REGION}/session",
    "DEPLOY": f"{STS}/cdk-hnb659fds-deploy-role-{ACCOUNT}-{REGION}/session",
}

NEEDED = [
    ("cloudformation:DescribeStacks", {"StackName": "Web"}, f"{CLOUDFORMATION}:stack/Web/*"),
    ("cloudformation:DescribeStacks", {"StackName": STACK_ID}, STACK_ID),
    ("cloudformation:DescribeStacks", {}, f"{CLOUDFORMATION}:stack/*/*"),
    ("cloudformation:GetTemplate", {"StackName": "Web"}, f"{CLOUDFORMATION}:stack/Web/*"),
    ("cloudformation:ListExports", {}, "*"),
    ("cloudformation:ListStackResources", {"StackName": "Web"}, f"{CLOUDFORMATION}:stack/Web/*"),
    ("dynamodb:BatchGetItem", {"RequestItems": {"Ledger": {"Keys": []}}}, TABLE),
    ("dynamodb:GetItem", {"TableName": "Ledger"}, TABLE),
    ("dynamodb:Query", {"TableName": "Ledger"}, TABLE),
    ("dynamodb:Query", {"TableName": TABLE, "IndexName": "ByInstance"}, f"{TABLE}/index/ByInstance"),
    ("ec2:DescribeIamInstanceProfileAssociations", {}, "*"),
    ("ec2:DescribeInstanceAttribute", {"InstanceId": "i-1"}, "*"),
    ("ec2:DescribeInstances", {}, "*"),
    ("iam:GetInstanceProfile", {"InstanceProfileName": "Web"}, f"{IAM}:instance-profile/Web"),
    ("iam:GetPolicy", {"PolicyArn": MANAGED}, MANAGED),
    ("iam:GetPolicyVersion", {"PolicyArn": MANAGED, "VersionId": "v1"}, MANAGED),
    ("iam:GetRole", {"RoleName": "Web"}, f"{IAM}:role/Web"),
    ("iam:GetRolePolicy", {"RoleName": "Web", "PolicyName": "Queue"}, f"{IAM}:role/Web"),
    ("iam:ListAttachedRolePolicies", {"RoleName": "Web"}, f"{IAM}:role/Web"),
    ("iam:ListInstanceProfilesForRole", {"RoleName": "Web"}, f"{IAM}:role/Web"),
    ("iam:ListRolePolicies", {"RoleName": "Web"}, f"{IAM}:role/Web"),
    (
        "sqs:GetQueueAttributes",
        {"QueueUrl": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/Dead"},
        f"arn:aws:sqs:{REGION}:{ACCOUNT}:Dead",
    ),
    ("ssm:GetParameter", {"Name": "/cdk-bootstrap/hnb659fds/version"}, "parameter/cdk-bootstrap/hnb659fds/version"),
    ("sts:AssumeRole", {"RoleArn": LOOKUP}, LOOKUP),
]
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def signed(action: str, parameters: Mapping[str, str] | None = None, *, key: str = ACCOUNT) -> Request:
    """A request as the SDKs make it."""
    service, _, name = action.partition(":")
    headers = Message()
    headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={key}/20260101/{REGION}/{service}/aws4_request"
    if service in ("dynamodb", "sqs", "ssm"):
        headers["X-Amz-Target"] = f"Service_20260101.{name}"
        return Request(headers, json.dumps(parameters or {}).encode())
    form = {"Action": name, **(parameters or {})}
    return Request(headers, "&".join(f"{name}={value}" for name, value in form.items()).encode())


class Emulator(BaseHTTPRequestHandler):
    """Knows only the owner of an access key."""

    def do_POST(self) -> None:
        key = self.headers["Authorization"].partition("Credential=")[2].partition("/")[0]
        self.send_response_only(200)
        self.end_headers()
        self.wfile.write(f"<Arn>{SESSIONS[key]}</Arn>".encode() if key in SESSIONS else b"<Error/>")

    def log_message(self, format: str, *args: Any) -> None:
        """No log is needed."""


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    """Its URL."""
    with HTTPServer(("127.0.0.1", 0), Emulator) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def guarding(*statements: Mapping[str, Any], emulator: str = "http://127.0.0.1:9") -> Guard:
    """A guard with a policy of these statements. By default there is no emulator behind it."""
    policies = {"Reader": {"Version": "2012-10-17", "Statement": list(statements)}} if statements else {}
    return Guard(ACCOUNT, emulator, Authority(policies))


def denied(response: Response | None) -> str:
    """What is answered to a denied call."""
    assert response is not None
    return f"{response.status} {response.body.decode()}"


@pytest.mark.parametrize(("action", "parameters", "resource"), NEEDED)
def test_a_call_needs_the_right_to_one_action_on_one_resource(
    action: str, parameters: Mapping[str, str], resource: str
) -> None:
    arn = resource if resource.startswith(("arn:", "*")) else f"arn:aws:ssm:{REGION}:{ACCOUNT}:{resource}"
    guard = guarding({"Effect": "Allow", "Action": action, "Resource": arn})
    assert guard.answer(signed(action, parameters)) is None
    assert guard.calls == [Call(action, arn, allowed=True)]


@pytest.mark.parametrize(("action", "parameters", "_"), NEEDED)
def test_a_call_that_the_policy_does_not_allow_is_denied(action: str, parameters: Mapping[str, str], _: str) -> None:
    guard = guarding({"Effect": "Allow", "NotAction": action, "Resource": "*"})
    assert "is not authorized to perform: " + action in denied(guard.answer(signed(action, parameters)))
    assert [call.allowed for call in guard.calls] == [False]


def test_a_call_is_denied_on_another_resource() -> None:
    guard = guarding({"Effect": "Allow", "Action": "iam:GetRole", "Resource": f"{IAM}:role/Web"})
    assert denied(guard.answer(signed("iam:GetRole", {"RoleName": "Database"})))


@pytest.mark.parametrize("action", ["ec2:TerminateInstances", "iam:ListRoles", "dynamodb:PutItem", "s3:"])
def test_an_action_that_the_guard_does_not_know_is_denied_with_any_policy(action: str) -> None:
    guard = guarding(EVERYTHING)
    assert denied(guard.answer(signed(action)))
    assert guard.calls == [Call(action, "", allowed=False)]


@pytest.mark.parametrize(
    ("action", "answer"),
    [
        ("ec2:DescribeInstances", "403 <Response><Errors><Error><Code>UnauthorizedOperation</Code>"),
        ("iam:ListRoles", "403 <ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>"),
        ("dynamodb:PutItem", '400 {"__type": "com.amazonaws.dynamodb.v20120810#AccessDeniedException"'),
    ],
)
def test_a_denial_is_in_the_protocol_of_the_service(action: str, answer: str) -> None:
    said = denied(guarding().answer(signed(action)))
    plain = said.replace('<?xml version="1.0" encoding="UTF-8"?>\n', "")
    assert plain.replace(' xmlns="https://iam.amazonaws.com/doc/2010-05-08/"', "").startswith(answer)


def test_every_caller_may_get_its_own_identity() -> None:
    guard = guarding()
    assert guard.answer(signed("sts:GetCallerIdentity")) is None
    assert guard.calls == []


def test_a_session_of_the_lookup_role_may_do_everything(emulator: str) -> None:
    guard = guarding(emulator=emulator)
    assert guard.answer(signed("cloudformation:GetTemplate", key="LOOKUP")) is None
    assert (guard.calls, guard.sessions) == ([], {SESSIONS["LOOKUP"]})


@pytest.mark.parametrize("key", ["DEPLOY", "UNKNOWN"])
def test_any_other_access_key_is_denied_everything(emulator: str, key: str) -> None:
    guard = guarding(EVERYTHING, emulator=emulator)
    assert denied(guard.answer(signed("cloudformation:GetTemplate", key=key)))
    assert guard.calls == []
