"""What one association has to do with an instance: plain values, and how they change."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import count
from typing import Self

from .step import CHANGES, Action

MAX_ERROR = 500
"""Characters of an error that are kept."""

DENIAL_SECONDS = 60.0
"""Two denials this far apart are believed: a policy that was attached a moment ago is in force by then."""


@dataclass(frozen=True, slots=True)
class Base:
    """What a target was when a Create found a claim that an earlier creation of its association had left there."""

    profile: str | None
    """ARN of the profile that it carried."""
    rank: int
    wanted: str | None
    ours: frozenset[str]
    retained: bool
    """These are of the claim that was found."""


@dataclass(frozen=True, slots=True)
class RepeatedError:
    """An error that has kept a change from being made since some time."""

    kind: str
    since: float
    """When this kind of error was first seen, in seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Denial:
    """The handler was not allowed to pass a role."""

    role_arn: str
    first_at: float
    """Seconds since the epoch."""
    last_at: float

    @property
    def is_confirmed(self) -> bool:
        """It has been seen in two attempts that are far enough apart."""
        return self.last_at - self.first_at >= DENIAL_SECONDS


@dataclass(frozen=True, slots=True)
class Latest:
    """The latest step of an association about an instance. It also says whether the instance was in a wave already."""

    action: str = ""
    before: str | None = None
    """Profile that the instance carried before; in the middle of a swap, before both halves."""
    after: str | None = None
    at: float = 0.0
    """When it was written down, in seconds since the epoch."""
    error: str | None = None
    """What EC2 had against it."""
    final: bool = False
    """EC2 has refused it for good."""
    rejected: bool = False
    """EC2 has answered that it did not make the change. Without an answer, it may have made it."""
    request: str = ""
    """Id of the event for which it was written down. With enforcement: of the latest operation that has succeeded."""

    @property
    def may_be_made(self) -> bool:
        """Whether it is a change that EC2 has made, or may have made."""
        return self.is_change and not self.rejected

    @property
    def is_change(self) -> bool:
        """Whether it changes the instance."""
        return self.action in CHANGES

    def is_refusal_of(self, profile: str | None) -> bool:
        """Whether EC2 has refused for good to give the instance this profile, or none."""
        return self.final and self.after == profile


@dataclass(frozen=True, slots=True)
class Claim:
    """What one association has to do with an instance."""

    association: str
    since: float = 0.0
    """When the association came to hold the instance, in seconds since the epoch."""
    rank: int = 0
    """The higher, the younger."""
    wanted: str | None = None
    """Profile that the instance shall carry. None once somebody else has changed it."""
    ours: frozenset[str] = frozenset()
    """Profiles that the association has put there, or was about to."""
    detached: str | None = None
    """Profile that was disassociated from a stopped instance, which has to be without one between the two halves."""
    latest: Latest = Latest()
    failing_in: str | None = None
    """Id of the event in which EC2 first refused for good to give the instance what is wanted; None if it has not."""
    request: str = ""
    """Id of the Create or Update by which the association came to hold the instance."""
    retained: bool = False
    """The instance keeps its profile when the association is removed. CloudFormation never says whether it has been."""
    base: Base | None = None
    """What the instance carried before the Create that found this claim."""
    repeated_error: RepeatedError | None = None
    """Like the denial, it is of the same event as the latest step."""
    denial: Denial | None = None
    given: bool = False
    """The instance is known to have had a profile that this association wanted: EC2 has accepted a change to it, or it
    was seen there. What has become of it since does not matter."""

    def is_retained_above(self, other: Self | None) -> bool:
        """Whether this is a younger claim than another one, of an association whose removal policy is to retain. It
        does not keep what the other association has put there, because its own association may be gone."""
        return self.retained and other is not None and self.rank > other.rank

    def committed(self, wanted: str, *, retain: bool) -> Self:
        """The claim once an operation has succeeded: it owns the wanted profile and no other."""
        return replace(
            self,
            wanted=wanted,
            ours=frozenset({wanted}),
            detached=None,
            failing_in=None,
            retained=retain,
            base=None,
            repeated_error=None,
            denial=None,
            given=True,
        )

    def accepted(self, now: float) -> Self:
        """The claim after EC2 has accepted the latest step."""
        failing_in = None if self.latest.after == self.wanted else self.failing_in
        latest = replace(self.latest, error=None, at=now, rejected=False)
        return replace(
            self,
            latest=latest,
            detached=None,
            failing_in=failing_in,
            repeated_error=None,
            denial=None,
            given=self.given or latest.after == self.wanted,
        )

    def begun(self, latest: Latest, *, detached: str | None) -> Self:
        """The claim once a step is about to be made. What another event was refused says nothing about this one: what
        was wrong then may be corrected since, and a correction takes its time to be in force."""
        given = self.given or latest.action == Action.KEEP
        mine = replace(self, latest=latest, detached=detached, given=given)
        return mine if self.latest.request == latest.request else replace(mine, repeated_error=None, denial=None)

    def found_by(self, request: str, carried: str | None) -> Self:
        """The claim once a Create has found it, whose event has this id, on an instance that carries this profile."""
        return replace(self, request=request, base=Base(carried, self.rank, self.wanted, self.ours, self.retained))

    def as_found(self, base: Base) -> Self:
        """The claim as the Create has found it."""
        former = replace(self, rank=base.rank, wanted=base.wanted, ours=base.ours, retained=base.retained)
        return replace(former, request="", base=None, detached=None, failing_in=None, repeated_error=None, denial=None)

    def below(self, others: Iterable[Self], carried: str | None, wanted: str, *, retain: bool) -> Self:
        """The claim below those that have put on the instance what it carries. It wants a profile once they are gone.

        Args:
            others: the other claims.
            carried: what the instance carries.
            wanted: the profile.
            retain: the instance keeps its profile when the association is removed.
        """
        ranks = {claim.rank: carried in claim.ours for claim in others}
        lowest = min(rank for rank, is_above in ranks.items() if is_above)
        free = next(rank for rank in count(lowest - 1, -1) if rank not in ranks)
        ours = frozenset({wanted})
        return replace(self, rank=free, wanted=wanted, ours=ours, detached=None, retained=retain, given=False)

    def refused(
        self, error: str, now: float, *, kind: str, final: bool, rejected: bool, reverted: bool, denied_role: str | None
    ) -> Self:
        """The claim after EC2 has had something against the latest step. Arguments as for `Record.noted`."""
        latest = replace(self.latest, error=error[:MAX_ERROR], at=now, final=final, rejected=rejected)
        return replace(
            self,
            latest=latest,
            # Unless it is on again, whether the first half of a swap took effect is for the next observation to tell.
            detached=None if reverted else self.detached,
            failing_in=self.latest.request if final and self.failing_in is None else self.failing_in,
            repeated_error=RepeatedError(kind, self.error_since(kind, now)) if kind else self.repeated_error,
            denial=_denial(self.denial, denied_role, now),
        )

    def error_since(self, kind: str, now: float) -> float:
        """When this event first met this kind of error, without another kind or a success since then."""
        return self.repeated_error.since if self.repeated_error and self.repeated_error.kind == kind else now


def _denial(former: Denial | None, role_arn: str | None, now: float) -> Denial | None:
    if role_arn is None:
        return former
    is_same = former is not None and former.role_arn == role_arn
    return Denial(role_arn, former.first_at if former and is_same else now, now)
