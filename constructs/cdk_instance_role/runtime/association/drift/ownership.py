"""Which of several associations an instance belongs to. Enforcement never changes the order of claims. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..decide.model import Instance
from ..decide.record import Record
from ..request.desired import Selection


@dataclass(frozen=True, slots=True)
class Rival:
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
    rivals: Sequence[Rival] = ()

    def may_act(self, record: Record, instance: Instance | None) -> bool:
        """Whether the instance is this association's: its claim is on top, or there is none on a late arrival that it
        selects as the youngest."""
        if record.mine:
            return all(claim.rank < record.mine.rank for claim in record.others)
        younger = {one.association for one in self.rivals if self._is_younger(one)}
        older = {one.association for one in self.rivals} - younger
        if any(claim.association not in older for claim in record.others):
            return False
        selecting = (one.association for one in self.rivals if instance and _selects(one.selection, instance))
        return younger.isdisjoint(selecting)

    def _is_younger(self, rival: Rival) -> bool:
        return (rival.first_at, rival.association) > (self.first_at, self.association)


def _selects(selection: Selection, instance: Instance) -> bool:
    return instance.id in selection.ids or selection.matches(instance.tags)
