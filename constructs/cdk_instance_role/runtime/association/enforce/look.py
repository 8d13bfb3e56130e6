"""One look at one association: observe, assess, repair, remember and report."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ..aws.enforcement_calls import Event
from ..aws.observe import Observer
from ..aws.rate_limiter import RateLimiter
from ..contract import EnforcementMetric
from ..converge.preview import observed
from ..decide.model import Snapshot
from ..drift.admission import admit
from ..drift.assessment import assess
from ..drift.breaker import ChangeKind, EnforcementState
from ..drift.finding import Finding, Findings
from ..drift.history import has_given
from ..drift.ownership import OtherAssociation, Ownership
from ..drift.result import Assessment
from ..ledger.desired_states import DesiredState
from ..ledger.enforcement_lease import EnforcementLease
from ..report import drift_events, log, metrics
from ..request.desired import Desired
from ..request.enforcement import EnforcementSettings
from ..request.event import Request, RequestType
from ..services import Services
from .cause import Cause
from .repair import Repair

MAX_EVENTS = 500
"""Events that one look sends. The others are sent by the next one, at once."""


@dataclass(frozen=True, slots=True)
class Enforced:
    """An association that is enforced."""

    state: DesiredState
    request: Request
    desired: Desired
    settings: EnforcementSettings
    ownership: Ownership

    @classmethod
    def of(cls, state: DesiredState) -> "Enforced | None":
        """Read a desired state.

        Raises:
            RequestError: it can't be read.
        """
        desired = Desired.from_properties(state.properties)
        settings = EnforcementSettings.from_properties(state.properties)
        if settings is None:
            return None
        request = Request(
            type=RequestType.UPDATE,  # or a Create: the ledger does not say, and nothing here depends on it
            id=state.request_id,
            stack_id=state.stack_id,
            logical_id=state.logical_id,
            physical_id=None,
            desired=desired,
        )
        return cls(state, request, desired, settings, Ownership(state.association, state.first_at))

    def among(self, associations: Iterable[OtherAssociation]) -> "Enforced":
        """The association among all that enforce on the same ledger, itself included."""
        others = [one for one in associations if one.association != self.state.association]
        return replace(self, ownership=replace(self.ownership, others=others))


class Look:
    """One look at one association, by the invocation that has its lease."""

    def __init__(
        self,
        services: Services,
        enforced: Enforced,
        lease: EnforcementLease,
        rate_limiter: RateLimiter,
        until: float,
        cause: Cause,
    ) -> None:
        """
        Args:
            services: clients and clock.
            enforced: the association.
            lease: of the association.
            rate_limiter: decides when a call may go out.
            until: when the rest is left to another invocation, in seconds since the epoch.
            cause: the messages that the look is made for.
        """
        self._services, self._enforced, self.lease = services, enforced, lease
        self._rate_limiter, self._until, self._cause = rate_limiter, until, cause
        self._ledger, self._clock, self._key = services.ledger, services.clock, enforced.state.association
        self._request, self._desired = enforced.request, enforced.desired
        self._repair = Repair(services, enforced.request, lease, rate_limiter, until)
        self._held_back = set[str]()
        """Instances that the circuit breaker holds back, and whose drift may have no finding."""
        self._admitted = set[str]()
        """Instances that may be changed in this look."""

    def run(self) -> float | None:
        """Look once.

        Returns:
            Seconds until the next look is worth while; None if nothing is waited for.

        Raises:
            LostError: somebody else works on the association.
        """
        began = self._clock()
        former, known = self._ledger.enforcement.state(self._key), self._ledger.enforcement.findings(self._key)
        state = replace(former.of_operation(self._request.id).resumed(self._cause.resumed_at), tried_at=began)
        if former.request_id != self._request.id:
            known = {id_: one.begun_anew() for id_, one in known.items()}
            self._ledger.enforcement.write(self.lease, state, known.values(), began)
        else:
            self._ledger.enforcement.write(self.lease, state, (), began)
        snapshot = self._observe()
        assessment = assess(self._desired, snapshot, known, self._enforced.ownership)
        self._forget(assessment, snapshot)
        if self._enforced.settings.repairs:
            state = self._act(assessment, snapshot, state, known)
        drifted = len(self._held_back | {id_ for id_, one in assessment.findings.items() if one.drift is not None})
        arrivals = self._arrivals(assessment, snapshot, known)
        unreported = self._unreported(assessment)
        # While nothing is taken away, nothing waits for instances that have lost the tags.
        if assessment.unselected_in is not None and ChangeKind.TAKING not in state.pauses:
            assessment.look_again_in(assessment.unselected_in)
        waits = self._repair.is_cut_off or assessment.again_in is not None or len(unreported) > MAX_EVENTS
        state = state.looked(began, drifted, is_unfinished=waits, sweeps=self._cause.sweeps)
        is_unreported = self._remember(state, assessment, known, unreported)
        self._write_metrics(drifted, arrivals, known)
        return 0.0 if is_unreported or self._repair.goes_on_at_once else assessment.again_in

    def _observe(self) -> Snapshot:
        observer = Observer(self._services.ec2, self._services.iam, self._rate_limiter)
        return observed(
            observer,
            self._ledger.records(self._key),
            self._desired,
            clock=self._clock,
            started_at=self._clock(),
            look_up=partial(self._ledger.records_of, self._key),
        )

    def _act(
        self, assessment: Assessment, snapshot: Snapshot, state: EnforcementState, known: Findings
    ) -> EnforcementState:
        """Make the changes that the circuit breaker admits. Returns what is remembered of the association."""
        if assessment.claims:
            log.write_steps(self._request, assessment.claims)
            self._ledger.claim(self.lease, snapshot.records, assessment.claims, self._clock())
        admission = admit(assessment, state, self._enforced.settings, self._clock())
        self._leave_out_held_back([one.step.instance_id for one in admission.held_back], assessment, known)
        self._admitted = {one.step.instance_id for one in admission.changes}
        if ChangeKind.TAKING in admission.state.pauses:
            self._leave_out_unselected(assessment, known)
        return self._repair.make(admission.changes, snapshot, admission.state, assessment)

    def _leave_out_held_back(self, instance_ids: Sequence[str], assessment: Assessment, known: Findings) -> None:
        """What the circuit breaker holds back is reported once, with the pause: it may be a whole fleet."""
        for id_ in instance_ids:
            if id_ in known and known[id_].reported:
                continue
            self._held_back.add(id_)
            if id_ in known:
                assessment.findings[id_] = replace(known[id_], unselected_at=assessment.findings[id_].unselected_at)
            else:
                del assessment.findings[id_]

    def _leave_out_unselected(self, assessment: Assessment, known: Findings) -> None:
        noted = [id_ for id_, one in assessment.findings.items() if id_ not in known and one.unselected_at is not None]
        for id_ in noted:
            del assessment.findings[id_]

    def _forget(self, assessment: Assessment, snapshot: Snapshot) -> None:
        """Drop the records of instances that are gone for a day, or restored."""
        steps = [
            step
            for step in assessment.forgotten
            if snapshot.record(step.instance_id).mine
            and (self._enforced.settings.repairs or snapshot.is_gone(step.instance_id))
        ]
        log.write_steps(self._request, steps)
        if steps:
            self._ledger.forget(self.lease, [snapshot.records[step.instance_id] for step in steps])

    def _unreported(self, assessment: Assessment) -> list[Finding]:
        """Findings that an event has to report, except those whose repair is admitted and has not begun yet."""
        begun = {one.step.instance_id for one in self._repair.outcomes}
        waiting = self._admitted - begun
        return [one for one in assessment.findings.values() if one.is_unreported and one.instance_id not in waiting]

    def _remember(
        self, state: EnforcementState, assessment: Assessment, known: Findings, unreported: Sequence[Finding]
    ) -> bool:
        """Write what is remembered, and report transitions. Returns whether something is still to be reported."""
        now, findings = self._clock(), assessment.findings
        changed = [one for id_, one in findings.items() if one != known.get(id_)]
        self._ledger.enforcement.write(self.lease, state, changed, now)
        pauses = drift_events.of_pauses(self._request, state)
        repairs = drift_events.of_repairs(self._request, self._repair.outcomes)
        if not (pauses or repairs or unreported):
            return False
        transitions = [
            drift_events.of_finding(self._request, one, self._desired.profile.arn) for one in unreported[:MAX_EVENTS]
        ]
        taken = self._send([*pauses, *transitions, *repairs])
        of_pauses, of_findings = taken[: len(pauses)], taken[len(pauses) : len(pauses) + len(transitions)]
        reported = [
            one.once_reported(self._key) for one, is_taken in zip(unreported, of_findings, strict=False) if is_taken
        ]
        state = state.with_pauses_reported() if pauses and all(of_pauses) else state
        if reported or pauses:
            self._ledger.enforcement.write(self.lease, state, reported, now)
        return all(taken) and len(unreported) > MAX_EVENTS

    def _send(self, events: Sequence[Event]) -> list[bool]:
        if self._services.event_bus is None:
            return [False] * len(events)
        taken, problem = self._services.event_bus.put(events)
        if problem:
            log.write_enforcement(self._request, "events could not be sent, to be tried again", error=problem)
        return taken

    def _write_metrics(self, drifted: int, arrivals: int, known: Findings) -> None:
        accepted = [one.step.instance_id for one in self._repair.outcomes if one.accepted]
        values = {
            EnforcementMetric.DRIFTED: drifted,
            EnforcementMetric.REPAIRED: len(accepted),
            EnforcementMetric.LATE_ARRIVALS: arrivals,
            EnforcementMetric.ENFORCEMENT_LAG: round(self._cause.longest_wait(accepted, known, self._clock()), 3),
        }
        written = {name: value for name, value in values.items() if value}
        if written:
            metrics.write(self._request, written, self._clock())

    def _arrivals(self, assessment: Assessment, snapshot: Snapshot, known: Findings) -> int:
        """Instances that have got the profile for the first time; in a report, those that never had it, and that were
        not seen before."""
        if self._enforced.settings.repairs:
            ids = [one.step.instance_id for one in self._repair.outcomes if one.accepted]
        else:
            ids = [change.step.instance_id for change in assessment.changes if change.step.instance_id not in known]
        return sum(not has_given(snapshot.record(id_)) for id_ in ids)
