"""AWS's query protocol: from the form in a request to parameters, and from an answer to XML.

EC2: https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-http-requests.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from tests.simulator.errors import AwsError

REQUEST_ID = "00000000-0000-0000-0000-000000000000"
_EC2_NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
IAM, CLOUDFORMATION = "https://iam.amazonaws.com/doc/2010-05-08/", "http://cloudformation.amazonaws.com/doc/2010-05-15/"
"""XML namespaces of services that speak AWS's query protocol."""


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


def query_response(action: str, answer: Mapping[str, Any], namespace: str = IAM) -> Response:
    """An answer in the query protocol, where the elements of a list are called ``member``."""
    result = f"<{action}Result>{_xml(answer, 'member')}</{action}Result>"
    metadata = f"<ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata>"
    return _document(f'<{action}Response xmlns="{namespace}">{result}{metadata}</{action}Response>')


def ec2_error(error: AwsError) -> Response:
    errors = f"<Errors><Error>{_coded(error)}</Error></Errors>"
    return _document(f"<Response>{errors}<RequestID>{REQUEST_ID}</RequestID></Response>", error.status)


def query_error(error: AwsError, namespace: str = IAM) -> Response:
    """An error in the query protocol."""
    body = f"<Error><Type>Sender</Type>{_coded(error)}</Error><RequestId>{REQUEST_ID}</RequestId>"
    return _document(f'<ErrorResponse xmlns="{namespace}">{body}</ErrorResponse>', error.status)


def json_response(answer: Mapping[str, Any], status: int = HTTPStatus.OK) -> Response:
    return Response(status, json.dumps(answer).encode(), "application/x-amz-json-1.0")


def json_error(error: AwsError, namespace: str = "com.amazonaws.dynamodb.v20120810") -> Response:
    """An error of a service that speaks JSON. Its namespace is that of DynamoDB unless another one is given."""
    kind = f"{namespace}#{error.code}"
    return json_response({"__type": kind, "message": error.message, **error.details}, error.status)


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
