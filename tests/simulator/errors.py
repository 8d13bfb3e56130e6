"""What the simulator answers instead of a result."""

from http import HTTPStatus


class AwsError(Exception):
    """An error that AWS answers with."""

    def __init__(self, code: str, message: str, status: int = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(code, message, status)
        self.code, self.message, self.status = code, message, status


def throttled() -> AwsError:
    """The answer to a call that came too fast."""
    return AwsError("RequestLimitExceeded", "Request limit exceeded.", HTTPStatus.SERVICE_UNAVAILABLE)
