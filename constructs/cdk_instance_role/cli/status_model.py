"""What `status` has to say, as plain values."""

from dataclasses import dataclass

from ..runtime.association.drift.finding import OF_THE_PROFILE
from .model import EnvironmentView, Exit, PlanReport, ProfileView


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
    """What it gets back later; None for nothing."""
    since: float
    """When the association last acted on it, in seconds since the epoch."""
    outcome: str
    """The latest action, such as ``replace``, and what EC2 had against it."""
    drift: str = ""
    """What is not as the association has left it, in a sentence; empty if it is."""
    tags: tuple[tuple[str, str], ...] = ()
    """Keys and values."""


@dataclass(frozen=True, slots=True)
class OffView:
    """Why nothing is enforced at the moment."""

    reason: str
    """A sentence."""
    since: float = 0.0
    """Seconds since the epoch; 0 if it is not known."""


@dataclass(frozen=True, slots=True)
class FindingView:
    """Drift that enforcement has found and not repaired."""

    instance: str
    """Id of the instance; ``profile`` for what is wrong with the instance profile itself."""
    kind: str
    """Such as ``no-profile``."""
    since: float
    """When it was first seen, in seconds since the epoch."""
    reason: str
    advice: str
    """What to do about it; empty if enforcement does it."""


@dataclass(frozen=True, slots=True)
class PauseView:
    """Changes of one kind that enforcement does not make any more."""

    kind: str
    """``giving``: of instances without a profile. ``taking``: that replace, restore or disassociate one."""
    since: float
    """Seconds since the epoch."""
    reason: str


@dataclass(frozen=True, slots=True)
class EnforcementStatus:
    """How an association is enforced between deployments."""

    mode: str
    """``report`` or ``repair``; empty if it is not known."""
    every: float | None
    """Seconds between two sweeps; None if they are not known."""
    max_changes: str
    """How many instances may be changed in an hour, such as ``10%``; empty if none may."""
    off: OffView | None = None
    """Why nothing is enforced at the moment; None if it is."""
    last_sweep: float = 0.0
    """When the latest complete observation began, in seconds since the epoch; 0 if there is none since the latest
    deployment."""
    is_unfinished: bool = False
    """That observation was waiting for something."""
    is_stopped: bool = False
    """Nothing is enforced, and that does not end by itself: enforcement is off although no deployment is under way, or
    sweeps are overdue."""
    drift: tuple[FindingView, ...] = ()
    pauses: tuple[PauseView, ...] = ()
    dead_letters: int | None = None
    """Messages in the provider's dead-letter queue; None if they can't be seen."""

    @property
    def is_in_order(self) -> bool:
        """Whether everything is as wanted, and stays so."""
        return not (self.drift or self.pauses or self.is_stopped or self.dead_letters)


@dataclass(frozen=True, slots=True)
class LatestChange:
    """Who has changed the instance profile of an instance last, as CloudTrail's event history says."""

    instance: str
    by: str
    """ARN of the identity; empty if no event was found."""
    action: str
    """The call, such as ``DisassociateIamInstanceProfile``; empty if no event was found."""
    at: float
    """Seconds since the epoch; 0 if no event was found."""


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
    enforcement: EnforcementStatus | None = None
    """None if its template asks for no enforcement."""
    latest_changes: tuple[LatestChange, ...] = ()
    """Of the instances that have drifted, if that was asked for."""
    not_asked_about: int = 0
    """How many more instances have drifted."""

    @property
    def drifted(self) -> list[str]:
        """Ids of the instances that are not as they should be, each once."""
        found = [one.instance for one in self.enforcement.drift] if self.enforcement else []
        ids = (*(one.id for one in self.instances if one.drift), *(id_ for id_ in found if id_ != OF_THE_PROFILE))
        return list(dict.fromkeys(ids))

    @property
    def has_drift(self) -> bool:
        """Whether an instance or the instance profile is not as it should be."""
        return bool(self.drifted or (self.enforcement and self.enforcement.drift))

    @property
    def is_paused(self) -> bool:
        """Whether enforcement does not make changes that it would make."""
        return bool(self.enforcement and self.enforcement.pauses)

    @property
    def is_stopped(self) -> bool:
        """Whether nothing is enforced although it should be."""
        return bool(self.enforcement and self.enforcement.is_stopped)

    @property
    def is_in_order(self) -> bool:
        """Whether there is nothing that people have to look at."""
        return not self.drifted and (self.enforcement is None or self.enforcement.is_in_order)


@dataclass(frozen=True, slots=True)
class StatusReport:
    """Everything that ``instance-role status`` has found."""

    associations: tuple[AssociationStatus, ...]
    unseen: tuple[str, ...] = ()
    """What could not be looked at besides, and why: no association is known to have to do with it."""
    environments: tuple[EnvironmentView, ...] = ()
    """All accounts and Regions, also those without an association."""

    @property
    def exit(self) -> Exit:
        """The exit status."""
        if self.unseen or any(one.unseen for one in self.associations):
            return Exit.ERROR
        return Exit.NOTHING if all(one.is_in_order for one in self.associations) else Exit.CHANGES


Report = PlanReport | StatusReport


def parts(report: Report) -> list[tuple[EnvironmentView, Report]]:
    """The report of each account and Region alone."""
    found: list[tuple[EnvironmentView, Report]] = []
    for one in report.environments:
        place = one.account, one.region
        part: Report
        match report:
            case PlanReport():
                plans = tuple(plan for plan in report.associations if (plan.account, plan.region) == place)
                part = PlanReport(plans, one.unseen)
            case StatusReport():
                statuses = tuple(status for status in report.associations if (status.account, status.region) == place)
                part = StatusReport(statuses, one.unseen)
        found.append((one, part))
    return found
