"""What came of a step, as a plain value."""

from dataclasses import dataclass

from .error_kind import ErrorKind
from .step import Step


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a step: EC2 has accepted it, or why not."""

    step: Step
    error_kind: ErrorKind | None = None
    detail: str = ""
    reverted: bool = False
    """The second half of a swap was refused, and what the first one had disassociated is associated again."""

    @property
    def accepted(self) -> bool:
        return self.error_kind is None

    @property
    def is_denied(self) -> bool:
        """The handler was not allowed to take the step."""
        return self.error_kind is ErrorKind.DENIED

    @property
    def error(self) -> str | None:
        """What EC2 had against it."""
        return None if self.accepted else self.detail
