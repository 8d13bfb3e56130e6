"""Which of several associations an instance belongs to. Enforcement never changes the order of claims. Pure.

Claims of an association whose removal policy is to retain do not count: the handler does not learn when that is
removed, and a claim that it has left must not keep an instance for ever. Where such an association is enforced by now,
it exists, and its claims count.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ..decide.claim import Claim
from ..decide.model import Instance
from ..decide.record import Record
from ..request.desired import Selection

SETTLING_SECONDS = 180.0
"""How long after a change by its association an instance may still look different."""


@dataclass(frozen=True, slots=True)
class OtherAssociation:
    """Another association that enforces on the same ledger."""

    association: str
    first_at: float
    """When its first operation began, in seconds since the epoch."""
    selection: Selection


@dataclass(frozen=True, slots=True)
class Ownership:
    """The place of one association among those that enforce on the same ledger."""

    association: str
    first_at: float
    others: Sequence[OtherAssociation] = ()

    def may_act(self, record: Record, instance: Instance | None) -> bool:
        """Whether the instance is this association's: its claim is on top, or there is none on a late arrival that it
        selects as the youngest."""
        claims = self._living(record)
        if record.mine:
            return all(claim.rank < record.mine.rank for claim in claims)
        younger = {one.association for one in self.others if self._is_younger(one)}
        older = {one.association for one in self.others} - younger
        if any(claim.association not in older for claim in claims):
            return False
        selecting = (one.association for one in self.others if instance and _selects(one.selection, instance))
        return younger.isdisjoint(selecting)

    def unenforced_owner(self, record: Record, carried: str | None, now: float) -> str | None:
        """The association that an instance belongs to, if the instance is not as that one has left it, and that one is
        not enforced now. Nobody else reports such an instance.

        Args:
            record: what the ledger knows about the instance, which is not this association's.
            carried: profile that it carries.
            now: seconds since the epoch.
        """
        claims = self._living(record)
        owner = max(claims, key=lambda claim: claim.rank, default=None)
        if owner is None or owner.association in self._enforced:
            return None
        is_being_changed = owner.detached or now - max(owner.latest.at, record.acted_at or 0.0) < SETTLING_SECONDS
        is_as_left = any(carried in claim.ours for claim in claims)
        return None if is_being_changed or is_as_left else owner.association

    def _living(self, record: Record) -> list[Claim]:
        """Claims of other associations that have not gone and left them."""
        return [claim for claim in record.others if not claim.retained or claim.association in self._enforced]

    @property
    def _enforced(self) -> frozenset[str]:
        return frozenset(one.association for one in self.others)

    def _is_younger(self, other: OtherAssociation) -> bool:
        return (other.first_at, other.association) > (self.first_at, self.association)


def _selects(selection: Selection, instance: Instance) -> bool:
    return instance.id in selection.ids or selection.matches(instance.tags)
