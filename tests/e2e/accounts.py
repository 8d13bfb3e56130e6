"""Several accounts on one local AWS, and what AWS refuses there although the local AWS allows it."""

import re
import threading
from collections.abc import Mapping
from copy import copy
from http import HTTPStatus
from typing import Any

from botocore.exceptions import ClientError

from localaws.environment import local_environment
from localaws.ministack import LocalAws
from tests.simulator.endpoint import Request
from tests.simulator.errors import AwsError
from tests.simulator.evaluator import evaluator
from tests.simulator.guard import caller_arn
from tests.simulator.wire import Response, ec2_error, json_error, parse_form, query_error

_ROLE_OF_SESSION = re.compile(r"arn:aws:sts::\d{12}:assumed-role/([^/]+)/.+")

# EC2, services that speak JSON, and all others have different codes for the same.
_EXPIRED = "RequestExpired", "ExpiredTokenException", "ExpiredToken"
_NOT_ENABLED = "AuthFailure", "UnrecognizedClientException", "InvalidClientTokenId"


def in_account(aws: LocalAws, account: str) -> LocalAws:
    """A running local AWS with credentials of another account. It ends with the one that it was created from."""
    home = aws.folder / f"home-{account}"  # the CDK CLI remembers there to which account credentials belong
    home.mkdir(exist_ok=True)
    other = copy(aws)
    other.account = account
    other.environment = local_environment(aws.endpoint, account=account, region=aws.region, home=str(home))
    return other


class AccountChecks:
    """Answers what the local AWS would allow, and AWS does not:

    - to assume a role that does not exist, or whose trust policy does not allow the caller
    - calls to Regions that are not enabled
    - calls with credentials that have expired
    """

    def __init__(self, upstream: str, iam: Mapping[str, Any]) -> None:
        """
        Args:
            upstream: URL of the local AWS.
            iam: a client of IAM for each account.
        """
        self.assumed: list[str] = []
        """ARNs of the roles that were assumed."""
        self.not_enabled: set[str] = set()
        """Regions."""
        self.calls_left: dict[str, int] = {}
        """How many calls are answered until the credentials of a role expire, by its name. Default: they do not."""
        self._upstream, self._iam = upstream, iam
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Response | None:
        """Answer a request that is refused; None if it is to be forwarded."""
        if request.region in self.not_enabled:
            return _refusal(request, _NOT_ENABLED, "The security token included in the request is invalid.")
        if self._has_expired(request):
            return _refusal(request, _EXPIRED, "The security token included in the request is expired")
        asked = parse_form(request.body.decode(errors="replace")) if request.service == "sts" else {}
        return self._assume(request.access_key, asked["RoleArn"]) if asked.get("Action") == "AssumeRole" else None

    def _assume(self, caller: str, role: str) -> Response | None:
        if self._trusts(role, f"arn:aws:iam::{caller}:root"):
            self.assumed.append(role)
            return None
        message = f"User: arn:aws:iam::{caller}:root is not authorized to perform: sts:AssumeRole on resource: {role}"
        return query_error(AwsError("AccessDenied", message, HTTPStatus.FORBIDDEN))

    def _trusts(self, role: str, caller: str) -> bool:
        try:
            found = self._iam[role.split(":")[4]].get_role(RoleName=role.rpartition("/")[2])["Role"]
        except ClientError:
            return False
        return bool(evaluator().evaluate_trust_policy(found["AssumeRolePolicyDocument"], caller))

    def _has_expired(self, request: Request) -> bool:
        if not self.calls_left:
            return False
        session = _ROLE_OF_SESSION.fullmatch(caller_arn(self._upstream, request.access_key))
        if session is None or session[1] not in self.calls_left:
            return False
        with self._lock:
            self.calls_left[session[1]] -= 1
            return self.calls_left[session[1]] < 0


def _refusal(request: Request, codes: tuple[str, str, str], message: str) -> Response:
    """An error in the protocol of the service."""
    of_ec2, of_json, of_others = codes
    if request.service == "ec2":
        return ec2_error(AwsError(of_ec2, message, HTTPStatus.UNAUTHORIZED))
    if "X-Amz-Target" in request.headers:
        return json_error(AwsError(of_json, message))
    return query_error(AwsError(of_others, message, HTTPStatus.FORBIDDEN))
