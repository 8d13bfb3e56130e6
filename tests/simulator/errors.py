"""What the simulator answers instead of a result."""

from http import HTTPStatus
from typing import Any


class AwsError(Exception):
    """An error that AWS answers with."""

    def __init__(self, code: str, message: str, status: int = HTTPStatus.BAD_REQUEST, **details: Any) -> None:
        """
        Args:
            code: by which programs know it.
            message: for people.
            status: of HTTP.
            details: what a service that speaks JSON says besides.
        """
        super().__init__(code, message, status)
        self.code, self.message, self.status, self.details = code, message, status, details


def throttled() -> AwsError:
    """The answer to a throttled call."""
    return AwsError("RequestLimitExceeded", "Request limit exceeded.", HTTPStatus.SERVICE_UNAVAILABLE)
