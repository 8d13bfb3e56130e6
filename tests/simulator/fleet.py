"""The model: instance profiles, instances, and their associations over time. It knows facts and no API."""

import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from tests.simulator.entities import TRUST_EC2 as TRUST_EC2
from tests.simulator.entities import TRUST_LAMBDA as TRUST_LAMBDA
from tests.simulator.entities import Instance as Instance
from tests.simulator.entities import Profile as Profile
from tests.simulator.entities import Row as Row
from tests.simulator.entities import in_no_order as in_no_order
from tests.simulator.entities import lets_ec2_assume as lets_ec2_assume
from tests.simulator.entities import new_profile_id
from tests.simulator.entities import trusting as trusting

ACCOUNT, REGION = "111122223333", "eu-west-1"
FASTEST_CONFIRMATION, SLOWEST_CONFIRMATION = 1.6, 65.0
"""Seconds from ``associating`` to ``associated``."""
STALE_SECONDS = 0.5
"""How long DescribeInstances may still show the profile that was replaced."""
FIRST_ROLE_SECONDS, NEXT_ROLE_SECONDS = 4.0, 5.0
"""How long it takes an instance to get at its first role, and at another one."""
ROLE_LOOKED_UP_EVERY = 3600.0
"""Seconds until an instance gets to see that there is another role in the profile."""
ROLE_NOT_ASSUMED = "AssumeRoleUnauthorizedAccess"
"""What an instance gets instead of credentials if EC2 can't assume the role."""
PROFILE_NOT_FOUND = "InstanceProfileNotFound"
"""What an instance gets instead of credentials if the profile that it carries was deleted."""
LONG_AGO = 1000.0


class Fleet:
    """What is really there in one account and Region."""

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        account: str = ACCOUNT,
        region: str = REGION,
        numbers: Iterator[int] | None = None,
    ) -> None:
        """
        Args:
            clock: tells the time.
            account: account id.
            region: Region.
            numbers: what ids are made of, which are unique over all Regions. Default: those of one Region.
        """
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
        self._numbers = numbers or itertools.count(1)

    def add_profile(self, name: str, *, role: str | None = "", path: str = "/", **more: Any) -> str:
        """Define an instance profile, with a role of the same name unless another or None is given."""
        role_arn = None if role is None else f"arn:aws:iam::{self.account}:role/{role or name}"
        arn = f"arn:aws:iam::{self.account}:instance-profile{path}{name}"
        self.profiles[arn] = Profile(arn, role_arn, **more)
        return arn

    def delete_profile(self, arn: str) -> None:
        """Delete an instance profile. Associations keep its ARN and its id."""
        del self.profiles[arn]

    def recreate_profile(self, arn: str, *, role: str | None = "", **more: Any) -> str:
        """Delete an instance profile and create it again, with another id.

        Args:
            arn: ARN of the profile.
            role: name of the role in the new one; None for none. Default: the role that is in it now.
            more: what else there is to a `Profile`.

        Returns:
            The id of the new one.
        """
        role_arn = role and f"arn:aws:iam::{self.account}:role/{role}"
        former = self.profiles[arn]
        self.delete_profile(arn)
        self.profiles[arn] = Profile(arn, former.role_arn if role == "" else role_arn, **more)
        return self.profiles[arn].id

    def change_role(self, profile_arn: str, role: str | None) -> None:
        """Put another role into a profile, by its name, or take the role out."""
        profile = self.profiles[profile_arn]
        profile.former_roles.append((self.clock(), profile.role_arn))
        profile.role_arn = role and f"arn:aws:iam::{self.account}:role/{role}"

    def add_instance(
        self,
        carries: str | None = None,
        *,
        state: str = "running",
        tags: Mapping[str, str] | None = None,
        later: Sequence[tuple[float, str]] = (),
        **more: Any,
    ) -> str:
        """Launch an instance.

        Args:
            carries: ARN of the profile that it carries, for long.
            state: its state now.
            tags: its tags.
            later: the states that it goes into, with seconds from now.
            more: what else there is to an `Instance`.
        """
        id_ = f"i-{next(self._numbers):017x}"
        now = self.clock()
        states = [(now + after, then) for after, then in later]
        self.instances[id_] = Instance(id_, state, tags or {}, states, since=now, **more)
        if carries:
            self.begin(id_, carries, since=now - LONG_AGO)
        return id_

    def state(self, instance_id: str) -> str:
        return self.instances[instance_id].state_at(self.clock())

    def change_state(self, instance_id: str, state: str) -> None:
        instance = self.instances[instance_id]
        instance.state, instance.later, instance.since = state, (), self.clock()

    def is_shown(self, instance_id: str) -> bool:
        """Whether EC2 knows an instance, or still does."""
        return instance_id in self.instances and self.instances[instance_id].is_shown(self.clock())

    def instance_arn(self, instance_id: str) -> str:
        return f"arn:aws:ec2:{self.region}:{self.account}:instance/{instance_id}"

    def begin(self, instance_id: str, arn: str, since: float | None = None) -> Row:
        """Begin an association."""
        takes = self.association_seconds() if callable(self.association_seconds) else self.association_seconds
        began = self.clock() if since is None else since
        profile_id = self.profiles[arn].id if arn in self.profiles else new_profile_id()
        row = Row(f"iip-assoc-{next(self._numbers):017x}", instance_id, arn, profile_id, began, takes)
        self.rows.setdefault(instance_id, []).append(row)
        self.rows_by_id[row.id] = row
        return row

    def replace(self, row: Row, arn: str) -> Row:
        """Let an association of another profile take the place of one."""
        self.end(row)
        successor = self.begin(row.instance_id, arn)
        successor.replaced = row
        return successor

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

    def profile_of(self, row: Row) -> Profile | None:
        """The profile that an association is with; None if it was deleted, also if its ARN is in use again."""
        profile = self.profiles.get(row.arn)
        return profile if profile and profile.id == row.profile_id else None

    def shown(self, instance_id: str) -> Row | None:
        """The association whose profile DescribeInstances shows: for a moment it is still the one before."""
        row = self.active(instance_id)
        return row.replaced if row and row.replaced and self.clock() < row.since + STALE_SECONDS else row

    def credentials(self, instance_id: str) -> str | None:
        """What an instance gets from its metadata service: ARN of the role, `ROLE_NOT_ASSUMED` or `PROFILE_NOT_FOUND`.

        None if it gets nothing. One that gets another profile has the role of the former until then.
        """
        row, now = self.active(instance_id), self.clock()
        if row is None or self.state(instance_id) != "running":
            return None
        while row.replaced and now < row.since + NEXT_ROLE_SECONDS:
            row = row.replaced
        if not row.replaced and now < row.since + FIRST_ROLE_SECONDS:
            return None
        looked_up_at = now - (now - row.since) % ROLE_LOOKED_UP_EVERY
        profile = self.profile_of(row)
        if profile is None:
            return PROFILE_NOT_FOUND
        role = profile.role_at(looked_up_at)
        return ROLE_NOT_ASSUMED if role and not profile.assumable else role

    def set_carried(self, instance_id: str, arn: str | None) -> None:
        """What someone else does by hand."""
        row = self.active(instance_id)
        if row and arn and self.state(instance_id) == "running":
            self.replace(row, arn)
            return
        if row:
            self.end(row)
        if arn:
            self.begin(instance_id, arn)

    def listed(self, instance_ids: Iterable[str] | None = None) -> list[Row]:
        """The associations that Describe shows."""
        ids = self.rows if instance_ids is None else instance_ids
        rows = [row for id_ in ids for row in self.rows.get(id_, ()) if self.is_listed(row)]
        return sorted(rows, key=in_no_order)

    def is_listed(self, row: Row) -> bool:
        here = row.gone_at is None or self.clock() < row.gone_at
        return here and self.state(row.instance_id) != "terminated"

    def row_state(self, row: Row) -> str:
        if row.ended_at is not None:
            return "disassociating" if self.clock() < (row.gone_at or 0.0) else "disassociated"
        if not row.confirmed:
            waits = self.state(row.instance_id) == "stopped" and not self.confirms_stopped
            row.confirmed = not (waits or self._is_stuck(row) or self.clock() < row.since + row.takes)
        return "associated" if row.confirmed else "associating"

    def _is_stuck(self, row: Row) -> bool:
        """EC2 can't assume the role, so it never confirms the association."""
        profile = self.profile_of(row)
        return profile is not None and not (profile.role_arn and profile.assumable)


def as_seen_on_aws(seed: int) -> Callable[[], float]:
    """How long confirmations take: between the two bounds that were seen on AWS, and nothing else was. How they are
    spread between them is assumed: most are quick, a few take a minute."""
    dice = random.Random(seed)  # noqa: S311 - no secret

    def draw() -> float:
        slow = SLOWEST_CONFIRMATION - FASTEST_CONFIRMATION
        return FASTEST_CONFIRMATION + slow * dice.random() ** 4

    return draw
