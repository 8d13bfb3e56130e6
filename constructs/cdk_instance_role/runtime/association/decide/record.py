"""What the ledger knows about one instance, and how that changes: plain values, and pure functions of them.

Several associations may have claims on one instance. The instance carries what the youngest claim wants. When an
association is removed, the instance gets the profile of the next younger claim that is left. Without any claim, it gets
the profile that it carried before all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from .claim import Claim, Latest
from .step import Action, Identity, Step


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
    identities: Mapping[str, Identity] = field(default_factory=dict)
    """What the profiles that may have to be restored were when they were displaced, by ARN."""
    left_by: frozenset[str] = frozenset()
    """Associations whose copies of the record have to be removed when it is written."""

    @property
    def ours(self) -> frozenset[str]:
        """Profiles that this association has put there, or was about to."""
        return self.mine.ours if self.mine else frozenset()

    @property
    def detached(self) -> str | None:
        """Profile that this association has disassociated from a stopped instance, and not yet replaced."""
        return self.mine.detached if self.mine else None

    @property
    def candidates(self) -> tuple[str | None, ...]:
        """What the instance gets when this association is removed: the first of these that still exists."""
        wanted = (claim.wanted for claim in self.others if not claim.is_retained_above(self.mine))
        return (*filter(None, wanted), self.previous)

    def has_changed_in(self, request: str) -> bool:
        """Whether the operation of the event with this id has begun a change of the instance. Times don't tell: the
        result of a repair that was under way when the operation began is noted after that."""
        return self.mine is not None and self.mine.latest.request == request and self.mine.latest.is_change

    def was_refused(self, step: Step, request: str) -> bool:
        """Whether EC2 has refused for good in the operation of this event to give the instance what this step would.
        The profile that was disassociated for it may be on the instance again."""
        mine = self.mine
        if mine is None or not self.has_changed_in(request):
            return False
        return step.after == mine.wanted if mine.failing_in == request else mine.latest.is_refusal_of(step.after)

    def was_failing_before(self, request: str) -> bool:
        """Whether EC2 had been refusing before the operation of this event to give the instance what is wanted."""
        return self.mine is not None and self.mine.failing_in not in (None, request)

    @property
    def tried_at(self) -> float | None:
        """When the latest change of the instance was begun or accepted, in seconds since the epoch. It may have been
        accepted although nobody has heard of it."""
        begun = self.mine.latest.at if self.mine and self.mine.latest.is_change else None
        return max((at for at in (begun, self.acted_at) if at is not None), default=None)

    def is_kept_by_others(self, carried: str | None) -> bool:
        """Whether another association has put this profile there, and still keeps it: nobody tells when one whose
        removal policy is to retain is gone."""
        return any(carried in claim.ours for claim in self.others if not claim.retained)

    def was_changed_externally(self, carried: str | None) -> bool:
        """Whether somebody who is none of the associations has given the instance this profile.

        That it has none counts only as long as no association can have changed it: one may be between two halves.
        """
        known = any(carried in claim.ours for claim in self.claims)
        return not known and (carried is not None or not self._begun)

    def candidates_after(self, carried: str | None) -> tuple[str | None, ...]:
        """What the instance may have to get back later, if this association replaces this profile."""
        return (carried,) if self.was_changed_externally(carried) else self.candidates

    def restore_candidates(self, undoes: str | None) -> tuple[str | None, ...]:
        """What the instance may get back: the first of these that still exists.

        Args:
            undoes: id of the Create that is rolled back; None if all that the association did is.
        """
        base = self.mine.base if self.mine and undoes is not None else None
        return (base.profile,) if base else self.candidates

    def identity(self, arn: str) -> Identity:
        """What a profile was when it was displaced, as far as that is known."""
        return self.identities.get(arn, Identity())

    def claimed(
        self,
        association: str,
        step: Step,
        now: float,
        *,
        request: str = "",
        creates: bool = False,
        retain: bool = False,
    ) -> Self:
        """The record that is written ahead of a step, or that says of a target that it was right already.

        Args:
            association: key of the association.
            step: what is about to be done.
            now: seconds since the epoch.
            request: id of the event.
            creates: the event is a Create. A claim that another event has left is then a leftover.
            retain: the instance keeps its profile when the association is removed.
        """
        mine = self.mine or Claim(association, since=now, request=request)
        if creates and not step.undo and mine.request != request:
            mine = mine.found_by(request, step.before)
        latest = Latest(str(step.action), step.before or mine.detached, step.after, now, request=request)
        mine = mine.begun(latest, detached=step.before if step.action is Action.SWAP else mine.detached)
        if step.undo:
            # What is another's, and is brought to light again, is ours until we are gone.
            restored = {step.after} if step.after and step.after != self.previous else set()
            return replace(self, mine=replace(mine, ours=mine.ours | restored))
        if step.claims_below:
            return replace(self, mine=mine.below(self.others, step.before, step.claims_below, retain=retain))
        assert step.after is not None
        rank = 1 + max((claim.rank for claim in self.others), default=0)
        mine = replace(mine, rank=rank, wanted=step.after, ours=mine.ours | {step.after}, retained=retain)
        if (self.mine and step.action is Action.KEEP) or not self.was_changed_externally(step.before):
            return replace(self, mine=mine)._with_identity(step)
        others = tuple(replace(claim, wanted=None, ours=frozenset()) for claim in self.others)
        return replace(self, mine=mine, others=others, previous=step.before)._with_identity(step)

    def noted(
        self,
        error: str | None,
        now: float,
        *,
        kind: str = "",
        final: bool = False,
        rejected: bool = True,
        reverted: bool = False,
        denied_role: str | None = None,
    ) -> Self:
        """The record after EC2 has accepted the step that was claimed, or has had something against it.

        Args:
            error: what EC2 had against it; None if it was accepted.
            now: seconds since the epoch.
            kind: kind of the error; empty for one that says nothing about the change, like a throttled call.
            final: EC2 has refused it for good.
            rejected: EC2 has answered that it did not make the change.
            reverted: what the first half of a swap had disassociated is associated again.
            denied_role: ARN of the role that the handler was not allowed to pass, if that was the error.
        """
        assert self.mine is not None
        if error is None:
            return replace(self, mine=self.mine.accepted(now), acted_at=now)
        how: dict[str, Any] = {
            "kind": kind,
            "final": final,
            "rejected": rejected,
            "reverted": reverted,
            "denied_role": denied_role,
        }
        return replace(self, mine=self.mine.refused(error, now, **how))

    def error_since(self, kind: str, now: float) -> float:
        """When the event of the latest step first met this kind of error, without another kind or a success since."""
        return self.mine.error_since(kind, now) if self.mine else now

    def committed(self, wanted: str, *, retain: bool = False) -> Self:
        """The record once the operation is over: what earlier or failed ones have put there, or wanted to, is not ours
        any more."""
        assert self.mine is not None
        mine = self.mine.committed(wanted, retain=retain)
        return replace(self, mine=mine)._with_needed_identities()

    def is_committed(self, wanted: str, *, retain: bool = False) -> bool:
        """Whether this profile is wanted, and only this one is ours."""
        return self.mine is not None and self == self.committed(wanted, retain=retain)

    def reverted(self) -> Self:
        """The record once a Create that found a leftover claim is rolled back: the leftover is what it was."""
        if self.mine is None or self.mine.base is None or self.mine.base.profile == self.previous:
            return self.released()
        return replace(self, mine=self.mine.as_found(self.mine.base))._with_needed_identities()

    def released(self) -> Self:
        """The record without this association."""
        left_by = self.left_by | ({self.mine.association} if self.mine else set())
        return replace(self, mine=None, left_by=left_by)._with_needed_identities()

    def for_association(self, association: str) -> Self:
        """The same record, as another association sees it."""
        claims = sorted(self.claims, key=lambda claim: -claim.rank)
        mine = next((claim for claim in claims if claim.association == association), None)
        return replace(self, mine=mine, others=tuple(claim for claim in claims if claim is not mine))

    def next_revision(self) -> Self:
        """The record after it was written."""
        return replace(self, revision=self.revision + 1, left_by=frozenset())

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Of all associations, in no order."""
        return (*self.others, self.mine) if self.mine else self.others

    def _with_identity(self, step: Step) -> Self:
        """The record with what is known of the profile that the step displaces. It may have been displaced before, and
        may have been something else then."""
        seen = {step.before: step.identity} if step.before and step.identity else {}
        return replace(self, identities={**self.identities, **seen})._with_needed_identities()

    def _with_needed_identities(self) -> Self:
        bases = {claim.base.profile for claim in self.claims if claim.base}
        needed = {self.previous, *bases, *(claim.wanted for claim in self.claims)}
        return replace(self, identities={arn: one for arn, one in self.identities.items() if arn in needed})

    @property
    def _begun(self) -> bool:
        return self.acted_at is not None or any(one.detached or one.latest.may_be_made for one in self.claims)


Records = Mapping[str, Record]
"""Records by instance id."""


def held(records: Records, undoes: str | None = None) -> dict[str, Record]:
    """The records of the instances that this association has to do with.

    Args:
        records: what the ledger says.
        undoes: id of a Create: only those that it came to hold, or found a leftover of. Default: all.
    """
    return {
        id_: record
        for id_, record in records.items()
        if record.mine and (undoes is None or record.mine.request == undoes)
    }
