"""What AWS's errors mean for the instance that a call was about."""

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from cdk_instance_role.runtime.association.aws.errors import error_kind_of, is_unknown_profile
from cdk_instance_role.runtime.association.decide.outcome import ErrorKind, is_terminal


def refusal(code: str, message: str = "", status: int = 400, **metadata: bool) -> ClientError:
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status, **metadata}}
    return ClientError(response, "AssociateIamInstanceProfile")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "error_kind"),
    [
        pytest.param(refusal("RequestLimitExceeded", status=503), ErrorKind.THROTTLED, id="EC2 throttles"),
        pytest.param(refusal("Throttling"), ErrorKind.THROTTLED, id="IAM throttles"),
        pytest.param(refusal("ProvisionedThroughputExceededException"), ErrorKind.THROTTLED, id="DynamoDB throttles"),
        pytest.param(refusal("SlowDown"), ErrorKind.THROTTLED, id="another word for throttling"),
        pytest.param(refusal("SomethingNew", status=429), ErrorKind.THROTTLED, id="throttling by status"),
        pytest.param(refusal("RequestTimeout"), ErrorKind.UNREACHABLE, id="a call that took AWS too long to read"),
        pytest.param(
            refusal("SomethingNew", RetryQuotaReached=True),
            ErrorKind.UNREACHABLE,
            id="what botocore would have repeated",
        ),
        pytest.param(
            refusal("SomethingNew", MaxAttemptsReached=True),
            ErrorKind.REFUSED,
            id="what botocore says of any last attempt",
        ),
        pytest.param(refusal("UnauthorizedOperation", status=403), ErrorKind.DENIED, id="EC2 denies"),
        pytest.param(refusal("AccessDenied", status=403), ErrorKind.DENIED, id="IAM denies"),
        pytest.param(
            refusal("IncorrectState", "There is an existing association for instance i-0123456789abcdef0"),
            ErrorKind.CHANGED,
            id="an association is there by now",
        ),
        pytest.param(
            refusal("IncorrectState", "The association iip-assoc-0123456789abcdef0 is not the active association"),
            ErrorKind.CHANGED,
            id="the association is not the active one any more",
        ),
        pytest.param(
            refusal("IncorrectState", "InstanceIdentityProfileNotFound for the association"),
            ErrorKind.PROPAGATING,
            id="the profile has not reached EC2",
        ),
        pytest.param(
            refusal("InvalidParameterValue", "Value (Web) for parameter is invalid. Invalid IAM Instance Profile name"),
            ErrorKind.PROPAGATING,
            id="the profile's name has not reached EC2",
        ),
        pytest.param(
            refusal("InvalidParameterValue", "Invalid IAM Instance Profile ARN"),
            ErrorKind.PROPAGATING,
            id="the profile's ARN has not reached EC2",
        ),
        pytest.param(
            refusal("InvalidParameterValue", 'Invalid Id: "iip-assoc-0"'),
            ErrorKind.CHANGED,
            id="an association unknown",
        ),
        pytest.param(refusal("InvalidAssociationID.NotFound"), ErrorKind.CHANGED, id="an association over"),
        pytest.param(refusal("InvalidInstanceID.NotFound"), ErrorKind.CHANGED, id="a terminated instance"),
        pytest.param(
            refusal("IncorrectInstanceState", "The instance 'i-0' is not in the 'running' or 'stopped' states."),
            ErrorKind.NOT_READY,
            id="an instance in between",
        ),
        pytest.param(refusal("InternalError", status=500), ErrorKind.UNREACHABLE, id="an outage"),
        pytest.param(refusal("Unavailable", status=400), ErrorKind.UNREACHABLE, id="an outage by name"),
        pytest.param(refusal("SomethingNew", status=503), ErrorKind.UNREACHABLE, id="an outage by status"),
        pytest.param(refusal("TransactionCanceledException"), ErrorKind.UNREACHABLE, id="transactions that meet"),
        pytest.param(refusal("InvalidInstanceID.Malformed"), ErrorKind.REFUSED, id="a malformed id"),
        pytest.param(refusal("InvalidParameterValue", "no"), ErrorKind.REFUSED, id="another invalid value"),
        pytest.param(refusal("IncorrectState", "no"), ErrorKind.REFUSED, id="another incorrect state"),
        pytest.param(EndpointConnectionError(endpoint_url="https://ec2"), ErrorKind.UNREACHABLE, id="no connection"),
        pytest.param(ReadTimeoutError(endpoint_url="https://ec2"), ErrorKind.UNREACHABLE, id="no answer"),
    ],
)
def test_the_code_and_the_message_decide_the_kind_of_an_error(error: Exception, error_kind: ErrorKind) -> None:
    assert error_kind_of(error) is error_kind


def test_an_error_that_is_not_from_aws_is_raised_again() -> None:
    with pytest.raises(ZeroDivisionError):
        error_kind_of(ZeroDivisionError("a bug"))


@pytest.mark.parametrize(
    ("error_kind", "age", "final"),
    [
        pytest.param(ErrorKind.REFUSED, 0.0, True, id="a refusal is terminal at once"),
        pytest.param(ErrorKind.DENIED, 59.0, False, id="a denial may come from a policy that is not in force yet"),
        pytest.param(ErrorKind.DENIED, 60.0, True, id="a denial is believed after a minute"),
        pytest.param(ErrorKind.PROPAGATING, 179.0, False, id="a new profile may take minutes"),
        pytest.param(ErrorKind.PROPAGATING, 180.0, True, id="but not for ever"),
        pytest.param(ErrorKind.THROTTLED, 1e9, False, id="throttling never ends an operation"),
        pytest.param(ErrorKind.UNREACHABLE, 1e9, False, id="an outage never ends an operation"),
        pytest.param(ErrorKind.CHANGED, 1e9, False, id="a change is looked at again"),
        pytest.param(ErrorKind.NOT_READY, 1e9, False, id="a state in between is waited for"),
    ],
)
def test_an_error_is_terminal_after_its_retry_window(error_kind: ErrorKind, age: float, final: bool) -> None:
    assert is_terminal(error_kind, age) is final


@pytest.mark.parametrize(("code", "unknown"), [("NoSuchEntity", True), ("AccessDenied", False)])
def test_recognizes_by_the_code_that_a_profile_does_not_exist(code: str, unknown: bool) -> None:
    assert is_unknown_profile(refusal(code)) is unknown
