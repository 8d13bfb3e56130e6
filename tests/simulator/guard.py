"""A guard in front of the local AWS: it allows a caller exactly what a policy allows.

The actions that read, and their resources:
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

import http.client
import json
import re
import threading
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from tests.simulator.authority import Attempt, Authority, denial
from tests.simulator.endpoint import MAX_SECONDS, Request
from tests.simulator.errors import AwsError
from tests.simulator.wire import Response, ec2_error, json_error, parse_form, query_error

_TARGET = "X-Amz-Target"
_WHO_AM_I = "sts:GetCallerIdentity"
"""This call needs no right."""
_PREFIXES = {"tagging": "tag"}
"""How policies call services that are signed for by another name."""
_OF_ROLES = frozenset(
    {"GetRole", "GetRolePolicy", "ListAttachedRolePolicies", "ListInstanceProfilesForRole", "ListRolePolicies"}
)
_LOOKUP_SESSION = re.compile(r"arn:aws:sts::\d{12}:assumed-role/cdk-[a-z0-9]+-lookup-role-[^/]+/.+")


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the guarded caller."""

    action: str
    """For example ``iam:GetRole``."""
    resource: str
    """An ARN, or ``*``; empty for an action that the guard does not know."""
    allowed: bool


class Guard:
    """Checks every call against a policy. Sessions of the CDK's lookup role may do everything: that role is not ours.

    IAM's resources are taken to have no path, because the calls don't name it.
    """

    def __init__(self, account: str, upstream: str, authority: Authority) -> None:
        """
        Args:
            account: account id, and access key id of the caller.
            upstream: URL of the local AWS. It knows whose the other access keys are.
            authority: decides about the caller. Another one can take its place at any time.
        """
        self.authority = authority
        self.calls: list[Call] = []
        """What the caller has called, in its order."""
        self.sessions: set[str] = set()
        """ARNs of the others that have called."""
        self._account, self._upstream = account, upstream
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Response | None:
        """Answer a request that is denied; None if it is to be forwarded."""
        action = _action(request)
        if request.access_key != self._account:
            return None if self._is_lookup(request.access_key) else _refuse(request, Attempt(action, "*"), "someone")
        if action == _WHO_AM_I:
            return None
        attempt = Attempt(action, resource(request, self._account) or "")
        with self._lock:
            allowed = bool(attempt.resource) and self.authority.allows(attempt)
            self.calls.append(Call(attempt.action, attempt.resource, allowed))
        return None if allowed else _refuse(request, attempt, self.authority.principal_arn)

    def _is_lookup(self, access_key: str) -> bool:
        session = caller_arn(self._upstream, access_key)
        self.sessions.add(session)
        return _LOOKUP_SESSION.fullmatch(session) is not None


def resource(request: Request, account: str) -> str | None:
    """What a call that reads is authorized on; None if it is not known here.

    Args:
        request: the call.
        account: account id.
    """
    service, _, name = _action(request).partition(":")
    asked, here = _parameters(request), f"{service}:{request.region}:{account}"
    match service, name:
        case "cloudformation", "DescribeStacks" | "GetTemplate" | "ListStackResources":
            return _stack(asked.get("StackName", "*"), here)
        case "cloudformation", "ListExports":
            return "*"
        case "dynamodb", "BatchGetItem" if len(asked["RequestItems"]) == 1:
            return _table(next(iter(asked["RequestItems"])), here)
        case "dynamodb", "GetItem" | "Query":
            return _table(asked["TableName"], here) + (f"/index/{asked['IndexName']}" if "IndexName" in asked else "")
        case "ec2", "DescribeIamInstanceProfileAssociations" | "DescribeInstanceAttribute" | "DescribeInstances":
            return "*"
        case ("ec2", "DescribeRegions") | ("tag", "GetResources"):
            return "*"
        case "iam", "GetInstanceProfile":
            return f"arn:aws:iam::{account}:instance-profile/{asked['InstanceProfileName']}"
        case "iam", "GetPolicy" | "GetPolicyVersion":
            return str(asked["PolicyArn"])
        case "iam", _ if name in _OF_ROLES:
            return f"arn:aws:iam::{account}:role/{asked['RoleName']}"
        case "sqs", "GetQueueAttributes":
            return f"arn:aws:{here}:{asked['QueueUrl'].rpartition('/')[2]}"
        case "ssm", "GetParameter":
            return f"arn:aws:{here}:parameter/{asked['Name'].removeprefix('/')}"
        case "sts", "AssumeRole":
            return str(asked["RoleArn"])
    return None


def caller_arn(upstream: str, access_key: str) -> str:
    """ARN of the caller that the local AWS has for an access key; empty if it has none."""
    scope = f"{access_key}/20260101/us-east-1/sts/aws4_request"
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    with closing(http.client.HTTPConnection(urlsplit(upstream).netloc, timeout=MAX_SECONDS)) as connection:
        connection.request("POST", "/", "Action=GetCallerIdentity&Version=2011-06-15", headers)
        found = re.search(r"<Arn>(.*?)</Arn>", connection.getresponse().read().decode())
    return found[1] if found else ""


def _action(request: Request) -> str:
    target = request.headers.get(_TARGET, "")
    name = target.rpartition(".")[2] if target else _parameters(request).get("Action", "")
    return f"{_PREFIXES.get(request.service, request.service)}:{name}"


def _parameters(request: Request) -> Mapping[str, Any]:
    text = request.body.decode(errors="replace")
    found: Mapping[str, Any] = json.loads(text) if _TARGET in request.headers else parse_form(text)
    return found


def _stack(name: str, here: str) -> str:
    """A stack that is asked for by its name has any id."""
    return name if name.startswith("arn:") else f"arn:aws:{here}:stack/{name}/*"


def _table(name: str, here: str) -> str:
    return name if name.startswith("arn:") else f"arn:aws:{here}:table/{name}"


def _refuse(request: Request, attempt: Attempt, principal_arn: str) -> Response:
    """What the service says, in its own protocol."""
    message = denial(attempt, principal_arn)
    if request.service == "ec2":
        return ec2_error(AwsError("UnauthorizedOperation", message, HTTPStatus.FORBIDDEN))
    if _TARGET in request.headers:
        return json_error(AwsError("AccessDeniedException", message))
    return query_error(AwsError("AccessDenied", message, HTTPStatus.FORBIDDEN))
