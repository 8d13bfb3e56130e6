"""What one look has come to: changes that enforcement would make, and what is remembered of each instance. Pure."""

from dataclasses import dataclass, field

from ..decide.step import Step
from .breaker import ChangeKind
from .finding import Finding


@dataclass(frozen=True, slots=True)
class Change:
    """A step that enforcement would take."""

    step: Step
    kind: ChangeKind
    is_limited: bool = True
    """It counts for the circuit breaker."""
    is_repair: bool = False
    """The instance has had the profile of the association before."""


@dataclass
class Assessment:
    """What one look has come to."""

    changes: list[Change] = field(default_factory=list)
    findings: dict[str, Finding] = field(default_factory=dict)
    """What is to be remembered from now on, by instance id."""
    claims: list[Step] = field(default_factory=list)
    """Instances that are right already, and not in the ledger yet."""
    forgotten: list[Step] = field(default_factory=list)
    """Instances that the association has nothing to do with any more."""
    again_in: float | None = None
    """Seconds until the next look is worth while; None if nothing is waited for."""
    unselected_in: float | None = None
    """Seconds until an instance has been without the tags for long enough; None if there is none that waits for it."""
    lost: int = 0
    """Instances that the ledger holds, that exist, and that are not selected any more."""
    held: int = 0
    """Instances that the ledger holds and that exist."""

    def look_again_in(self, seconds: float) -> None:
        """Have another look at the latest after so many seconds."""
        self.again_in = min(seconds, self.again_in if self.again_in is not None else seconds)
