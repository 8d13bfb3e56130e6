"""What enforcement will do about an association: with the decisions of the handler, and nothing is written."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ...runtime.association.contract import EnforcementProperty, Property
from ...runtime.association.decide.model import Snapshot
from ...runtime.association.drift.admission import admit
from ...runtime.association.drift.assessment import assess
from ...runtime.association.drift.finding import UNSELECTED_SECONDS
from ...runtime.association.drift.ownership import OtherAssociation, Ownership
from ...runtime.association.exceptions import RequestError
from ...runtime.association.ledger.desired_states import DesiredState
from ...runtime.association.request.desired import Desired
from ...runtime.association.request.enforcement import EnforcementSettings
from ..enforcement_plan import EnforcementPlan, OverlapView, SweepChange, SweepPause, SweepPlan
from ..live.association_ledger import AssociationLedger
from .enforcement_status import why_off

BY_TAGS = (
    "anyone who may set or delete the selecting tags can give or take the role without iam:PassRole: docs/security.md "
    "has the policy that protects them"
)


@dataclass(frozen=True)
class Planned:
    """An association as a deployment leaves it."""

    desired: Desired
    before: Desired | None
    """What it wanted when it was deployed last; None if it is not deployed."""
    settings: EnforcementSettings
    max_changes: str
    snapshot: Snapshot
    changes: bool
    """The deployment calls the handler."""


def enforcement_plan(planned: Planned, ledger: AssociationLedger | None) -> EnforcementPlan:
    """What enforcement will do.

    Args:
        planned: the association.
        ledger: its ledger; None if it is not deployed.
    """
    others = _other_associations(ledger) if ledger else []
    ownership = _ownership(ledger, others, planned)
    notes = [BY_TAGS] if planned.settings.repairs and planned.desired.selection.tags else []
    sweep = None
    if ledger and not planned.changes:
        off = why_off(ledger.desired_state(), ledger.operation())
        notes += [f"enforcement is off: {off.reason}"] if off else []
        sweep = None if off else _next_sweep(planned, ledger, ownership)
    return EnforcementPlan(
        mode=planned.settings.mode,
        every=planned.settings.every,
        max_changes=planned.max_changes,
        late_arrivals=tuple(_late_arrivals(planned)) if ledger else (),
        next_sweep=sweep,
        overlaps=tuple(_overlaps(planned, ownership)),
        notes=tuple(notes),
    )


def max_changes(properties: Mapping[str, object]) -> str:
    """How many instances may be changed in an hour, as the properties say it."""
    given = properties.get(Property.ENFORCEMENT)
    return str(given.get(EnforcementProperty.MAX_CHANGES, "")) if isinstance(given, Mapping) else ""


def _late_arrivals(planned: Planned) -> Iterable[str]:
    for id_ in planned.snapshot.selected:
        found = planned.snapshot.instances.get(id_)
        is_held = planned.snapshot.record(id_).mine is not None
        selection = planned.before.selection if planned.before else None
        if found and selection and not is_held and (id_ in selection.ids or selection.matches(found.tags)):
            yield id_


def _next_sweep(planned: Planned, ledger: AssociationLedger, ownership: Ownership) -> SweepPlan:
    operation = ledger.operation()
    enforcement_state = ledger.enforcement_state().of_operation(operation.request_id if operation else "")
    first = assess(planned.desired, planned.snapshot, ledger.findings(), ownership)
    # An instance that has lost the tags is restored only once two looks have shown it without them.
    later = replace(planned.snapshot, now=planned.snapshot.now + UNSELECTED_SECONDS)
    assessment = assess(planned.desired, later, first.findings, ownership)
    drifted = sum(one.drift is not None for one in assessment.findings.values())
    if not planned.settings.repairs:
        return SweepPlan(drifted=drifted)
    admission = admit(assessment, enforcement_state, planned.settings, later.now)
    changes = [(change, False) for change in admission.changes] + [(change, True) for change in admission.held_back]
    pauses = admission.state.pauses.items()
    return SweepPlan(
        tuple(SweepChange(one.step.instance_id, one.kind, one.step.reason, held) for one, held in changes),
        tuple(SweepPause(kind, one.reason, kind in enforcement_state.pauses) for kind, one in pauses),
        drifted,
    )


def _other_associations(ledger: AssociationLedger) -> list[OtherAssociation]:
    """The other associations of the ledger that are enforced, as far as this release can read what they want."""
    others = (one for one in ledger.desired_states() if one.association != ledger.association)
    return [other for state in others if (other := _other_association(state))]


def _other_association(state: DesiredState) -> OtherAssociation | None:
    try:
        if state.problem or EnforcementSettings.from_properties(state.properties) is None:
            return None
        return OtherAssociation(state.association, state.first_at, Desired.from_properties(state.properties).selection)
    except RequestError:
        return None


def _ownership(ledger: AssociationLedger | None, others: Sequence[OtherAssociation], planned: Planned) -> Ownership:
    operation = ledger.operation() if ledger else None
    first_at = operation.first_at if operation else planned.snapshot.now
    return Ownership(ledger.association if ledger else "", first_at, others)


def _overlaps(planned: Planned, ownership: Ownership) -> Iterable[OverlapView]:
    shared: dict[str, list[str]] = {}
    ours = set()
    for id_ in planned.snapshot.selected:
        record, found = planned.snapshot.record(id_), planned.snapshot.instances.get(id_)
        selecting = [
            other.association
            for other in ownership.others
            if found and (id_ in other.selection.ids or other.selection.matches(found.tags))
        ]
        # What a deployment takes on comes on top. Enforcement leaves the order as it is.
        if ownership.may_act(record, found) or (planned.changes and record.mine is None):
            ours.add(id_)
        for association in dict.fromkeys((*(claim.association for claim in record.others), *selecting)):
            shared.setdefault(association, []).append(id_)
    for association, ids in shared.items():
        yield OverlapView(_name(association), tuple(ids), len(ours.intersection(ids)))


def _name(association: str) -> str:
    stack, _, logical_id = association.partition("|")
    return f"{logical_id} of stack {stack.split('/')[1] if '/' in stack else stack}"
