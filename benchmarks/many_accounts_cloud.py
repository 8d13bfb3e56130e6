"""Many accounts and Regions in a process of their own, over HTTP: all hold the same stack, and instances of their own.

The simulator answers what it is asked for the first time. An answer is used again for all accounts and Regions, with
their names in it, so that the processor is left to what is measured.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from localaws.environment import refuse_remote
from tests.cli.cloud import Cloud
from tests.cli.servers import STACK, Servers, synthesized
from tests.simulator.endpoint import Request, endpoint
from tests.simulator.fleet import ACCOUNT, REGION
from tests.simulator.wire import Response, parse_form

DRIFTED = 50
"""One instance of so many has lost its profile."""

SECONDS: Mapping[str, float] = {
    "AssumeRole": 0.1,
    "GetCallerIdentity": 0.05,
    "DescribeStacks": 0.1,
    "ListStackResources": 0.15,
    "GetTemplate": 0.15,
    "DescribeInstances": 0.25,
    "DescribeIamInstanceProfileAssociations": 0.15,
    "dynamodb": 0.01,
    "iam": 0.08,
}
"""How long an answer takes, by action or service: about what a call from within a continent takes."""


def deployed(instances: int) -> Cloud:
    """An account and Region with the stack and so many instances."""
    cloud = Cloud()
    ids = [cloud.instance(number) for number in range(1, instances + 1)]
    cloud.deploy(synthesized(Servers()))
    for id_ in ids[::DRIFTED]:
        cloud.fleet.set_carried(id_, None)
    return cloud


class Cached:
    """Answers requests for any account and Region."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud, self._stack = cloud, cloud.cloudformation.stacks[STACK]
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str, bytes], Response] = {}
        self.calls = 0

    def answer(self, request: Request) -> Response:
        """The answer, after its latency."""
        began, target = time.monotonic(), request.headers.get("X-Amz-Target", "")
        # The account of a call is its access key: an assumed role has that of its account.
        account, region = request.access_key, request.region
        asked = request.body.replace(account.encode(), ACCOUNT.encode())
        # A Region is not replaced where a call is about the names of others, such as that of STS.
        if request.service != "sts":
            asked = asked.replace(region.encode(), REGION.encode())
        form = parse_form(asked.decode()) if not target else {}
        action = form.get("Action", "")
        if action == "AssumeRole":
            found = _assumed(parse_form(request.body.decode())["RoleArn"])
        else:
            with self._lock:
                self.calls += 1
                key = request.service, target, asked
                if key not in self._known:
                    self._known[key] = self._made(request.service, action, asked, form, target)
                found = self._known[key]
        body = found.body.replace(ACCOUNT.encode(), account.encode())
        if request.service != "iam":
            body = body.replace(REGION.encode(), region.encode())
        seconds = SECONDS.get(action, SECONDS.get(request.service, 0.1))
        time.sleep(max(0.0, seconds - (time.monotonic() - began)))
        return Response(found.status, body, found.content_type)

    def _made(self, service: str, action: str, body: bytes, form: Mapping[str, Any], target: str) -> Response:
        match service, action:
            case "sts", "GetCallerIdentity":
                return _xml(action, f"<Account>{ACCOUNT}</Account>")
            case "cloudformation", "DescribeStacks":
                status = "<StackStatus>CREATE_COMPLETE</StackStatus><CreationTime>2026-01-01T00:00:00Z</CreationTime>"
                named = f"<StackId>{self._stack.id}</StackId><StackName>{STACK}</StackName>"
                return _xml(action, f"<Stacks><member>{named}{status}</member></Stacks>")
            case "cloudformation", "ListStackResources":
                rows = "".join(map(self._resource, self._stack.physical_ids))
                return _xml(action, f"<StackResourceSummaries>{rows}</StackResourceSummaries>")
            case "cloudformation", "GetTemplate":
                return _xml(action, f"<TemplateBody>{escape(json.dumps(self._stack.template))}</TemplateBody>")
            case "iam", "GetRole" | "ListAttachedRolePolicies" | "ListRolePolicies" | "GetPolicy" | "GetPolicyVersion":
                return _xml(action, self._of_iam(action, form))
            case "ec2" | "iam" | "dynamodb", _:
                return self._cloud.world.aws.answer(service, body, {"X-Amz-Target": target})
        raise NotImplementedError(f"{service} {action}")

    def _of_iam(self, action: str, form: Mapping[str, Any]) -> str:
        iam, role = self._cloud.iam, form.get("RoleName", "")
        match action:
            case "GetRole":
                found = iam.get_role(RoleName=role)["Role"]
                return f"<Role>{_elements({**found, 'AssumeRolePolicyDocument': _document(found)})}</Role>"
            case "ListAttachedRolePolicies":
                attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
                return f"<AttachedPolicies>{_members(map(_elements, attached))}</AttachedPolicies>"
            case "ListRolePolicies":
                names = iam.list_role_policies(RoleName=role)["PolicyNames"]
                return f"<PolicyNames>{_members(names)}</PolicyNames>"
            case "GetPolicy":
                return f"<Policy>{_elements(iam.get_policy(PolicyArn=form['PolicyArn'])['Policy'])}</Policy>"
        version = iam.get_policy_version(PolicyArn=form["PolicyArn"], VersionId=form["VersionId"])["PolicyVersion"]
        return f"<PolicyVersion><Document>{quote(json.dumps(version['Document']))}</Document></PolicyVersion>"

    def _resource(self, logical_id: str) -> str:
        kind = self._stack.template["Resources"].get(logical_id, {}).get("Type", "AWS::CDK::Metadata")
        values = {
            "LogicalResourceId": logical_id,
            "PhysicalResourceId": self._stack.physical_ids[logical_id],
            "ResourceType": kind,
            "ResourceStatus": "CREATE_COMPLETE",
            "LastUpdatedTimestamp": "2026-01-01T00:00:00Z",
        }
        return f"<member>{_elements(values)}</member>"


def _assumed(role_arn: str) -> Response:
    """Credentials whose access key is the id of the account."""
    account = role_arn.split(":")[4]
    credentials = {
        "AccessKeyId": account,
        "SecretAccessKey": "test",
        "SessionToken": "test",
        "Expiration": "2099-01-01T00:00:00Z",
    }
    return _xml("AssumeRole", f"<Credentials>{_elements(credentials)}</Credentials>")


def _document(role: Mapping[str, Any]) -> str:
    return quote(json.dumps(role["AssumeRolePolicyDocument"]))


def _members(texts: Iterable[str]) -> str:
    return "".join(f"<member>{text}</member>" for text in texts)


def _elements(values: Mapping[str, str]) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())


def _xml(action: str, inside: str) -> Response:
    return Response(200, f"<{action}Response><{action}Result>{inside}</{action}Result></{action}Response>".encode())


def main() -> None:
    """Serve on a port until standard input ends: ``python -m benchmarks.many_accounts_cloud PORT INSTANCES``."""
    refuse_remote(os.environ)
    port, instances = map(int, sys.argv[1:])
    cached = Cached(deployed(instances))
    with endpoint(port, cached.answer, f"http://127.0.0.1:{port}"):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
