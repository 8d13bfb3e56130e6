"""What the handler knows about the world: plain values, without a client and without a decision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class InstanceState(StrEnum):
    """EC2's instance states."""

    PENDING = "pending"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    SHUTTING_DOWN = "shutting-down"
    TERMINATED = "terminated"


GONE = frozenset({InstanceState.SHUTTING_DOWN, InstanceState.TERMINATED})
UNSETTLED = frozenset({InstanceState.PENDING, InstanceState.STOPPING})
SELECTABLE = tuple(state for state in InstanceState if state not in GONE)


@dataclass(frozen=True, slots=True)
class Association:
    """The active association of an instance. Its id changes with every replace, so it is never stored."""

    id: str
    profile_arn: str
    established: bool
    """EC2 says ``associated``: the instance metadata service delivers the role."""


@dataclass(frozen=True, slots=True)
class Instance:
    id: str
    state: InstanceState
    association: Association | None = None
    leaving: bool = False
    """A former association is still ``disassociating``: until it is gone, EC2 refuses a new one."""

    @property
    def carries(self) -> str | None:
        """ARN of the profile that the instance carries."""
        return self.association.profile_arn if self.association else None


@dataclass(frozen=True, slots=True)
class Profile:
    """An instance profile as IAM describes it."""

    arn: str
    role_arn: str | None
    trusts_ec2: bool
    """The trust policy of the role lets EC2 assume it."""


@dataclass(frozen=True, slots=True)
class Record:
    """What the ledger knows about one instance of one association."""

    instance_id: str
    previous: str | None
    """Profile that the instance carried before this association touched it."""
    ours: frozenset[str] = frozenset()
    """Profiles that this association has put there, or was about to."""
    detached: str | None = None
    """Profile that was taken off a stopped instance, which has to be without one between the two halves."""
    acted_at: float | None = None
    """When EC2 last accepted a change of this instance, in seconds since the epoch."""
    since: float = field(default=0.0, compare=False)
    """When `previous` was written down, in seconds since the epoch."""

    def is_stale(self, carried: str | None) -> bool:
        """Whether someone was quicker than the change that this was written ahead of: nothing of ours has taken
        effect, and the instance carries what we did not put there."""
        return self.acted_at is None and self.detached is None and carried not in self.ours


@dataclass(frozen=True, slots=True)
class Claim:
    """What another association of the same ledger knows about an instance."""

    association: str
    record: Record


Instances = Mapping[str, Instance]
Records = Mapping[str, Record]
Claims = Mapping[str, Sequence[Claim]]
Profiles = Mapping[str, Profile | None]
"""Profiles by ARN; None says that IAM was asked and knows no such profile."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One observation of everything that a plan needs."""

    selected: tuple[str, ...]
    """Ids of the instances that the association selects, known to EC2 or not."""
    instances: Instances
    records: Records
    profiles: Profiles = field(default_factory=dict)
    claims: Claims = field(default_factory=dict)
    """Of other associations, by instance id."""
    now: float = 0.0
    """When this was observed, in seconds since the epoch."""
    started_at: float = 0.0
    """When the operation began."""


def name_of(arn: str) -> str:
    """Name of a profile or role, without its path.

    >>> name_of("arn:aws:iam::111122223333:instance-profile/team/Web")
    'Web'
    """
    return arn.rpartition("/")[2]
