"""What a plan says about enforcement, as plain values."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SweepChange:
    """A change that the next sweep would make."""

    instance: str
    kind: str
    """``giving``: an instance without a profile gets one. ``taking``: one is replaced, restored or disassociated."""
    reason: str
    held_back: bool
    """The limit of changes in an hour does not let it through."""


@dataclass(frozen=True, slots=True)
class SweepPause:
    """Changes of one kind that the next sweep would not make any more."""

    kind: str
    reason: str
    has_begun: bool
    """They are paused already."""


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """What the next sweep would do now."""

    changes: tuple[SweepChange, ...] = ()
    pauses: tuple[SweepPause, ...] = ()
    drifted: int = 0
    """Instances, and the instance profile, that it would find not as wanted."""


@dataclass(frozen=True, slots=True)
class OverlapView:
    """Another association of the ledger that selects or holds the same instances."""

    association: str
    """Its logical id and stack."""
    instances: tuple[str, ...]
    """Ids of the instances that both select or hold."""
    ours: int
    """How many of them belong to this association: its claim is on top, or is the youngest."""


@dataclass(frozen=True, slots=True)
class EnforcementPlan:
    """How an association will be enforced."""

    mode: str
    """``report`` or ``repair``."""
    every: float
    """Seconds between two sweeps."""
    max_changes: str
    """How many instances may be changed in an hour, such as ``10%``; empty in the mode ``report``."""
    late_arrivals: tuple[str, ...] = ()
    """Ids of instances that the deployed association selects and does not hold yet."""
    next_sweep: SweepPlan | None = None
    """None if the deployment calls the handler: it does all that there is to do."""
    overlaps: tuple[OverlapView, ...] = ()
    notes: tuple[str, ...] = ()
    """What people should know."""
