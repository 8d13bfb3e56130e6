"""The model: instance profiles, instances, and their associations over time. It knows facts and no API."""

import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.simulator.copies import Numbers

ACCOUNT, REGION = "111122223333", "eu-west-1"
FASTEST_CONFIRMATION, SLOWEST_CONFIRMATION = 1.6, 65.0
"""Seconds from ``associating`` to ``associated``."""
STALE_SECONDS = 0.5
"""How long DescribeInstances may still show the profile that was replaced."""
FIRST_ROLE_SECONDS, NEXT_ROLE_SECONDS = 4.0, 5.0
"""How long it takes until an instance sees its first role, and another one."""
ROLE_LOOKED_UP_EVERY = 3600.0
"""Seconds until an instance gets to see that there is another role in the profile."""
ROLE_NOT_ASSUMED = "AssumeRoleUnauthorizedAccess"
"""What an instance gets instead of credentials if EC2 can't assume the role."""
PROFILE_NOT_FOUND = "InstanceProfileNotFound"
"""What an instance gets instead of credentials if the profile that it carries was deleted."""
SHOWN_SECONDS = 3600.0
"""How long EC2 shows an instance that was terminated."""
LONG_AGO = 1000.0
LAUNCHED_LONG_AGO = 30 * 86400.0
_profile_numbers = itertools.count(1)


def trusting(service: str) -> Mapping[str, Any]:
    """A trust policy that allows a service to assume the role."""
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    return {"Version": "2012-10-17", "Statement": [statement]}


TRUST_EC2, TRUST_LAMBDA = trusting("ec2.amazonaws.com"), trusting("lambda.amazonaws.com")


def lets_ec2_assume(trust: Mapping[str, Any]) -> bool:
    """Whether a trust policy allows EC2 to assume the role, and nowhere denies it. Conditions are not looked at."""
    statements = (one for one in _listed(trust["Statement"]) if _names_ec2(one.get("Principal", {})))
    return {one["Effect"] for one in statements} == {"Allow"}


def _names_ec2(principal: Any) -> bool:
    return principal == "*" or "ec2.amazonaws.com" in _listed(principal.get("Service", ()))


def _listed(value: Any) -> Sequence[Any]:
    """IAM accepts a single value without brackets."""
    return value if isinstance(value, list | tuple) else [value]


def _new_profile_id() -> str:
    return f"AIPA{next(_profile_numbers):017X}"


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
    former_roles: list[tuple[float, str | None]] = field(default_factory=list)
    """The roles that it held before, each with the time since the epoch at which it was removed."""
    id: str = field(default_factory=_new_profile_id)
    """One that is deleted and created again has the same ARN and another id."""

    @property
    def name(self) -> str:
        return self.arn.rpartition("/")[2]

    @property
    def assumable(self) -> bool:
        """EC2 can assume the role, if there is one."""
        return self.delivers and lets_ec2_assume(self.trust)

    def role_at(self, when: float) -> str | None:
        """The role that was in it then."""
        return next((role for until, role in self.former_roles if when < until), self.role_arn)


@dataclass
class Instance:
    id: str
    state: str
    tags: Mapping[str, str]
    later: Sequence[tuple[float, str]] = ()
    """The states that it goes into, with the time since the epoch."""
    user_data: str = ""
    metadata: bool = True
    """Its metadata service is on."""
    hops: int = 1
    """How far its metadata service answers."""
    zone: str = f"{REGION}a"
    """Its Availability Zone."""
    since: float = 0.0
    """When it got into its state."""
    launched_at: float = 0.0
    """When its primary network interface was attached."""
    former_tags: list[tuple[float, Mapping[str, str]]] = field(default_factory=list)
    """The tags that it had before, with the time since the epoch at which they were changed."""

    def tags_at(self, when: float) -> Mapping[str, str]:
        """The tags that it had then."""
        return next((tags for until, tags in self.former_tags if when < until), self.tags)

    def state_at(self, now: float) -> str:
        return self._state_since(now)[1]

    def is_shown(self, now: float) -> bool:
        """Whether EC2 knows it at all."""
        since, state = self._state_since(now)
        return state != "terminated" or now < since + SHOWN_SECONDS

    def _state_since(self, now: float) -> tuple[float, str]:
        return next(((at, state) for at, state in reversed(self.later) if at <= now), (self.since, self.state))


@dataclass
class Row:
    """An association, of the kind that Describe shows a row for."""

    id: str
    instance_id: str
    arn: str
    profile_id: str
    """Id of the profile that had this ARN when the association began."""
    since: float
    takes: float
    """Seconds until EC2 confirms it."""
    replaced: "Row | None" = None
    """The association that it has replaced."""
    confirmed: bool = False
    """EC2 has confirmed it, and a confirmation is final."""
    ended_at: float | None = None
    gone_at: float | None = None


def in_no_order(row: Row) -> str:
    """Sorts so that the older association of an instance comes first or last."""
    return row.id[::-1]


class Fleet:
    """The actual state of one account and Region."""

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
        self.describe_lag = 0.0
        """How many seconds DescribeInstances is behind: new instances, states and tags."""
        self.on_event: Callable[[str, str], None] = lambda *_: None
        """Gets to know of changes that EC2 sends an event about: ``state`` or ``tags``, and the instance."""
        self.confirms_stopped = True
        """EC2 says ``associated`` of a stopped instance, too."""
        self.bared: list[str] = []
        """Running instances that have been left without an association, also for a moment."""
        self._numbers = numbers or Numbers()

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
        """Put another role into a profile, by its name, or remove the role."""
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
        more = {"launched_at": now - LAUNCHED_LONG_AGO, **more}
        self.instances[id_] = Instance(id_, state, tags or {}, states, since=now, **more)
        if carries:
            self.begin(id_, carries, since=now - LONG_AGO)
        return id_

    def launch(self, carries: str | None = None, *, tags: Mapping[str, str] | None = None) -> str:
        """Launch an instance now. EC2 sends events about its state and its tags."""
        id_ = self.add_instance(tags=tags, launched_at=self.clock())
        if carries:
            self.begin(id_, carries)
        self.on_event("state", id_)
        if tags:
            self.on_event("tags", id_)
        return id_

    def set_tags(self, instance_id: str, **tags: str | None) -> None:
        """Give an instance other values of these tags, or remove them. EC2 sends an event."""
        instance = self.instances[instance_id]
        instance.former_tags.append((self.clock(), instance.tags))
        instance.tags = {key: value for key, value in {**instance.tags, **tags}.items() if value is not None}
        self.on_event("tags", instance_id)

    def state(self, instance_id: str) -> str:
        return self.instances[instance_id].state_at(self.clock())

    def change_state(self, instance_id: str, state: str) -> None:
        instance = self.instances[instance_id]
        instance.later = [(instance.since, instance.state), (self.clock(), state)]
        self.on_event("state", instance_id)

    def is_shown(self, instance_id: str) -> bool:
        """Whether EC2 knows an instance, or still does."""
        known = self.instances.get(instance_id)
        return known is not None and known.launched_at <= self._seen_at and known.is_shown(self.clock())

    def shown_state(self, instance_id: str) -> str:
        """The state that DescribeInstances shows."""
        return self.instances[instance_id].state_at(self._seen_at)

    def shown_tags(self, instance_id: str) -> Mapping[str, str]:
        """The tags that DescribeInstances shows."""
        return self.instances[instance_id].tags_at(self._seen_at)

    @property
    def _seen_at(self) -> float:
        return self.clock() - self.describe_lag

    def instance_arn(self, instance_id: str) -> str:
        return f"arn:aws:ec2:{self.region}:{self.account}:instance/{instance_id}"

    def begin(self, instance_id: str, arn: str, since: float | None = None) -> Row:
        """Begin an association."""
        takes = self.association_seconds() if callable(self.association_seconds) else self.association_seconds
        began = self.clock() if since is None else since
        profile_id = self.profiles[arn].id if arn in self.profiles else _new_profile_id()
        row = Row(f"iip-assoc-{next(self._numbers):017x}", instance_id, arn, profile_id, began, takes)
        self.rows.setdefault(instance_id, []).append(row)
        self.rows_by_id[row.id] = row
        return row

    def replace(self, row: Row, arn: str) -> Row:
        """Replace an association by one with another profile."""
        self.end(row)
        successor = self.begin(row.instance_id, arn)
        successor.replaced = row
        return successor

    def end(self, row: Row) -> None:
        """End an association. On a running instance that takes a moment."""
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
        """A change by someone else."""
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
