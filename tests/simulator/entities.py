"""What the model consists of: instance profiles, instances and associations."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SHOWN_SECONDS = 3600.0
"""How long EC2 shows an instance that was terminated."""
_profile_numbers = itertools.count(1)


def trusting(service: str) -> Mapping[str, Any]:
    """A trust policy that lets a service assume the role."""
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
    """IAM takes one thing without brackets."""
    return value if isinstance(value, list | tuple) else [value]


def new_profile_id() -> str:
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
    """What was in it before, with the time since the epoch at which it was taken out."""
    id: str = field(default_factory=new_profile_id)
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
    zone: str = "eu-west-1a"
    """Its Availability Zone."""
    since: float = math.inf
    """When it got into its state. Default: it has not been in it for any time."""

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
    """The one whose place it took."""
    confirmed: bool = False
    """EC2 has said ``associated``, and does not take that back."""
    ended_at: float | None = None
    gone_at: float | None = None


def in_no_order(row: Row) -> str:
    """Sorts so that the older association of an instance comes first or last."""
    return row.id[::-1]
