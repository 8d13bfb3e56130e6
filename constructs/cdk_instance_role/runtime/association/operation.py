"""What is going on for an association, on behalf of one event: plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .request.event import RequestType, max_seconds

SUCCEEDED, FAILED = "succeeded", "failed"
"""How an operation has ended. It is open from its beginning until it has succeeded."""

MIN_PATIENCE_SECONDS = 240.0
"""How long restoring goes on at least without progress: three tries, each a minute after a call without an answer, or
after the lease of a killed function has run out."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What is being done for an association, on behalf of one event."""

    started_at: float
    """Seconds since the epoch."""
    request_id: str = ""
    """Of the event; empty if there is no operation."""
    type: RequestType | None = None
    rolling_back: bool = False
    """It rolls a failed update back."""
    before_update: str = ""
    """Digest of the properties before the last ordinary Update; empty if there was none."""
    returns: bool = False
    """An Update asks for the properties that the last ordinary Update before it came from, as its rollback would."""
    undoes: str | None = None
    """Id of the Create that a Delete rolls back. None: the Delete restores all that the association did."""
    first_change_accepted: bool = False
    """EC2 has accepted a change of this operation: it knows the profile, and the handler may act."""
    swaps_to_renew: bool = False
    """A replace does not renew an association with a profile that was created again under its name."""
    failure: str | None = None
    """Why the operation has failed. From then on it restores what it has changed so far."""
    restored_at: float = 0.0
    """When restoring began after the failure, or last made progress, in seconds since the epoch."""
    left: int | None = None
    """Instances that are still to be restored, the fewest so far; None if it is not known yet."""
    progress: Mapping[str, int] = field(default_factory=dict)
    """How far the last look has found it, by metric."""
    total: int | None = None
    """Targets that were to be changed when the first wave began; None before it."""
    wave: int = 0
    """Waves that are through."""
    bakes_until: float | None = None
    """Until when the current wave is only watched, in seconds since the epoch; None before all its targets are done."""
    ended: str = ""
    """``SUCCEEDED`` or ``FAILED``; empty while it goes on."""
    result: Mapping[str, str] = field(default_factory=dict)
    """Attributes of the resource, once it has succeeded."""
    reason: str = ""
    """Why it has failed, once it has ended so."""
    first_at: float = 0.0
    """When the first operation of the association began, in seconds since the epoch."""
    enforces: bool = False
    """An earlier operation has written a desired state for enforcement."""
    physical_id: str | None = None
    """The physical id that the handler has generated for a Create. None: it is not known."""
    lease_until: float | None = None
    """Until when somebody works on the association, in seconds since the epoch; None if nobody does."""

    @property
    def came_from(self) -> str:
        """That digest until an operation has succeeded; else empty. An Update to it rolls a failed one back: where
        successful resources are preserved, it comes at once, while the stack does not show a rollback."""
        return "" if self.ended == SUCCEEDED else self.before_update

    @property
    def is_restoring(self) -> bool:
        """It is a Delete or a rollback, or it has failed and undoes its own changes."""
        return bool(self.failure) or self.rolling_back or self.type is RequestType.DELETE

    def seconds(self, timeout: float) -> float:
        """How long it may take, by the timeout of its association. Restoring may take as long as CloudFormation waits:
        it may concern more instances than any operation with this timeout, and without it the stack is stuck."""
        return float(max_seconds(self.type) if self.is_restoring else min(timeout, max_seconds(self.type)))

    def ends_at(self, timeout: float) -> float:
        """When it ends at the latest, in seconds since the epoch."""
        return self.started_at + self.seconds(timeout)

    def exceeded(self, now: float, timeout: float) -> float | None:
        """The seconds that were not enough for it; None while its time is not over. An undo that makes progress goes
        on. It is given up after the timeout without progress: so a missing permission is named then."""
        if now > self.ends_at(timeout):
            return self.seconds(timeout)
        unchanged, patience = now - max(self.started_at, self.restored_at), max(timeout, MIN_PATIENCE_SECONDS)
        return patience if self.is_restoring and unchanged > patience else None

    @property
    def restores(self) -> str | None:
        """Id of the Create that is rolled back, by itself or by the Delete after it."""
        return self.request_id if self.type is RequestType.CREATE else self.undoes
