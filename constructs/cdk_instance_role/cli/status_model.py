"""What `status` has to say, as plain values."""

from dataclasses import dataclass

from .model import Exit, PlanReport, ProfileView


@dataclass(frozen=True, slots=True)
class HeldView:
    """One instance that an association holds."""

    id: str
    name: str
    state: str
    carries: ProfileView | None
    """What it carries now."""
    wanted: ProfileView | None
    """What the association has put there."""
    previous: ProfileView | None
    """What it gets back one day; None for nothing."""
    since: float
    """When the association last acted on it, in seconds since the epoch."""
    outcome: str
    """The latest action, such as ``replace``, and what EC2 had against it."""
    drift: str = ""
    """What is not as the association has left it, in a sentence; empty if it is."""


@dataclass(frozen=True, slots=True)
class AssociationStatus:
    """How one deployed association is."""

    stack: str
    association: str
    account: str
    region: str
    instances: tuple[HeldView, ...] = ()
    unseen: tuple[str, ...] = ()
    """What could not be looked at, and why."""


@dataclass(frozen=True, slots=True)
class StatusReport:
    """Everything that ``instance-role status`` has found."""

    associations: tuple[AssociationStatus, ...]
    unseen: tuple[str, ...] = ()
    """What could not be looked at besides, and why: no association is known to have to do with it."""

    @property
    def exit(self) -> Exit:
        """The exit status."""
        if self.unseen or any(one.unseen for one in self.associations):
            return Exit.ERROR
        drifted = any(held.drift for one in self.associations for held in one.instances)
        return Exit.CHANGES if drifted else Exit.NOTHING


Report = PlanReport | StatusReport
