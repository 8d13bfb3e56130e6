"""What AWS's errors mean for the handler."""

from enum import Enum

from botocore.exceptions import BotoCoreError, ClientError


class Meaning(Enum):
    """What an error of an AWS call means for the instance that it was about."""

    THROTTLED = "throttled"
    CHANGED = "the instance changed since it was observed"
    NOT_READY = "the instance is changing its state"
    PROPAGATING = "EC2 does not know the instance profile (yet)"
    DENIED = "not allowed"
    UNREACHABLE = "no answer from AWS"
    REFUSED = "refused"


_THROTTLING = frozenset(
    {
        "RequestLimitExceeded",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
    }
)
_DENIED = frozenset({"UnauthorizedOperation", "AccessDenied", "AccessDeniedException"})
_CHANGED = frozenset({"InvalidAssociationID.NotFound", "InvalidInstanceID.NotFound"})
# A transaction of the ledger is cancelled when it meets another one, or is throttled: then look again.
_OUTAGE = frozenset(
    {"InternalError", "InternalFailure", "ServiceUnavailable", "Unavailable", "TransactionCanceledException"}
)

# EC2 uses IncorrectState and InvalidParameterValue for several things each; only the message tells them apart.
_BY_MESSAGE = (
    ("IncorrectState", "InstanceIdentityProfileNotFound", Meaning.PROPAGATING),
    ("IncorrectState", "association", Meaning.CHANGED),
    ("InvalidParameterValue", "Invalid IAM Instance Profile", Meaning.PROPAGATING),
    ("InvalidParameterValue", "Invalid Id", Meaning.CHANGED),
    ("IncorrectInstanceState", "", Meaning.NOT_READY),
)

# IAM is eventually consistent: EC2 may not know a new profile for up to two minutes, and a policy that was
# attached with the stack may not be in force yet. Only after these seconds is such an error believed.
_BELIEVED_AFTER = {Meaning.PROPAGATING: 180.0, Meaning.DENIED: 60.0, Meaning.REFUSED: 0.0}


def meaning_of(error: Exception) -> Meaning:
    """Classify the error of an AWS call."""
    if isinstance(error, ClientError):
        return _meaning_of_answer(error)
    if isinstance(error, BotoCoreError):
        return Meaning.UNREACHABLE
    raise error


def _meaning_of_answer(error: ClientError) -> Meaning:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    status = error.response["ResponseMetadata"].get("HTTPStatusCode", 0)
    if code in _THROTTLING:
        return Meaning.THROTTLED
    if code in _DENIED:
        return Meaning.DENIED
    if code in _CHANGED:
        return Meaning.CHANGED
    for known, part, meaning in _BY_MESSAGE:
        if code == known and part in message:
            return meaning
    return Meaning.UNREACHABLE if status >= 500 or code in _OUTAGE else Meaning.REFUSED


def text_of(error: Exception) -> str:
    """What people should read of the error of an AWS call."""
    if isinstance(error, ClientError):
        # The exception's own text talks of operations and retries before it comes to the point.
        answer = error.response["Error"]
        return f"{answer['Code']}: {answer.get('Message') or 'AWS gives no reason'}"
    return str(error)


def is_final(meaning: Meaning, age: float) -> bool:
    """Whether an error is to be believed ``age`` seconds after the operation began, or is worth another try."""
    return age >= _BELIEVED_AFTER.get(meaning, float("inf"))


def is_unknown_profile(error: ClientError) -> bool:
    """Whether IAM says that there is no such instance profile."""
    return error.response["Error"]["Code"] == "NoSuchEntity"
