"""The model: instance profiles, instances, and their associations over time. It knows facts and no API."""

import itertools
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

ACCOUNT, REGION = "111122223333", "eu-west-1"
FASTEST_CONFIRMATION, SLOWEST_CONFIRMATION = 1.6, 65.0
"""Seconds from ``associating`` to ``associated``."""
STALE_SECONDS = 0.5
"""How long DescribeInstances may still show the profile that was replaced."""
LONG_AGO = 1000.0


def trusting(service: str) -> Mapping[str, Any]:
    """A trust policy that lets a service assume the role."""
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    return {"Version": "2012-10-17", "Statement": [statement]}


TRUST_EC2, TRUST_LAMBDA = trusting("ec2.amazonaws.com"), trusting("lambda.amazonaws.com")


@dataclass
class Profile:
    """An instance profile, with the role in it."""

    arn: str
    role_arn: str | None
    trust: Mapping[str, Any] = field(default_factory=lambda: TRUST_EC2)
    known_from: float = 0.0
    """When EC2 gets to know of it."""
    delivers: bool = True
    """EC2 can assume the role, as far as other policies than the trust policy are concerned."""

    @property
    def name(self) -> str:
        return self.arn.rpartition("/")[2]


@dataclass
class Instance:
    id: str
    state: str
    tags: Mapping[str, str]
    later: Sequence[tuple[float, str]] = ()
    """The states that it goes into, with the time since the epoch."""

    def state_at(self, now: float) -> str:
        return next((state for at, state in reversed(self.later) if at <= now), self.state)


@dataclass
class Row:
    """An association, of the kind that Describe shows a row for."""

    id: str
    instance_id: str
    arn: str
    since: float
    takes: float
    """Seconds until EC2 confirms it."""
    ended_at: float | None = None
    gone_at: float | None = None


class Fleet:
    """What is really there in one account and Region."""

    def __init__(self, clock: Callable[[], float], *, account: str = ACCOUNT, region: str = REGION) -> None:
        self.clock, self.account, self.region = clock, account, region
        self.profiles: dict[str, Profile] = {}
        """By ARN."""
        self.instances: dict[str, Instance] = {}
        self.rows: dict[str, list[Row]] = {}
        """By instance."""
        self.rows_by_id: dict[str, Row] = {}
        self.association_seconds: float | Callable[[], float] = 2.0
        self.disassociation_seconds = 3.0
        self.confirms_stopped = True
        """EC2 says ``associated`` of a stopped instance, too."""
        self.bared: list[str] = []
        """Running instances that have been left without an association, also for a moment."""
        self._numbers = itertools.count(1)

    def add_profile(self, name: str, *, role: str | None = "", path: str = "/", **more: Any) -> str:
        """Define an instance profile, with a role of the same name unless another or None is given."""
        role_arn = None if role is None else f"arn:aws:iam::{self.account}:role/{role or name}"
        arn = f"arn:aws:iam::{self.account}:instance-profile{path}{name}"
        self.profiles[arn] = Profile(arn, role_arn, **more)
        return arn

    def add_instance(
        self,
        carries: str | None = None,
        *,
        state: str = "running",
        tags: Mapping[str, str] | None = None,
        later: Sequence[tuple[float, str]] = (),
    ) -> str:
        """Launch an instance.

        Args:
            carries: ARN of the profile that it carries, for long.
            state: its state now.
            tags: its tags.
            later: the states that it goes into, with seconds from now.
        """
        id_ = f"i-{next(self._numbers):017x}"
        now = self.clock()
        self.instances[id_] = Instance(id_, state, tags or {}, [(now + after, then) for after, then in later])
        if carries:
            self.begin(id_, carries, since=now - LONG_AGO)
        return id_

    def state(self, instance_id: str) -> str:
        return self.instances[instance_id].state_at(self.clock())

    def change_state(self, instance_id: str, state: str) -> None:
        self.instances[instance_id].state, self.instances[instance_id].later = state, ()

    def instance_arn(self, instance_id: str) -> str:
        return f"arn:aws:ec2:{self.region}:{self.account}:instance/{instance_id}"

    def begin(self, instance_id: str, arn: str, since: float | None = None) -> Row:
        """Begin an association."""
        takes = self.association_seconds() if callable(self.association_seconds) else self.association_seconds
        number = next(self._numbers)
        row = Row(
            f"iip-assoc-{number:017x}", instance_id, arn, since=self.clock() if since is None else since, takes=takes
        )
        self.rows.setdefault(instance_id, []).append(row)
        self.rows_by_id[row.id] = row
        return row

    def end(self, row: Row) -> None:
        """End an association. A running instance takes a moment to give it up."""
        running = self.state(row.instance_id) == "running"
        row.ended_at = self.clock()
        row.gone_at = row.ended_at + (self.disassociation_seconds if running else 0)

    def active(self, instance_id: str) -> Row | None:
        """The association that is in force, or about to be."""
        if self.state(instance_id) == "terminated":
            return None
        return next((row for row in self.rows.get(instance_id, ()) if row.ended_at is None), None)

    def carried(self, instance_id: str) -> str | None:
        """Name of the profile that an instance carries."""
        row = self.active(instance_id)
        return row.arn.rpartition("/")[2] if row else None

    def shown(self, instance_id: str) -> str | None:
        """ARN of the profile that DescribeInstances shows: for a moment it is still the one before."""
        row = self.active(instance_id)
        if row is None or self.clock() >= row.since + STALE_SECONDS:
            return row.arn if row else None
        before = [other for other in self.rows[instance_id] if other.ended_at is not None]
        return before[-1].arn if before else row.arn

    def set_carried(self, instance_id: str, arn: str | None) -> None:
        """What someone else does by hand."""
        if row := self.active(instance_id):
            self.end(row)
        if arn:
            self.begin(instance_id, arn)

    def listed(self, instance_ids: Iterable[str] | None = None) -> list[Row]:
        """The associations that Describe shows: the older one of an instance may come first or last."""
        ids = self.rows if instance_ids is None else instance_ids
        rows = [row for id_ in ids for row in self.rows.get(id_, ()) if self.is_listed(row)]
        return sorted(rows, key=lambda row: row.id[::-1])

    def is_listed(self, row: Row) -> bool:
        here = row.gone_at is None or self.clock() < row.gone_at
        return here and self.state(row.instance_id) != "terminated"

    def row_state(self, row: Row) -> str:
        if row.ended_at is not None:
            return "disassociating" if self.clock() < (row.gone_at or 0.0) else "disassociated"
        waits = self.state(row.instance_id) == "stopped" and not self.confirms_stopped
        if waits or self._is_stuck(row) or self.clock() < row.since + row.takes:
            return "associating"
        return "associated"

    def _is_stuck(self, row: Row) -> bool:
        """EC2 can't assume the role, so it never confirms the association."""
        profile = self.profiles.get(row.arn)
        return profile is not None and not (profile.delivers and profile.trust == TRUST_EC2 and profile.role_arn)


def as_seen_on_aws(seed: int) -> Callable[[], float]:
    """How long confirmations take, spread as they are on AWS: most are quick, a few take a minute."""
    dice = random.Random(seed)  # noqa: S311 - no secret

    def draw() -> float:
        slow = SLOWEST_CONFIRMATION - FASTEST_CONFIRMATION
        return FASTEST_CONFIRMATION + slow * dice.random() ** 4

    return draw
