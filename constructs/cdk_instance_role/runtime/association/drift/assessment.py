"""The decision of enforcement about every instance, as a pure function of what is wanted, observed and remembered.

It takes the plan that a deployment would make, and leaves out what only a deployment may do.
"""

from collections.abc import Sequence
from dataclasses import replace

from ..contract import OnConflict
from ..decide.checks import profile_problems
from ..decide.model import Snapshot
from ..decide.plan import CONFIRMATION_SECONDS, OperationContext, association_began, plan_desired
from ..decide.record import Record
from ..decide.step import CHANGES, Action, Step
from ..decide.undo import plan_swap_revert
from ..request.desired import Desired
from .breaker import ChangeKind
from .finding import DAY_SECONDS, FIRST_PAUSE_SECONDS, OF_THE_PROFILE, UNSELECTED_SECONDS, Drift, Finding, Findings
from .history import has_given, is_as_left
from .ownership import Ownership
from .reasons import ADVICE, inside, missing, owner_not_enforced, replaceable
from .result import Assessment, Change

NEW_SECONDS = 3600.0
"""An instance that was first launched so recently gets the profile without a limit."""
SOON_SECONDS = 5.0
"""When to look again at what EC2 or an instance takes some seconds for."""

_CHANGEABLE = frozenset({Drift.MISSING, Drift.REPLACEABLE, Drift.UNSELECTED})
"""Drift that a change would end."""


def assess(desired: Desired, snapshot: Snapshot, findings: Findings, ownership: Ownership) -> Assessment:
    """Decide about every instance.

    Args:
        desired: what the association wants.
        snapshot: what was observed.
        findings: what is remembered from earlier looks, by instance id.
        ownership: which instances are the association's.
    """
    return _Assessor(desired, snapshot, findings, ownership).run()


class _Assessor:
    """Decides about the instances of one look."""

    def __init__(self, desired: Desired, snapshot: Snapshot, findings: Findings, ownership: Ownership) -> None:
        self._desired, self._snapshot, self._ownership = desired, snapshot, ownership
        self._known, self._now = findings, snapshot.now
        self._result = Assessment(findings=dict(findings))
        self._stale: list[Step] = []
        """Targets with a deleted profile of the wanted name."""

    def run(self) -> Assessment:
        context = OperationContext(frozenset(self._desired.selection.ids), begun=True)
        plan = plan_desired(self._desired, self._snapshot, context)
        selected, problems = set(self._snapshot.selected), self._profile_problems()
        for step in plan.steps:
            record, is_gone = self._snapshot.record(step.instance_id), self._snapshot.is_gone(step.instance_id)
            if known := self._known.get(step.instance_id):
                self._remember(known.looked_at(is_selected=step.instance_id in selected, is_gone=is_gone))
            if is_gone:
                self._note_gone(step, record)
            elif step.instance_id not in selected:
                self._assess_unselected(step)
            elif self._ownership.may_act(record, self._snapshot.instances.get(step.instance_id)):
                self._assess_target(step, record, problems)
            else:
                self._assess_target_of_another(step, record)
        planned = {step.instance_id for step in plan.steps}
        for id_ in self._known.keys() - planned - {OF_THE_PROFILE}:  # neither held nor selected any more
            self._is_right(id_)
        self._note_inside(problems)
        self._count_held(selected)
        return self._result

    def _profile_problems(self) -> list[str]:
        wanted = self._desired.profile
        return profile_problems(wanted, self._snapshot.profiles.get(wanted.arn))

    def _assess_target(self, step: Step, record: Record, problems: list[str]) -> None:
        if step.renews:
            self._stale.append(step)
            return
        conflict = step.action is Action.CONFLICT or self._is_foreign(step, record)
        if conflict or (step.action is Action.KEEP and step.after != self._desired.profile.arn):
            self._note_conflict(step, record)
        elif step.action is Action.REJECT:
            self._drift(step, Drift.UNCONFIRMED)
        elif step.action is Action.WAIT:
            self._wait(step, record)
        elif step.action is Action.KEEP:
            self._is_right(step.instance_id)
            if not has_given(record) or step.after not in record.ours:
                self._result.claims.append(step)
        elif not problems:  # a profile that EC2 can't deliver is given to nobody
            self._consider(step, record)
        else:
            self._revert_swap(record)

    def _assess_target_of_another(self, step: Step, record: Record) -> None:
        """A target that belongs to another association. It is changed by that one only."""
        owner = self._ownership.unenforced_owner(record, step.before, self._now)
        if owner is None or step.before == self._desired.profile.arn or step.action is Action.WAIT:
            self._is_right(step.instance_id)
        elif step.action in CHANGES:
            self._drift(*owner_not_enforced(step, owner))
        else:
            self._note_conflict(step, record)

    def _wait(self, step: Step, record: Record) -> None:
        """Something takes its time. If EC2 can't deliver the role, it never confirms the association, nor says why."""
        found = self._snapshot.instances.get(step.instance_id)
        association = found.association if found else None
        if step.after == step.before and association and not association.established:
            began = association_began(association, record)
            if began is not None and self._now - began > CONFIRMATION_SECONDS:
                advice = "look at the trust policy of the role, and at the organization's control policies"
                self._drift(replace(step, advice=advice), Drift.UNCONFIRMED)
                return
        self._result.look_again_in(SOON_SECONDS)

    def _is_foreign(self, step: Step, record: Record) -> bool:
        """Whether somebody gave a target another profile after the association, where any profile may be replaced: only
        people know whether that was a mistake."""
        if not (self._desired.replaceable.any and step.before and record.mine):
            return False
        is_ours = step.before in record.ours or self._desired.is_own(step.before)
        return not is_ours and not is_as_left(record, step.before)

    def _consider(self, step: Step, record: Record) -> None:
        """Whether a change of a target is made now."""
        known, is_repair = self._finding(step.instance_id), has_given(record)
        kind = ChangeKind.GIVING if step.action is Action.ASSOCIATE else ChangeKind.TAKING
        if record.detached:  # between the two halves of a swap, no instance stays without a profile
            self._drift(step, Drift.MISSING)
            if self._is_due(known):
                self._result.changes.append(Change(step, kind, is_limited=False))
            return
        if is_repair and known.is_contested(self._now):
            reason = f"was repaired {known.repairs} times, and somebody has changed it again each time"
            advice = "find out who does that with `instance-role status --who`; a deployment begins anew"
            self._drift(replace(step, reason=reason, advice=advice), Drift.CONTESTED)
            return
        self._drift(*missing(step, record) if kind is ChangeKind.GIVING else replaceable(step))
        if self._is_due(known):
            is_limited = kind is ChangeKind.TAKING or not self._is_new(step.instance_id)
            self._result.changes.append(Change(step, kind, is_limited, is_repair))

    def _revert_swap(self, record: Record) -> None:
        """Restore the profile that was disassociated for one that the instance can't get now."""
        step = plan_swap_revert(record.instance_id, self._snapshot)
        if step and step.action in CHANGES:
            self._drift(step, Drift.MISSING)
            if self._is_due(self._finding(record.instance_id)):
                self._result.changes.append(Change(step, ChangeKind.GIVING, is_limited=False))

    def _assess_unselected(self, step: Step) -> None:
        """An instance of the ledger that does not have the tags any more."""
        if step.instance_id in self._snapshot.unconfirmed:  # EC2 says nothing of it
            self._result.look_again_in(SOON_SECONDS)
            return
        known = self._finding(step.instance_id)
        since = known.unselected_at
        if since is None:
            self._remember(replace(known, unselected_at=self._now))
            self._result.unselected_in = self._result.unselected_in or UNSELECTED_SECONDS
        elif self._now - since < UNSELECTED_SECONDS:
            left = UNSELECTED_SECONDS - (self._now - since)
            self._result.unselected_in = min(left, self._result.unselected_in or left)
        elif step.action in CHANGES:
            reason = f"does not have the tags any more: {step.reason}"
            self._drift(replace(step, reason=reason, advice=ADVICE), Drift.UNSELECTED)
            if self._is_due(known):
                self._result.changes.append(Change(step, ChangeKind.TAKING))
        elif step.action is Action.FORGET:
            self._result.forgotten.append(step)
            self._remember(Finding(step.instance_id, reported=known.reported, reported_id=known.reported_id))
        else:
            self._result.look_again_in(SOON_SECONDS)

    def _is_due(self, known: Finding) -> bool:
        """Whether a change is to be tried now: EC2 has not refused it, or long enough ago."""
        left = known.retry_at - self._now
        if known.tries and 0 < left <= FIRST_PAUSE_SECONDS:  # what takes longer is seen by a sweep
            self._result.look_again_in(max(left, SOON_SECONDS))
        return not known.tries or left <= 0

    def _note_conflict(self, step: Step, record: Record) -> None:
        accepted = self._desired.on_conflict is OnConflict.KEEP and record.mine is None
        if accepted:
            self._is_right(step.instance_id)
            return
        reason = step.reason
        if self._is_foreign(step, record):
            reason = "was given another instance profile after this association"
        advice = step.advice or "find out who gave it the profile with `instance-role status --who`"
        self._drift(replace(step, reason=reason, advice=advice), Drift.OTHER)

    def _note_gone(self, step: Step, record: Record) -> None:
        known = self._known.get(step.instance_id)
        since = known.gone_at if known and known.gone_at is not None else self._now
        if record.mine is None:
            self._remember(self._finding(step.instance_id).right())
        elif self._now - since >= DAY_SECONDS:
            self._result.forgotten.append(step)
            self._remember(Finding(step.instance_id))
        else:
            self._remember(replace(self._finding(step.instance_id).right(), gone_at=since))

    def _note_inside(self, problems: Sequence[str]) -> None:
        """What is wrong with the instance profile itself is reported once, however many instances carry it."""
        if problems or self._stale:
            self._drift(*inside(self._desired.profile.arn, problems, self._stale))
        else:
            self._is_right(OF_THE_PROFILE)

    def _count_held(self, selected: set[str]) -> None:
        alive = [id_ for id_, one in self._snapshot.records.items() if one.mine and not self._snapshot.is_gone(id_)]
        self._result.held = len(alive)
        self._result.lost = sum(id_ not in selected and id_ not in self._snapshot.unconfirmed for id_ in alive)

    def _is_new(self, instance_id: str) -> bool:
        launched_at = self._snapshot.instances[instance_id].launched_at
        return launched_at is not None and self._now - launched_at < NEW_SECONDS

    def _drift(self, step: Step, drift: Drift) -> None:
        known = self._finding(step.instance_id)
        if known.tries and drift in _CHANGEABLE:
            drift, record = Drift.REFUSED, self._snapshot.record(step.instance_id)
            error = record.mine.latest.error if record.mine else None
            step = replace(step, reason=f"{step.reason}: refused{f', {error}' if error else ''}")
        self._remember(known.drifted(drift, step.reason, step.advice, step.before, self._now))

    def _is_right(self, instance_id: str) -> None:
        if instance_id in self._known:
            self._remember(replace(self._finding(instance_id).right(), gone_at=None))

    def _finding(self, instance_id: str) -> Finding:
        return self._result.findings.get(instance_id) or Finding(instance_id)

    def _remember(self, finding: Finding) -> None:
        self._result.findings[finding.instance_id] = finding
