"""The model behind the fake EC2 and IAM: instance profiles, instances, and their associations over time."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.runtime.fake_faults import VirtualClock

ACCOUNT, REGION = "111122223333", "eu-west-1"
TRUST_EC2 = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}],
}
TRUST_LAMBDA = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}],
}


@dataclass
class FakeProfile:
    arn: str
    role_arn: str | None
    trust: Mapping[str, Any] = field(default_factory=lambda: TRUST_EC2)
    known_from: float = 0.0
    """When EC2 gets to know of it."""
    delivers: bool = True
    """EC2 can assume the role, as far as other policies than the trust policy are concerned."""


@dataclass
class FakeInstance:
    id: str
    state: str
    tags: Mapping[str, str]
    later: Sequence[tuple[float, str]]
    """The states that it goes into, with the time since the epoch."""

    def state_at(self, now: float) -> str:
        return next((state for at, state in reversed(self.later) if at <= now), self.state)


@dataclass
class Row:
    """An association."""

    id: str
    instance_id: str
    arn: str
    since: float
    ended_at: float | None = None
    gone_at: float | None = None


class FakeFleet:
    """What is really there."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.profiles: dict[str, FakeProfile] = {}
        self.instances: dict[str, FakeInstance] = {}
        self.rows: dict[str, list[Row]] = {}
        """By instance."""
        self.rows_by_id: dict[str, Row] = {}
        self.association_seconds, self.disassociation_seconds = 2.0, 3.0
        self.confirms_stopped = True
        """EC2 says ``associated`` of a stopped instance, too."""
        self._numbers = itertools.count(1)

    def add_profile(self, name: str, *, role: str | None = "", path: str = "/", **more: Any) -> str:
        """Define an instance profile, with a role of the same name unless another or None is given."""
        role_arn = None if role is None else f"arn:aws:iam::{ACCOUNT}:role/{role or name}"
        arn = f"arn:aws:iam::{ACCOUNT}:instance-profile{path}{name}"
        self.profiles[arn] = FakeProfile(arn, role_arn, **more)
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
        self.instances[id_] = FakeInstance(id_, state, tags or {}, [(now + after, then) for after, then in later])
        if carries:
            self.begin(id_, carries, since=now - 1000)
        return id_

    def state(self, instance_id: str) -> str:
        return self.instances[instance_id].state_at(self.clock())

    def change_state(self, instance_id: str, state: str) -> None:
        self.instances[instance_id].state, self.instances[instance_id].later = state, ()

    def begin(self, instance_id: str, arn: str, since: float | None = None) -> Row:
        number = next(self._numbers)
        row = Row(f"iip-assoc-{number:017x}", instance_id, arn, self.clock() if since is None else since)
        self.rows.setdefault(instance_id, []).append(row)
        self.rows_by_id[row.id] = row
        return row

    def end(self, row: Row) -> None:
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
            return "disassociating"
        profile = self.profiles.get(row.arn)
        waits = self.state(row.instance_id) == "stopped" and not self.confirms_stopped
        stuck = profile is not None and not (profile.delivers and profile.trust == TRUST_EC2 and profile.role_arn)
        if waits or stuck or self.clock() < row.since + self.association_seconds:
            return "associating"
        return "associated"
