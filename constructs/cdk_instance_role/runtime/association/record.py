"""What the ledger knows about one instance, and how that changes: plain values, and pure functions of them.

Several associations may have to do with an instance. They lie on one another like layers: what the youngest one wants
is what the instance carries. When one goes, the one beneath it comes to light, and beneath them all is what the
instance carried before any of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from .step import CHANGES, Action, Step

LONGEST_ERROR = 500
"""Characters of an error that are kept."""


@dataclass(frozen=True, slots=True)
class Latest:
    """The latest step of an association about an instance, for people to read, and to know whose turn it has been."""

    action: str = ""
    before: str | None = None
    after: str | None = None
    at: float = 0.0
    """When it was written down, in seconds since the epoch."""
    error: str | None = None
    """What EC2 had against it."""
    final: bool = False
    """EC2 has refused it for good."""

    @property
    def is_change(self) -> bool:
        """Whether it changes the instance."""
        return self.action in CHANGES


@dataclass(frozen=True, slots=True)
class Claim:
    """What one association has to do with an instance."""

    association: str
    since: float = 0.0
    """When the association came to hold the instance, in seconds since the epoch."""
    rank: int = 0
    """The higher, the younger."""
    wanted: str | None = None
    """Profile that the instance shall carry. None once somebody else has overruled the association."""
    ours: frozenset[str] = frozenset()
    """Profiles that the association has put there, or was about to."""
    detached: str | None = None
    """Profile that was taken off a stopped instance, which has to be without one between the two halves."""
    latest: Latest = Latest()
    failing_since: float | None = None
    """Since when EC2 has refused for good to give the instance what is wanted, in seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Record:
    """One instance, as one association sees it."""

    instance_id: str
    previous: str | None = None
    """Profile that the instance would carry if there were none of the associations."""
    mine: Claim | None = None
    others: tuple[Claim, ...] = ()
    """Of other associations, the youngest first."""
    acted_at: float | None = None
    """When EC2 last accepted a change of the instance, in seconds since the epoch."""
    revision: int = 0
    """How often the record was written; 0 says that there is none yet."""

    @property
    def ours(self) -> frozenset[str]:
        """Profiles that this association has put there, or was about to."""
        return self.mine.ours if self.mine else frozenset()

    @property
    def detached(self) -> str | None:
        """Profile that this association has taken off a stopped instance, and not yet replaced."""
        return self.mine.detached if self.mine else None

    @property
    def beneath(self) -> tuple[str | None, ...]:
        """What comes to light when this association goes: the first of these that still exists."""
        return (*(claim.wanted for claim in self.others if claim.wanted), self.previous)

    def has_changed_since(self, when: float) -> bool:
        """Whether this association has begun a change of the instance since then, in seconds since the epoch."""
        return self.mine is not None and self.mine.latest.at >= when and self.mine.latest.is_change

    def was_refused(self, step: Step, when: float) -> bool:
        """Whether EC2 has refused for good since then to give the instance what this step would, be it that it has got
        back since what had been taken off for it."""
        if self.mine is None or not self.has_changed_since(when):
            return False
        if self.mine.failing_since is not None and self.mine.failing_since >= when:
            return step.after == self.mine.wanted
        return self.mine.latest.final and self.mine.latest.after == step.after

    def was_failing(self, when: float) -> bool:
        """Whether EC2 had been refusing before then to give the instance what is wanted, in seconds since the epoch."""
        return self.mine is not None and self.mine.failing_since is not None and self.mine.failing_since < when

    @property
    def tried_at(self) -> float | None:
        """When the latest change of the instance was begun or accepted, in seconds since the epoch. It may have been
        accepted although nobody has heard of it."""
        begun = self.mine.latest.at if self.mine and self.mine.latest.is_change else None
        return max((at for at in (begun, self.acted_at) if at is not None), default=None)

    def is_kept_by_others(self, carried: str | None) -> bool:
        """Whether another association has put this profile there."""
        return any(carried in claim.ours for claim in self.others)

    def is_overruled(self, carried: str | None) -> bool:
        """Whether somebody who is none of the associations has given the instance this profile.

        That it has none counts only as long as no association has changed it: one may be between two halves.
        """
        known = carried in self.ours or self.is_kept_by_others(carried)
        return not known and (carried is not None or not self._begun)

    def beneath_after(self, carried: str | None) -> tuple[str | None, ...]:
        """What may have to come to light one day, should this association displace this profile."""
        return (carried,) if self.is_overruled(carried) else self.beneath

    def claimed(self, association: str, step: Step, now: float) -> Self:
        """The record that is written ahead of a step, or that says of a target that it was right already."""
        mine = self.mine or Claim(association, since=now)
        latest = Latest(str(step.action), step.before, step.after, now)
        mine = replace(mine, latest=latest, detached=step.before if step.action is Action.SWAP else mine.detached)
        if step.undo:
            # What is another's, and is brought to light again, is ours until we are gone.
            brought_to_light = {step.after} if step.after and step.after != self.previous else set()
            return replace(self, mine=replace(mine, ours=mine.ours | brought_to_light))
        assert step.after is not None
        rank = 1 + max((claim.rank for claim in self.others), default=0)
        mine = replace(mine, rank=rank, wanted=step.after, ours=mine.ours | {step.after})
        if (self.mine and step.action is Action.KEEP) or not self.is_overruled(step.before):
            return replace(self, mine=mine)
        others = tuple(replace(claim, wanted=None, ours=frozenset()) for claim in self.others)
        return replace(self, mine=mine, others=others, previous=step.before)

    def noted(self, error: str | None, now: float, *, final: bool = False, put_back: bool = False) -> Self:
        """The record after EC2 has accepted the step that was claimed, or has had something against it.

        Args:
            error: what EC2 had against it; None if it was accepted.
            now: seconds since the epoch.
            final: EC2 has refused it for good.
            put_back: what the first half of a swap had taken off is on again.
        """
        assert self.mine is not None
        mine = replace(self.mine, latest=replace(self.mine.latest, error=error and error[:LONGEST_ERROR], at=now))
        if error is None:
            failing_since = None if mine.latest.after == mine.wanted else mine.failing_since
            return replace(self, mine=replace(mine, detached=None, failing_since=failing_since), acted_at=now)
        latest, failing_since = replace(mine.latest, final=final), mine.failing_since or (now if final else None)
        # Unless it is on again, whether the first half of a swap took effect is for the next observation to tell.
        detached = None if put_back else mine.detached
        return replace(self, mine=replace(mine, latest=latest, detached=detached, failing_since=failing_since))

    def settled(self, wanted: str) -> Self:
        """The record once the operation is over: what earlier or failed ones have put there, or wanted to, is not ours
        any more."""
        assert self.mine is not None
        mine = replace(self.mine, wanted=wanted, ours=frozenset({wanted}), detached=None, failing_since=None)
        return replace(self, mine=mine)

    def is_settled(self, wanted: str) -> bool:
        """Whether this profile is wanted, and only this one is ours."""
        return self.mine is not None and self == self.settled(wanted)

    def released(self) -> Self:
        """The record without this association."""
        return replace(self, mine=None)

    def seen_by(self, association: str) -> Self:
        """The same record, as another association sees it."""
        claims = sorted(self.claims, key=lambda claim: -claim.rank)
        mine = next((claim for claim in claims if claim.association == association), None)
        return replace(self, mine=mine, others=tuple(claim for claim in claims if claim is not mine))

    def next_revision(self) -> Self:
        """The record after it was written."""
        return replace(self, revision=self.revision + 1)

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Of all associations, in no order."""
        return (*self.others, self.mine) if self.mine else self.others

    @property
    def _begun(self) -> bool:
        return self.acted_at is not None or any(claim.detached for claim in self.claims)


Records = Mapping[str, Record]
"""Records by instance id."""


def held(records: Records) -> dict[str, Record]:
    """The records of the instances that this association has to do with."""
    return {id_: record for id_, record in records.items() if record.mine}
