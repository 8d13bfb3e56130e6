"""What enforcement remembers between two looks: one item per association, and one per instance that is not as wanted.

Every write checks the lease in the same transaction. So an invocation that has lost it can't overwrite what came after.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ..contract import LEDGER_SORT_KEY
from ..drift.breaker import ChangeKind, EnforcementState, Pause
from ..drift.finding import Drift, Finding
from ..exceptions import AssociationError
from ..value_types import COUNT, FLAG, TEXT, TIME, Structure, ValueType, made, mapped, mismatch, one_of
from .desired_states import ENFORCEMENT_STATE_KIND, RENEWED
from .enforcement_lease import EnforcementLease
from .items import reading
from .table import Table

_FINDINGS = "findings|"
"""Beginning of the kind of the ledger's entries for findings; the rest is the association, and their ids are those of
the instances."""


def _interval(key: str) -> int:
    """The start of an interval, from the key of a map. DynamoDB takes only texts as keys."""
    if key.isdecimal():
        return int(key)
    raise mismatch(key, "the start of an interval in seconds since the epoch")


def _drift(value: Any) -> Drift | None:
    """A drift by its name. One that a later release has written is looked for anew."""
    name = TEXT.read(value)
    return Drift(name) if name in list(Drift) else None


_KIND = one_of(*ChangeKind)
_INTERVAL = ValueType(_interval, str)
_PAUSE = Structure({"Since": ("since", TIME), "Reason": ("reason", TEXT), "Reported": ("reported", FLAG)})
_STATE = Structure(
    {
        "RequestId": ("request_id", TEXT),
        "ObservedAt": ("observed_at", TIME),
        "Drifted": ("drifted", COUNT),
        "IsUnfinished": ("is_unfinished", FLAG),
        "SweptAt": ("swept_at", TIME),
        "TriedAt": ("tried_at", TIME),
        "ResumedAt": ("resumed_at", TIME),
        "AcceptsLoss": ("accepts_loss", FLAG),
        "Held": ("held", mapped(COUNT, _INTERVAL)),
        "Counts": ("counts", mapped(mapped(COUNT, _INTERVAL), _KIND)),
        "Begun": ("begun", mapped(mapped(COUNT), _KIND)),
        "Pauses": ("pauses", mapped(made(Pause, _PAUSE), _KIND)),
    }
)

_DRIFT = ValueType(_drift, str)
_FINDING = Structure(
    {},
    {
        "Drift": ("drift", _DRIFT),
        "Reason": ("reason", TEXT),
        "Advice": ("advice", TEXT),
        "Carries": ("carries", TEXT),
        "Reported": ("reported", _DRIFT),
        "ReportedId": ("reported_id", TEXT),
        "Since": ("since", TIME),
        "RetryAt": ("retry_at", TIME),
        "RepairedAt": ("repaired_at", TIME),
        "UnselectedAt": ("unselected_at", TIME),
        "GoneAt": ("gone_at", TIME),
        "Tries": ("tries", COUNT),
        "Repairs": ("repairs", COUNT),
    },
)


class EnforcementStates:
    """What enforcement remembers of the associations that share a ledger."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def state(self, association: str) -> EnforcementState:
        """What is remembered of an association; an empty state if nothing is."""
        item = self._table.get(ENFORCEMENT_STATE_KIND, association)
        return _state_of(item) if item else EnforcementState()

    def states(self, associations: Iterable[str]) -> dict[str, EnforcementState]:
        """What is remembered of these associations, as far as anything is."""
        found = self._table.get_many((ENFORCEMENT_STATE_KIND, one) for one in associations)
        return {item[LEDGER_SORT_KEY]: _state_of(item) for item in found}

    def findings(self, association: str) -> dict[str, Finding]:
        """What is remembered of its instances, by instance id."""
        found = map(_finding_of, self._table.query(f"{_FINDINGS}{association}"))
        return {one.instance_id: one for one in found}

    def write(self, lease: EnforcementLease, state: EnforcementState, findings: Iterable[Finding], now: float) -> None:
        """Write the state and these findings. One that says nothing any more is removed.

        Args:
            lease: of the association.
            state: of the association.
            findings: those that have changed.
            now: seconds since the epoch.

        Raises:
            LostError: somebody else works on the association. Nothing more was written.
        """
        key = lease.association
        writes = [self._table.replacement(ENFORCEMENT_STATE_KIND, key, _STATE.write(state))]
        for one in findings:
            kind = f"{_FINDINGS}{key}"
            if one.is_needed(now):
                writes.append(self._table.replacement(kind, one.instance_id, _FINDING.write(one)))
            else:
                writes.append(self._table.removal(kind, one.instance_id))
        try:
            self._table.write([[one] for one in writes], lease.check())
        except self._table.Cancelled as error:
            lease.raise_if_superseded(error)
            raise

    def leave_unfinished(self, lease: EnforcementLease) -> None:
        """Note that another look is still to follow, before the wish for it is taken for fulfilled.

        Raises:
            LostError: somebody else works on the association.
        """
        change = self._table.change(
            ENFORCEMENT_STATE_KIND, lease.association, "SET IsUnfinished = :yes", {":yes": True}
        )
        try:
            self._table.write([[change]], lease.check())
        except self._table.Cancelled as error:
            lease.raise_if_superseded(error)
            raise

    def forget(self, association: str) -> None:
        """Remove the findings of an association that is deleted. Its operation has ended enforcement before."""
        kind = f"{_FINDINGS}{association}"
        self._table.write([[self._table.removal(kind, id_)] for id_ in self.findings(association)])


def _state_of(item: Mapping[str, Any]) -> EnforcementState:
    """What an item says. If it can't be read, nothing is changed."""
    try:
        with reading(item, RENEWED):
            return EnforcementState(**_STATE.read(item))
    except AssociationError as error:
        pauses = dict.fromkeys(ChangeKind, Pause(0.0, str(error), reported=True))
        return EnforcementState(item["RequestId"] if isinstance(item.get("RequestId"), str) else "", pauses=pauses)


def _finding_of(item: Mapping[str, Any]) -> Finding:
    with reading(item, "or delete it: enforcement looks at the instance anew"):
        return Finding(instance_id=item[LEDGER_SORT_KEY], **_FINDING.read(item))
