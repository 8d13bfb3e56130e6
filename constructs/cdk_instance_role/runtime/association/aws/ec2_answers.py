"""Reads what EC2 says of instances, and nothing that nobody here asks for.

botocore looks at every element of an answer and at every member of its model, which takes most of the time of a look at
thousands of instances. So lists and structures that are not wanted are cut out of the text of an answer, and the rest
is read in one pass.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from botocore.utils import parse_timestamp

if TYPE_CHECKING:
    from botocore.model import OperationModel
    from mypy_boto3_ec2 import EC2Client

_PROFILE = ("IamInstanceProfile.Arn", "IamInstanceProfile.Id")
INSTANCE = ("InstanceId", "State.Name", "Placement.AvailabilityZone", "Tags.Key", "Tags.Value", *_PROFILE)
"""Members of an instance that are always read."""
FIRST_LAUNCH = ("NetworkInterfaces.Attachment.AttachTime", "NetworkInterfaces.Attachment.DeviceIndex")
"""Those that say when an instance was first launched."""

_ASSOCIATION = ("AssociationId", "InstanceId", "State", "Timestamp", *_PROFILE)

Element = ElementTree.Element
Reader = Callable[[Element], Any]
_MIN_FAILED = 300
"""HTTP status of what is no answer."""
_NAMESPACE = re.compile(rb' xmlns="[^"]*"')
_UNUSUAL = b"<!", b"xmlns"
"""Comments, CDATA and prefixes. EC2 sends none, and they would have to be understood before something is cut out."""
_REQUEST_ID = "requestId"


def read_quickly(ec2: "EC2Client", instance: Iterable[str] = INSTANCE) -> None:
    """Let a client read only what is wanted. A botocore that lets nobody else read answers reads them as ever.

    Args:
        ec2: the client.
        instance: members of an instance, with a dot before what is wanted of one. Default: those that are always read.
    """
    wanted = {
        "DescribeIamInstanceProfileAssociations": _in("IamInstanceProfileAssociations", _ASSOCIATION),
        "DescribeInstances": _in("Reservations.Instances", instance),
    }
    for operation, members in wanted.items():
        model = ec2.meta.service_model.operation_model(operation)
        ec2.meta.events.register(f"before-parse.ec2.{operation}", _Answers(model, members).read)


def _in(list_: str, members: Iterable[str]) -> list[str]:
    """The members of an answer that are read. A new one, of whatever type, is not."""
    return ["NextToken", *(f"{list_}.{member}" for member in members)]


class _Answers:
    """Reads the answers to an operation."""

    def __init__(self, operation: "OperationModel", wanted: Iterable[str]) -> None:
        self._operation, self._wanted = operation, wanted
        self._unwanted: set[str] = set()
        """Names of elements that hold others, and are not wanted. None of them contains another one of its name."""

    def read(
        self, response_dict: dict[str, Any], customized_response_dict: dict[str, Any] | None = None, **_more: Any
    ) -> None:
        """Read an answer. botocore gets what it says about itself, and puts the rest beside that."""
        if customized_response_dict is None or response_dict["status_code"] >= _MIN_FAILED:
            return
        body = _NAMESPACE.sub(b"", response_dict["body"], count=1)
        if any(sign in body for sign in _UNUSUAL):
            return
        read, cut = self._reading
        try:
            text = cut.sub(b"", body)
            parser = ElementTree.XMLParser(encoding="utf-8")  # noqa: S314 as botocore does: the answers are those of EC2
            root = ElementTree.fromstring(text, parser)  # noqa: S314
        except ElementTree.ParseError:
            return  # botocore says so
        customized_response_dict |= read(root)
        for child in [child for child in root if child.tag != _REQUEST_ID]:
            root.remove(child)
        response_dict["body"] = ElementTree.tostring(root)

    @cached_property
    def _reading(self) -> tuple[Reader, re.Pattern[bytes]]:
        """What reads the root element, and what matches elements that are not wanted: nothing if there are none."""
        read = self._reader(self._operation.output_shape, self._wanted)
        names = "|".join(sorted(self._unwanted))
        return read, re.compile(rf"<({names})>.*?</\1\s*>".encode(), re.DOTALL)

    def _reader(self, shape: Any, wanted: Iterable[str]) -> Reader:
        """What reads an element of a shape."""
        if shape.type_name == "structure":
            return self._structure(shape, wanted)
        if shape.type_name == "list":
            return _list(self._reader(shape.member, wanted))
        return _SCALARS[shape.type_name]

    def _structure(self, shape: Any, wanted: Iterable[str]) -> Reader:
        within, members = _within(wanted), {}
        for name, member in shape.members.items():
            element = member.serialization.get("name", name)
            if name in within:
                members[element] = name, self._reader(member, within[name])
            elif member.type_name in ("list", "structure"):
                self._unwanted.add(element)

        def read(element: Element) -> dict[str, Any]:
            found = {}
            for child in element:
                known = members.get(child.tag)
                if known:
                    name, reader = known
                    found[name] = reader(child)
            return found

        return read


def _within(wanted: Iterable[str]) -> dict[str, list[str]]:
    """What is wanted of each member."""
    found: dict[str, list[str]] = {}
    for path in wanted:
        name, _, rest = path.partition(".")
        found.setdefault(name, []).extend([rest] if rest else [])
    return found


def _list(reader: Reader) -> Reader:
    return lambda element: [reader(item) for item in element]


def _scalar(read: Callable[[str], Any]) -> Reader:
    return lambda element: read(element.text or "")


def _moment(text: str) -> datetime:
    """A point in time. botocore understands all forms, and takes long for those that Python knows, too."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return parse_timestamp(text)


_SCALARS: Mapping[str, Reader] = {
    "boolean": _scalar("true".__eq__),
    "integer": _scalar(int),
    "string": _scalar(str),
    "timestamp": _scalar(_moment),
}
