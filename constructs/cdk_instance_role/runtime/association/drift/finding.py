"""What enforcement remembers of one instance between two looks: its drift, and what was done about it. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from ..pauses import doubling_pause

DAY_SECONDS = 86400.0
MAX_REPAIRS = 3
"""Repairs of one instance without a day of rest. After them somebody else obviously wants something different."""
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 60.0, 6 * 3600.0
"""How long what EC2 has refused waits for the next try: twice as long each time."""
UNSELECTED_SECONDS = 60.0
"""Two observations this far apart have to show an instance without the tags: one may be of a moment between two calls
of the one who changes them."""
OF_THE_PROFILE = "profile"
"""Stands for an instance id in a finding about the instance profile itself."""


class Drift(StrEnum):
    """What is not as wanted. The names are part of the events that enforcement sends."""

    MISSING = "no-profile"
    """The instance carries no profile."""
    REPLACEABLE = "replaceable-profile"
    """It carries one that may be replaced."""
    OTHER = "other-profile"
    """It carries one that may not be replaced: a conflict."""
    UNSELECTED = "no-longer-selected"
    """It does not have the tags any more, and carries the profile."""
    UNCONFIRMED = "not-confirmed"
    """EC2 does not confirm the association."""
    REFUSED = "refused"
    """EC2 has refused to change it."""
    CONTESTED = "contested"
    """Somebody changes it again after each repair."""
    INSIDE = "inside-profile"
    """The instance profile itself: no role, another role, a trust policy without EC2, or created again."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What enforcement remembers of one instance, or of the instance profile."""

    instance_id: str
    drift: Drift | None = None
    """None: it is as wanted, and only the rest is remembered."""
    since: float = 0.0
    """When the drift was first seen, in seconds since the epoch."""
    reason: str = ""
    advice: str = ""
    carries: str | None = None
    reported: Drift | None = None
    """The drift that the latest event reported."""
    reported_id: str = ""
    """Id of the drift in that event."""
    tries: int = 0
    """How often EC2 has refused a change in a row."""
    retry_at: float = 0.0
    """When it is tried again, in seconds since the epoch."""
    repairs: int = 0
    """Without a day of rest between two of them."""
    repaired_at: float = 0.0
    """Seconds since the epoch."""
    unselected_at: float | None = None
    """When the instance was first seen without the tags, in seconds since the epoch."""
    gone_at: float | None = None
    """When it was first seen terminated, in seconds since the epoch."""

    def looked_at(self, *, is_selected: bool, is_gone: bool) -> Self:
        """The finding at a look, whatever is decided then: an instance with the tags has not lost them, and one that
        exists is not gone."""
        unselected_at = None if is_selected else self.unselected_at
        return replace(self, unselected_at=unselected_at, gone_at=self.gone_at if is_gone else None)

    def drifted(self, drift: Drift, reason: str, advice: str, carries: str | None, now: float) -> Self:
        """The finding once this drift is seen."""
        since = self.since if self.drift is drift else now
        return replace(self, drift=drift, since=since, reason=reason, advice=advice, carries=carries)

    def right(self) -> Self:
        """The finding once the instance is as wanted."""
        return replace(
            self, drift=None, since=0.0, reason="", advice="", carries=None, tries=0, retry_at=0.0, unselected_at=None
        )

    def refused(self, now: float) -> Self:
        """The finding once EC2 has refused a change."""
        pause = doubling_pause(FIRST_PAUSE_SECONDS, self.tries, longest=MAX_PAUSE_SECONDS)
        return replace(self, tries=self.tries + 1, retry_at=now + pause)

    def repaired(self, now: float) -> Self:
        """The finding once a repair was accepted."""
        return replace(self, repairs=self.repairs_so_far(now) + 1, repaired_at=now, tries=0, retry_at=0.0)

    def repairs_so_far(self, now: float) -> int:
        """Repairs that count at this time."""
        return self.repairs if now - self.repaired_at < DAY_SECONDS else 0

    def is_contested(self, now: float) -> bool:
        """Whether it was repaired too often."""
        return self.repairs_so_far(now) >= MAX_REPAIRS

    def begun_anew(self) -> Self:
        """The finding once a deployment has succeeded: what was tried before it does not count any more."""
        return replace(self, tries=0, retry_at=0.0, repairs=0, repaired_at=0.0, unselected_at=None)

    def is_needed(self, now: float) -> bool:
        """Whether there is anything to be remembered."""
        memory = self.repairs_so_far(now) or self.unselected_at is not None or self.gone_at is not None
        return bool(self.drift or self.reported or self.tries or memory)

    @property
    def is_unreported(self) -> bool:
        """Whether an event has to report it: drift has opened, changed or closed."""
        return self.drift is not self.reported

    def stable_id(self, association: str) -> str:
        """Id of the drift: the same for each event about it, from the first to the one that says that it is over."""
        if self.reported_id:
            return self.reported_id
        text = f"{association}|{self.instance_id}|{self.since:.3f}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def once_reported(self, association: str) -> Self:
        """The finding once an event has reported it."""
        return replace(self, reported=self.drift, reported_id=self.stable_id(association) if self.drift else "")


Findings = Mapping[str, Finding]
"""Findings by instance id."""
