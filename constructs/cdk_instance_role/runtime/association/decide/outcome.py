"""What came of a step, and the kinds of errors of AWS calls: each with how long it is worth another try."""

from dataclasses import dataclass
from enum import Enum

from .step import Step


class ErrorKind(Enum):
    """What an error of an AWS call means for the instance that it was about."""

    THROTTLED = "throttled"
    CHANGED = "the instance changed since it was observed"
    NOT_READY = "the instance is changing its state"
    PROPAGATING = "EC2 does not know the instance profile (yet)"
    DENIED = "not allowed"
    UNAUTHENTICATED = "AWS does not know the credentials of the role (yet)"
    CONFLICTING = "another call changes the same item of the ledger"
    UNREACHABLE = "no answer from AWS"
    REFUSED = "refused"

    @property
    def is_specific(self) -> bool:
        """Whether it says something about the change, and not only that it has to be tried again."""
        return self in _RETRY_SECONDS


# IAM is eventually consistent: EC2 may not know a new profile for up to two minutes, and a role or a policy that was
# created with the stack may not be in force yet. So an error of such a kind is tried again for this many seconds.
_RETRY_SECONDS = {
    ErrorKind.PROPAGATING: 180.0,
    ErrorKind.DENIED: 60.0,
    ErrorKind.UNAUTHENTICATED: 60.0,
    ErrorKind.CONFLICTING: 60.0,
    ErrorKind.REFUSED: 0.0,
}


def is_terminal(error_kind: ErrorKind, seconds: float) -> bool:
    """Whether an error is to be believed ``seconds`` after this kind of error was first seen, or is worth another try.

    >>> is_terminal(ErrorKind.DENIED, 59), is_terminal(ErrorKind.DENIED, 60), is_terminal(ErrorKind.THROTTLED, 3600)
    (False, True, False)
    """
    return seconds >= _RETRY_SECONDS.get(error_kind, float("inf"))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a step: EC2 has accepted it, or why not."""

    step: Step
    error_kind: ErrorKind | None = None
    detail: str = ""
    disassociated: bool = False
    """The first half of a swap was made."""
    reverted: bool = False
    """The second half of a swap was refused, and what the first one had disassociated is associated again."""

    @property
    def accepted(self) -> bool:
        return self.error_kind is None

    @property
    def left_without_profile(self) -> bool:
        """The instance is without a profile: only the first half of a swap was made."""
        return self.disassociated and not (self.accepted or self.reverted)

    @property
    def is_denied(self) -> bool:
        """The handler was not allowed to take the step."""
        return self.error_kind is ErrorKind.DENIED

    @property
    def error(self) -> str | None:
        """What EC2 had against it."""
        return None if self.accepted else self.detail
