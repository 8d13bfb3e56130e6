"""AWS's answers about any number of targets, as large as the real ones, and made with next to no work.

So what a program takes with them is its own and boto3's work.
"""

import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders

from benchmarks.handler_targets import ROLES, WANTED
from tests.simulator.fleet import TRUST_EC2
from tests.simulator.wire import ec2_response, query_response

MARK = "i-fedcba98765432100"
"""Stands for the id of an instance."""
PAGE_BYTES = 1_000_000
"""DynamoDB ends a page of a query at a megabyte: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html"""

_ZONE, _SUBNET, _VPC = "eu-west-1a", "subnet-0123456789abcdef0", "vpc-0123456789abcdef0"
_ADDRESS, _TIME = "ip-10-0-12-34.eu-west-1.compute.internal", "2025-03-14T09:26:53.000Z"
_GROUPS = [{"groupId": "sg-0123456789abcdef0", "groupName": "application-servers"}]
_VOLUME = {"volumeId": "vol-0123456789abcdef0", "status": "attached", "attachTime": _TIME, "deleteOnTermination": True}
_INTERFACE = {
    "networkInterfaceId": "eni-0123456789abcdef0",
    "subnetId": _SUBNET,
    "vpcId": _VPC,
    "description": "Primary network interface",
    "ownerId": "111122223333",
    "status": "in-use",
    "macAddress": "02:00:00:12:34:56",
    "privateIpAddress": "10.0.12.34",
    "privateDnsName": _ADDRESS,
    "sourceDestCheck": True,
    "groupSet": _GROUPS,
    "attachment": {
        "attachmentId": "eni-attach-0123456789abcdef0",
        "deviceIndex": 0,
        "status": "attached",
        "attachTime": _TIME,
        "deleteOnTermination": True,
        "networkCardIndex": 0,
    },
    "privateIpAddressesSet": [{"privateIpAddress": "10.0.12.34", "privateDnsName": _ADDRESS, "primary": True}],
    "interfaceType": "interface",
}
INSTANCE: Mapping[str, Any] = {
    "instanceId": MARK,
    "imageId": "ami-0123456789abcdef0",
    "instanceState": {"code": 16, "name": "running"},
    "privateDnsName": _ADDRESS,
    "keyName": "operations",
    "amiLaunchIndex": 0,
    "instanceType": "m6i.large",
    "launchTime": _TIME,
    "placement": {"availabilityZone": _ZONE, "tenancy": "default"},
    "monitoring": {"state": "disabled"},
    "subnetId": _SUBNET,
    "vpcId": _VPC,
    "privateIpAddress": "10.0.12.34",
    "sourceDestCheck": True,
    "groupSet": _GROUPS,
    "architecture": "x86_64",
    "rootDeviceType": "ebs",
    "rootDeviceName": "/dev/xvda",
    "blockDeviceMapping": [{"deviceName": "/dev/xvda", "ebs": _VOLUME}, {"deviceName": "/dev/sdf", "ebs": _VOLUME}],
    "virtualizationType": "hvm",
    "clientToken": "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
    "tagSet": [{"key": key, "value": "a-value-of-usual-length"} for key in ("Name", "app", "env", "team", "cost")],
    "hypervisor": "xen",
    "networkInterfaceSet": [_INTERFACE],
    "iamInstanceProfile": {"arn": WANTED, "id": "AIPA0123456789ABCDEF0"},
    "ebsOptimized": True,
    "enaSupport": True,
    "cpuOptions": {"coreCount": 1, "threadsPerCore": 2},
    "capacityReservationSpecification": {"capacityReservationPreference": "open"},
    "hibernationOptions": {"configured": False},
    "metadataOptions": {
        "state": "applied",
        "httpTokens": "required",
        "httpPutResponseHopLimit": 2,
        "httpEndpoint": "enabled",
    },
    "enclaveOptions": {"enabled": False},
    "privateDnsNameOptions": {"hostnameType": "ip-name", "enableResourceNameDnsARecord": False},
    "maintenanceOptions": {"autoRecovery": "default"},
}
ROW: Mapping[str, Any] = {
    "associationId": f"iip-assoc-{MARK[2:]}",
    "instanceId": MARK,
    "iamInstanceProfile": {"arn": WANTED, "id": "AIPA0123456789ABCDEF0"},
    "state": "associated",
    "timestamp": _TIME,
}
RESERVATION: Mapping[str, Any] = {
    "reservationId": f"r-{MARK[2:]}",
    "ownerId": "111122223333",
    "instancesSet": [INSTANCE],
}
PROFILE: Mapping[str, Any] = {
    "Path": "/",
    "InstanceProfileName": WANTED.rpartition("/")[2],
    "InstanceProfileId": "AIPA0123456789ABCDEF0",
    "Arn": WANTED,
    "CreateDate": _TIME,
    "Roles": [
        {
            "Path": "/",
            "RoleName": "Web",
            "RoleId": "AROA0123456789ABCDEF0",
            "Arn": f"{ROLES}/Web",
            "CreateDate": _TIME,
            "AssumeRolePolicyDocument": quote(json.dumps(TRUST_EC2)),
        }
    ],
}


class Canned:
    """Answers for the clients of the default session, which have to be made after it."""

    def __init__(self, ids: Sequence[str]) -> None:
        """
        Args:
            ids: the instances that there are. Each carries the wanted profile.
        """
        self.ids, self.item = ids, ""
        """The item of the ledger for each of them, as JSON, with `MARK` in it."""
        self.calls: Counter[str] = Counter()
        self._pages = {
            "DescribeInstances": _Page("DescribeInstances", "reservationSet", RESERVATION),
            "DescribeIamInstanceProfileAssociations": _Page(
                "DescribeIamInstanceProfileAssociations", "iamInstanceProfileAssociationSet", ROW
            ),
        }
        boto3.setup_default_session()
        assert boto3.DEFAULT_SESSION
        # What such a handler returns becomes the answer, which the types of botocore don't know.
        boto3.DEFAULT_SESSION.events.register("before-send", self._send)  # type: ignore[arg-type]

    def _send(self, request: AWSPreparedRequest, event_name: str, **_more: Any) -> AWSResponse:
        _, service, action = event_name.split(".")
        self.calls[action] += 1
        text = request.body.decode() if isinstance(request.body, bytes) else str(request.body)
        match service:
            case "dynamodb":
                body = self._ledger(action, json.loads(text))
            case "iam":
                body = query_response(action, {"InstanceProfile": PROFILE}).body.decode()
            case _:
                body = self._ec2(action, text)
        return AWSResponse(request.url, 200, HTTPHeaders(), _Body(body.encode()))

    def _ec2(self, action: str, form: str) -> str:
        values = [value for name, value in parse_qsl(form) if name.startswith("Filter.1.Value.")]
        return self._pages[action].of(values)

    def _ledger(self, action: str, request: Mapping[str, Any]) -> str:
        assert action == "Query", action
        start = int(request.get("ExclusiveStartKey", {}).get("Id", {}).get("S", "0"))
        size = PAGE_BYTES // len(self.item)
        items = ",".join(self.item.replace(MARK, id_) for id_ in self.ids[start : start + size])
        last = f',"LastEvaluatedKey":{{"Id":{{"S":"{start + size}"}}}}' if start + size < len(self.ids) else ""
        return f'{{"Items":[{items}]{last}}}'


class _Page:
    """A page of EC2's, of which only the items differ."""

    def __init__(self, action: str, element: str, item: Mapping[str, Any]) -> None:
        text = ec2_response(action, {element: [item]}).body.decode()
        self._head, self._item, self._tail = _split(text, f"<{element}>", f"</{element}>")

    def of(self, ids: Sequence[str]) -> str:
        items = "".join(self._item.replace(MARK, id_).replace(MARK[2:], id_[2:]) for id_ in ids)
        return f"{self._head}{items}{self._tail}"


class _Body(io.BytesIO):
    """What botocore reads the body of an answer from."""

    def stream(self, amount: int = 65536, **_: Any) -> Iterator[bytes]:
        while chunk := self.read(amount):
            yield chunk


def _split(text: str, first: str, last: str) -> tuple[str, str, str]:
    begin, end = text.index(first) + len(first), text.index(last)
    return text[:begin], text[begin:end], text[end:]
