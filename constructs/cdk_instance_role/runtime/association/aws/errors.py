"""What AWS's errors mean for the handler."""

import re
from http import HTTPStatus

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError

from ..decide.outcome import ErrorKind

_THROTTLING = frozenset(
    {
        "RequestLimitExceeded",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "EC2ThrottledException",
        "BandwidthLimitExceeded",
        "SlowDown",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
    }
)
_DENIED = frozenset({"UnauthorizedOperation", "AccessDenied", "AccessDeniedException"})
# A role that is seconds old may be unknown to EC2, IAM or DynamoDB; RequestExpired comes from a clock that is off.
_UNAUTHENTICATED = frozenset(
    {"AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException", "ExpiredToken", "ExpiredTokenException"}
) | {"RequestExpired", "SignatureDoesNotMatch", "InvalidSignatureException"}
_CHANGED = frozenset({"InvalidAssociationID.NotFound", "InvalidInstanceID.NotFound"})
# A transaction of the ledger is cancelled when it meets another one, or is throttled: then look again.
_OUTAGE = frozenset(
    {"InternalError", "InternalFailure", "ServiceUnavailable", "Unavailable", "TransactionCanceledException"}
) | {"RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete", "TransactionInProgressException"}

# EC2 uses IncorrectState and InvalidParameterValue for several things each; only the message tells them apart.
_BY_MESSAGE = (
    ("IncorrectState", "InstanceIdentityProfileNotFound", ErrorKind.PROPAGATING),
    ("IncorrectState", "association", ErrorKind.CHANGED),
    ("InvalidParameterValue", "Invalid IAM Instance Profile", ErrorKind.PROPAGATING),
    ("InvalidParameterValue", "Invalid Id", ErrorKind.CHANGED),
    ("IncorrectInstanceState", "", ErrorKind.NOT_READY),
)


def error_kind_of(error: Exception) -> ErrorKind:
    """Classify the error of an AWS call."""
    if isinstance(error, ClientError):
        return _error_kind_of_answer(error)
    if isinstance(error, BotoCoreError):
        return ErrorKind.UNREACHABLE
    raise error


def _error_kind_of_answer(error: ClientError) -> ErrorKind:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    metadata = error.response.get("ResponseMetadata", {})
    status = metadata.get("HTTPStatusCode", 0)
    if code in _THROTTLING or status == HTTPStatus.TOO_MANY_REQUESTS:
        return ErrorKind.THROTTLED
    if code in _DENIED:
        return ErrorKind.DENIED
    if code in _UNAUTHENTICATED:
        return ErrorKind.UNAUTHENTICATED
    if code == "TransactionConflictException":
        return ErrorKind.CONFLICTING
    if code in _CHANGED:
        return ErrorKind.CHANGED
    for known, part, error_kind in _BY_MESSAGE:
        if code == known and part in message:
            return error_kind
    # botocore would have repeated the call, if it had something left of its quota of retries.
    would_repeat = "RetryQuotaReached" in metadata
    return ErrorKind.UNREACHABLE if status >= 500 or code in _OUTAGE or would_repeat else ErrorKind.REFUSED


def is_unconnected(error: Exception) -> bool:
    """Whether there was no connection to AWS at all. In a VPC without a way to an endpoint, there never is one."""
    return isinstance(error, ConnectTimeoutError | EndpointConnectionError)


def text_of(error: Exception) -> str:
    """What people should read of the error of an AWS call."""
    if isinstance(error, ConnectTimeoutError | EndpointConnectionError):
        return (
            f"no connection to {error.kwargs['endpoint_url']}: if the function runs in a VPC, give its subnets a way "
            "there, by an interface endpoint or a NAT gateway"
        )
    if isinstance(error, ClientError):
        # The exception's own text talks of operations and retries before it comes to the point.
        answer = error.response["Error"]
        return f"{answer['Code']}: {answer.get('Message') or 'AWS gives no reason'}"
    return str(error)


_DENIED_ROLE = re.compile(r"iam:PassRole on resource: (arn:[\w:/+=,.@-]+)")


def denied_role(error_text: str) -> str | None:
    """ARN of the role that the handler was not allowed to pass; None if something else was denied.

    >>> denied_role("is not authorized to perform: iam:PassRole on resource: arn:aws:iam::111122223333:role/R because")
    'arn:aws:iam::111122223333:role/R'
    """
    found = _DENIED_ROLE.search(error_text)
    return found.group(1) if found else None


_INSTANCE_ID = re.compile(r"i-[0-9a-f]+")


def unknown_instances(error: ClientError) -> set[str]:
    """The instances of which EC2 says that they do not exist; none if the error is another one."""
    answer = error.response["Error"]
    is_unknown = answer["Code"] == "InvalidInstanceID.NotFound"
    return set(_INSTANCE_ID.findall(answer.get("Message", ""))) if is_unknown else set()


def is_unknown_profile(error: ClientError) -> bool:
    """Whether IAM says that there is no such instance profile."""
    return error.response["Error"]["Code"] == "NoSuchEntity"
