"""What the handler knows about the world: plain values, without a client and without a decision."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from .outcome import ErrorKind, is_terminal
from .record import Record, Records
from .step import Step


class InstanceState(StrEnum):
    """EC2's instance states."""

    PENDING = "pending"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    SHUTTING_DOWN = "shutting-down"
    TERMINATED = "terminated"
    UNKNOWN = "in an unknown state"
    """A state that EC2 has got since this was written."""

    @classmethod
    def of(cls, name: str) -> "InstanceState":
        """The state that EC2 calls by this name."""
        return cls(name) if name in _NAMES else cls.UNKNOWN


_NAMES = frozenset(InstanceState) - {InstanceState.UNKNOWN}
GONE = frozenset({InstanceState.SHUTTING_DOWN, InstanceState.TERMINATED})
UNSETTLED = frozenset({InstanceState.PENDING, InstanceState.STOPPING, InstanceState.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Association:
    """The active association of an instance. Its id changes with every replace, so it is never stored."""

    id: str
    profile_arn: str
    established: bool
    """EC2 says ``associated``: the instance metadata service delivers the role."""
    since: float | None = None
    """When it was made, in seconds since the epoch, if EC2 says so."""
    profile_id: str | None = None
    """Id of the profile that it was made with. A profile that is deleted and created again has the same ARN and another
    id; the association then still says ``associated`` and delivers nothing."""


@dataclass(frozen=True, slots=True)
class Instance:
    id: str
    state: InstanceState
    association: Association | None = None
    leaving: bool = False
    """A former association is still ``disassociating``: until it is gone, EC2 refuses a new one."""
    zone: str = ""
    """Its Availability Zone."""
    tags: Mapping[str, str] = field(default_factory=dict, compare=False)
    shows: str | None = field(default=None, compare=False)
    """ARN of the profile that its description names; for a moment after a change it may still be the former."""
    launched_at: float | None = None
    """When it was first launched, in seconds since the epoch, if EC2 was asked for that."""

    @property
    def carries(self) -> str | None:
        """ARN of the profile that the instance carries."""
        return self.association.profile_arn if self.association else None

    @property
    def is_doubtful(self) -> bool:
        """Whether EC2 lists no association of the instance, and describes it with a profile: one of the two answers is
        incomplete, or older than the last change."""
        return self.association is None and not self.leaving and self.shows is not None


@dataclass(frozen=True, slots=True)
class Profile:
    """An instance profile as IAM describes it."""

    arn: str
    role_arn: str | None
    trusts_ec2: bool
    """The trust policy of the role lets EC2 assume it."""
    id: str | None = None
    """Tells it from another profile of the same name, created before or after it."""

    def is_held_by(self, association: Association) -> bool:
        """Whether an association holds this very profile. An unknown id counts as equal."""
        ids = {self.id, association.profile_id} - {None}
        return association.profile_arn == self.arn and len(ids) < 2


Instances = Mapping[str, Instance]
Profiles = Mapping[str, Profile | None]
"""Profiles by ARN; None says that IAM was asked and does not know the profile."""


@dataclass(frozen=True, slots=True)
class ObservedInstances:
    """Instances that EC2 was asked for."""

    selected: tuple[str, ...]
    """Ids that the selection names or matches, known to EC2 or not."""
    instances: Instances
    """What EC2 shows, by id."""
    unconfirmed: frozenset[str] = frozenset()
    """Ids that EC2 does not show, without having said that they do not exist."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One observation of everything that a plan needs."""

    selected: tuple[str, ...]
    """Ids of the instances that the association selects, known to EC2 or not."""
    instances: Instances
    records: Records
    """Of the instances that associations of the ledger have to do with."""
    profiles: Profiles = field(default_factory=dict)
    now: float = 0.0
    """When this was observed, in seconds since the epoch."""
    started_at: float = 0.0
    """When the operation began."""
    unconfirmed: frozenset[str] = frozenset()
    """Ids that EC2 did not show, without having said that they do not exist."""
    unconfirmed_profiles: frozenset[str] = frozenset()
    """ARNs of profiles that IAM has called missing or empty, and is asked about again."""
    request: str | None = None
    """Id of the event of the operation. None: there is no operation."""

    def is_changed(self, record: Record) -> bool:
        """Whether the operation has begun a change of the instance of this record."""
        return self.request is not None and record.has_changed_in(self.request)

    def was_refused(self, step: Step) -> bool:
        """Whether EC2 has refused for good in the operation to give an instance what this step would."""
        return self.request is not None and self.record(step.instance_id).was_refused(step, self.request)

    def was_failing_before(self, instance_id: str) -> bool:
        """Whether EC2 had been refusing before the operation to give an instance what is wanted."""
        return self.request is not None and self.record(instance_id).was_failing_before(self.request)

    @property
    def hides_targets(self) -> bool:
        """Whether no instance is known to be selected, and EC2 does not show all that are held: these may have the
        tags."""
        return not self.selected and bool(self.unconfirmed)

    @property
    def changed_at(self) -> float:
        """When EC2 last accepted a change of an instance of the ledger, in seconds since the epoch; 0 if never."""
        return max((one.acted_at or 0.0 for one in self.records.values()), default=0.0)

    def record(self, instance_id: str) -> Record:
        """What the ledger knows about an instance; an empty record if it knows nothing."""
        return self.records.get(instance_id) or Record(instance_id)

    def is_running(self, instance_id: str) -> bool:
        """Whether EC2 shows an instance as running."""
        found = self.instances.get(instance_id)
        return found is not None and found.state is InstanceState.RUNNING

    @property
    def stopped(self) -> frozenset[str]:
        """Ids of the instances that are stopped, or will be."""
        states = (InstanceState.STOPPING, InstanceState.STOPPED)
        return frozenset(id_ for id_, one in self.instances.items() if one.state in states)

    @property
    def half_swapped(self) -> frozenset[str]:
        """Ids of the instances that have no profile because the second half of their swap has not succeeded yet."""
        found = (self.instances.get(id_) for id_, record in self.records.items() if record.detached)
        return frozenset(one.id for one in found if one and one.carries is None and one.state not in GONE)

    def failed_at(self, step: Step) -> float:
        """When the latest attempt at an instance has failed in this operation, in seconds since the epoch; 0 if it has
        not been tried, or with success. What is tried alone is what has failed longest ago, so that no instance keeps
        the others from being tried.

        A denial, or a profile that EC2 does not know, concerns all instances: the same one is tried until the error is
        believed. A restore that is denied is tried until the timeout, so others come before it then."""
        mine = self.record(step.instance_id).mine
        if mine is None or not mine.latest.error or mine.latest.request != self.request:
            return 0.0
        error = mine.repeated_error
        if error and not (step.undo and is_terminal(ErrorKind[error.kind], self.now - error.since)):
            return 0.0
        return mine.latest.at

    def is_gone(self, instance_id: str) -> bool:
        """Whether an instance is terminated or about to be, or EC2 has said that it does not exist."""
        found = self.instances.get(instance_id)
        return found.state in GONE if found else instance_id not in self.unconfirmed
