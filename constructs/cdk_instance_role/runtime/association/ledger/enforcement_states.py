"""What enforcement remembers between two looks: one item per association, and one per instance that is not as wanted.

Every write checks the lease in the same transaction. So an invocation that has lost it can't overwrite what came after.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ..contract import LEDGER_SORT_KEY
from ..drift.breaker import ChangeKind, EnforcementState, Pause
from ..drift.finding import Drift, Finding
from .desired_states import ENFORCEMENT_STATE_KIND
from .enforcement_lease import EnforcementLease
from .items import reading
from .table import Table

_FINDINGS = "findings|"
"""Beginning of the kind of the ledger's entries for findings; the rest is the association, and their ids are those of
the instances."""


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
        writes = [self._table.replacement(ENFORCEMENT_STATE_KIND, key, _attributes_of(state))]
        for one in findings:
            kind = f"{_FINDINGS}{key}"
            if one.is_needed(now):
                writes.append(self._table.replacement(kind, one.instance_id, _finding_attributes(one)))
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


def _attributes_of(state: EnforcementState) -> dict[str, Any]:
    return {
        "RequestId": state.request_id,
        "ObservedAt": state.observed_at,
        "Drifted": state.drifted,
        "IsUnfinished": state.is_unfinished,
        "SweptAt": state.swept_at,
        "TriedAt": state.tried_at,
        "ResumedAt": state.resumed_at,
        "AcceptsLoss": state.accepts_loss,
        "Held": {str(at): number for at, number in state.held.items()},
        "Counts": {str(kind): {str(at): n for at, n in found.items()} for kind, found in state.counts.items()},
        "Begun": {str(kind): dict(found) for kind, found in state.begun.items()},
        "Pauses": {
            str(kind): {"Since": one.since, "Reason": one.reason, "Reported": one.reported}
            for kind, one in state.pauses.items()
        },
    }


def _state_of(item: Mapping[str, Any]) -> EnforcementState:
    """What an item says. If a later release has written what this one does not know, nothing is changed."""
    try:
        return _read_state(item)
    except (KeyError, TypeError, ValueError, AttributeError):
        pause = Pause(
            0.0, "the ledger says more than this release knows: deploy with the current release", reported=True
        )
        return EnforcementState(str(item.get("RequestId")), pauses=dict.fromkeys(ChangeKind, pause))


def _read_state(item: Mapping[str, Any]) -> EnforcementState:
    return EnforcementState(
        request_id=item["RequestId"],
        observed_at=float(item["ObservedAt"]),
        counts={ChangeKind(kind): {int(at): int(n) for at, n in one.items()} for kind, one in item["Counts"].items()},
        begun={ChangeKind(kind): {id_: int(at) for id_, at in one.items()} for kind, one in item["Begun"].items()},
        held={int(at): int(number) for at, number in item["Held"].items()},
        pauses={
            ChangeKind(kind): Pause(float(one["Since"]), one["Reason"], bool(one["Reported"]))
            for kind, one in item["Pauses"].items()
        },
        drifted=int(item["Drifted"]),
        is_unfinished=bool(item["IsUnfinished"]),
        swept_at=float(item["SweptAt"]),
        tried_at=float(item["TriedAt"]),
        resumed_at=float(item["ResumedAt"]),
        accepts_loss=bool(item["AcceptsLoss"]),
    )


_TEXTS = {
    "Drift": "drift",
    "Reason": "reason",
    "Advice": "advice",
    "Carries": "carries",
    "Reported": "reported",
    "ReportedId": "reported_id",
}
_TIMES = {
    "Since": "since",
    "RetryAt": "retry_at",
    "RepairedAt": "repaired_at",
    "UnselectedAt": "unselected_at",
    "GoneAt": "gone_at",
}
_NUMBERS = {"Tries": "tries", "Repairs": "repairs"}
_FIELDS = {**_TEXTS, **_TIMES, **_NUMBERS}
"""Attributes of a finding's item, with the fields of `Finding` that they hold."""


def _finding_attributes(finding: Finding) -> dict[str, Any]:
    """Only what says something: most findings are short-lived."""
    named = {name: getattr(finding, field) for name, field in _FIELDS.items()}
    return {name: str(value) if isinstance(value, Drift) else value for name, value in named.items() if value}


def _finding_of(item: Mapping[str, Any]) -> Finding:
    with reading(item, "or delete it: enforcement looks at the instance anew"):
        known: dict[str, Any] = {field: item[name] for name, field in _TEXTS.items() if name in item}
        for field in ("drift", "reported"):
            known[field] = _drift(known.get(field))
        known |= {field: float(item[name]) for name, field in _TIMES.items() if name in item}
        known |= {field: int(item[name]) for name, field in _NUMBERS.items() if name in item}
        return Finding(instance_id=item[LEDGER_SORT_KEY], **known)


def _drift(value: Any) -> Drift | None:
    """A drift by its name. One that a later release has written is looked for anew."""
    return Drift(value) if value in list(Drift) else None
