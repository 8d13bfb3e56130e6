"""AWS's query protocol: from the form in a request to parameters, and from an answer to XML.

EC2: https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-http-requests.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from botocore.parsers import RpcV2CBORParser

from tests.simulator.errors import AwsError

REQUEST_ID = "00000000-0000-0000-0000-000000000000"
_EC2_NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
_IAM_NAMESPACE = "https://iam.amazonaws.com/doc/2010-05-08/"


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes
    content_type: str = "text/xml;charset=UTF-8"


def parse_form(body: str) -> dict[str, Any]:
    """The parameters of a form, with ``Filter.1.Value.2`` as what it stands for.

    >>> parse_form("Filter.1.Name=state&Filter.1.Value.1=a&Filter.1.Value.2=b")
    {'Filter': [{'Name': 'state', 'Value': ['a', 'b']}]}
    """
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(body, keep_blank_values=True):
        *path, last = name.split(".")
        place = tree
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    parameters: dict[str, Any] = _listed(tree)
    return parameters


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key.isdigit() for key in value):
        return [_listed(value[key]) for key in sorted(value, key=int)]
    return {key: _listed(item) for key, item in value.items()}


def ec2_response(action: str, answer: Mapping[str, Any]) -> Response:
    """An answer of EC2. Its names are those of the XML elements; the elements of a list are called ``item``."""
    inner = f"<requestId>{REQUEST_ID}</requestId>{_xml(answer, 'item')}"
    return _document(f'<{action}Response xmlns="{_EC2_NAMESPACE}">{inner}</{action}Response>')


def iam_response(action: str, answer: Mapping[str, Any]) -> Response:
    """An answer of IAM, where the elements of a list are called ``member``."""
    result = f"<{action}Result>{_xml(answer, 'member')}</{action}Result>"
    metadata = f"<ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata>"
    return _document(f'<{action}Response xmlns="{_IAM_NAMESPACE}">{result}{metadata}</{action}Response>')


def ec2_error(error: AwsError) -> Response:
    errors = f"<Errors><Error>{_coded(error)}</Error></Errors>"
    return _document(f"<Response>{errors}<RequestID>{REQUEST_ID}</RequestID></Response>", error.status)


def iam_error(error: AwsError) -> Response:
    body = f"<Error><Type>Sender</Type>{_coded(error)}</Error><RequestId>{REQUEST_ID}</RequestId>"
    return _document(f'<ErrorResponse xmlns="{_IAM_NAMESPACE}">{body}</ErrorResponse>', error.status)


def json_response(answer: Mapping[str, Any], status: int = HTTPStatus.OK) -> Response:
    return Response(status, json.dumps(answer).encode(), "application/x-amz-json-1.0")


def json_error(error: AwsError) -> Response:
    kind = f"com.amazonaws.dynamodb.v20120810#{error.code}"
    return json_response({"__type": kind, "message": error.message}, error.status)


def parse_cbor(body: bytes | str) -> Mapping[str, Any]:
    """The parameters of a request in CBOR."""
    parser: Any = RpcV2CBORParser()
    parameters: Mapping[str, Any] = parser.parse_data_item(BytesIO(body if isinstance(body, bytes) else body.encode()))
    return parameters


def cbor_response(answer: Mapping[str, Any], status: int = HTTPStatus.OK) -> Response:
    """An answer of a service that speaks CBOR: https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html"""
    return Response(status, _cbor(answer), "application/cbor")


def cbor_error(error: AwsError) -> Response:
    return cbor_response({"__type": f"com.amazonaws.cloudwatch#{error.code}", "message": error.message}, error.status)


def _cbor(value: Any) -> bytes:
    """A value in CBOR: https://www.rfc-editor.org/rfc/rfc8949#section-3.1"""
    match value:
        case str():
            text = value.encode()
            return _cbor_head(3, len(text)) + text
        case Mapping():
            return _cbor_head(5, len(value)) + b"".join(_cbor(key) + _cbor(item) for key, item in value.items())
    return _cbor_head(4, len(value)) + b"".join(map(_cbor, value))


def _cbor_head(kind: int, size: int) -> bytes:
    return bytes([kind << 5 | 26]) + size.to_bytes(4)


def _coded(error: AwsError) -> str:
    return f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"


def _document(text: str, status: int = HTTPStatus.OK) -> Response:
    return Response(status, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode())


def _xml(value: Any, item: str) -> str:
    match value:
        case Mapping():
            return "".join(f"<{name}>{_xml(part, item)}</{name}>" for name, part in value.items() if part is not None)
        case list():
            return "".join(f"<{item}>{_xml(part, item)}</{item}>" for part in value)
        case bool():
            return str(value).lower()
    return escape(str(value))
