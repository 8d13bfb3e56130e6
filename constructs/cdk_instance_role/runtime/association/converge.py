"""From what is to what shall be: observe, plan, apply, and again, until a plan has nothing left to do."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from . import metrics, preflight, report
from .apply import Outcome, apply, calls_of
from .batch import chunks
from .contract import Metric
from .desired import Desired
from .errors import Meaning
from .failures import AssociationError
from .model import Snapshot
from .observe import Observer
from .observe import profile as observe_profile
from .operation import Held, Operation
from .outlook import observed, outlook
from .pacing import Pace, least_seconds, refilled
from .plan import Plan, Situation, plan_desired, plan_undo
from .request import Request, RequestType
from .rollout import changes_of_targets, time_problem
from .services import Services
from .step import Step
from .table import WRITES_PER_CALL
from .waves import Waves

FIRST_POLL_SECONDS, LONGEST_POLL_SECONDS = 0.5, 5.0


@dataclass(frozen=True, slots=True)
class Survey:
    """What stands in the way of an event."""

    problems: Sequence[str] = ()
    may_pass: bool = False
    """IAM may not show yet what has been created a moment ago: look again before believing it."""


def survey(request: Request, operation: Operation, services: Services) -> Survey:
    """Look at everything that an event is about, change nothing, and say what stands in its way."""
    desired = request.desired
    if desired is None:  # nothing stands in the way of a Delete
        return Survey()
    records = services.ledger.records(request.association)
    observer = Observer(services.ec2, services.iam, _pace(services))
    situation = Situation(request.known_ids, operation.reversing, operation.reverses_since)
    found = outlook(desired, records, observer, situation, now=services.clock(), started_at=operation.started_at)
    report.log_steps(request, [step for step in found.plan.forgotten if step.warning])
    problems = [*found.problems, *(report.problem(step) for step in found.plan.problems)]
    if not operation.reversing:
        problems += _rollout_problems(request, found.plan, services)
    return Survey(problems, preflight.may_pass(desired, found.snapshot))


def _rollout_problems(request: Request, plan: Plan, services: Services) -> list[str]:
    """Why what has to be changed should not even be begun with."""
    total, least = len(changes_of_targets(plan)), least_seconds(calls_of(plan.changes))
    late = time_problem(request.rollout, total, least, request.timeout)
    alarms = request.rollout.alarms if total else ()
    return [*([late] if late else []), *services.alarms.problems(alarms)]


class Convergence:
    """One invocation's share of an operation."""

    def __init__(self, services: Services, request: Request, held: Held, until: float) -> None:
        """
        Args:
            services: the world outside.
            request: the event.
            held: the association, which nobody else works on.
            until: when to leave the rest to the next invocation, in seconds since the epoch.
        """
        self._services, self._request, self._held, self._until = services, request, held, until
        self._ledger, self._key = services.ledger, request.association
        self._pace = _pace(services, held)
        self._observer = Observer(services.ec2, services.iam, self._pace)
        self._clock = services.clock
        self._waves = Waves(request.rollout, held, services.alarms, services.clock)
        self._refusals: dict[str, Outcome] = {}
        self._failed: frozenset[str] = frozenset()
        self._seen: tuple[Snapshot, Plan] | None = None
        """The last look."""

    def run(self) -> dict[str, str] | None:
        """Converge as far as the time allows.

        Returns:
            The attributes of the resource, or None if there is more to do.

        Raises:
            AssociationError: the operation has failed, and what it had changed is given back where that is its job.
        """
        try:
            return self._converge()
        finally:
            self._measure()

    def _converge(self) -> dict[str, str] | None:
        pause = FIRST_POLL_SECONDS
        while True:
            alarms = self._waves.problems()
            if self._waves.is_baking and not alarms and not self._is_late:
                break
            snapshot, plan = self._look()
            snapshot = self._write_down(snapshot, plan)
            plan, problems = self._judged(self._waves.turn(plan, snapshot), snapshot)
            problems = [*alarms, *problems]
            if plan.converged and not problems and self._waves.are_over:
                return self._finish(snapshot, plan)
            if problems or self._is_late or self._is_stuck(plan):
                self._give_up(plan, problems)
            elif self._clock() >= self._until:
                break
            elif plan.converged:
                self._go_on()
            elif self._act(snapshot, plan):
                pause = FIRST_POLL_SECONDS
            else:
                self._services.sleep(max(0.0, min(pause, self._until - self._clock())))
                pause = min(2 * pause, LONGEST_POLL_SECONDS)
        self._held.leave(self._pace.levels(), self._clock())
        return None

    def _go_on(self) -> None:
        """The wave is done."""
        state = "is watched now" if self._waves.bakes_next else "is through"
        report.log_operation(self._request, f"{self._waves} {state}", **self._logged())
        self._waves.go_on()

    def _look(self) -> tuple[Snapshot, Plan]:
        operation, desired = self._held.operation, self._desired
        records = self._ledger.records(self._key)
        snapshot = observed(
            self._observer,
            records,
            desired.selection if desired else None,
            reversing=operation.reversing,
            clock=self._clock,
            started_at=operation.started_at,
        )
        situation = Situation(self._request.known_ids, operation.reversing, operation.reverses_since, begun=True)
        plan = plan_desired(desired, snapshot, situation) if desired else plan_undo(snapshot)
        self._seen = snapshot, plan
        return snapshot, plan

    def _write_down(self, snapshot: Snapshot, plan: Plan) -> Snapshot:
        """Bring the ledger up to date with what needs no change of an instance. Returns what it says then."""
        over = [step for step in plan.forgotten if snapshot.record(step.instance_id).mine]
        report.log_steps(self._request, over)
        self._ledger.forget(snapshot.records[step.instance_id] for step in over)
        if self._desired is None:
            return snapshot
        wanted = self._desired.profile.arn
        unclaimed = [step for step in plan.kept if step.after == wanted and self._is_unclaimed(step, snapshot)]
        report.log_steps(self._request, unclaimed)
        claimed = self._ledger.claim(self._key, snapshot.records, unclaimed, self._clock())
        return replace(snapshot, records={**snapshot.records, **claimed})

    def _is_unclaimed(self, step: Step, snapshot: Snapshot) -> bool:
        """Whether a target that is right already is not ours yet. On the way back none becomes ours: what an update
        was refused for would come in by the back door."""
        record = snapshot.record(step.instance_id)
        return step.after not in record.ours if record.mine else not self._held.operation.reversing

    def _act(self, snapshot: Snapshot, plan: Plan) -> bool:
        """Carry out what the time allows. Returns whether anything has changed."""
        changed = False
        for steps in chunks(self._todo(plan), WRITES_PER_CALL):
            outcomes = self._carry_out(snapshot, steps)
            changed = changed or any(outcome.accepted for outcome in outcomes)
            if len(outcomes) < len(steps) or any(one.step.instance_id in self._refusals for one in outcomes):
                break
        return changed

    def _carry_out(self, snapshot: Snapshot, steps: Sequence[Step]) -> list[Outcome]:
        claimed = self._ledger.claim(self._key, snapshot.records, steps, self._clock())
        outcomes = apply(steps, self._services.ec2_changes, self._pace, until=self._until)
        age = self._clock() - self._held.operation.started_at
        self._ledger.note(self._key, claimed, outcomes, self._clock(), age)
        report.log_outcomes(self._request, outcomes)
        if not self._held.operation.proven and any(outcome.accepted for outcome in outcomes):
            self._held.prove()
        self._refusals |= {one.step.instance_id: one for one in outcomes if one.is_final(age)}
        return outcomes

    def _todo(self, plan: Plan) -> Sequence[Step]:
        """The changes worth trying. The first one of an operation goes out alone: if EC2 does not know the profile
        yet, or the handler's policy is not in force yet, one refused call shows it instead of a thousand."""
        steps = [step for step in plan.changes if step.instance_id not in self._refusals]
        return steps if self._held.operation.proven else steps[:1]

    def _judged(self, plan: Plan, snapshot: Snapshot) -> tuple[Plan, list[str]]:
        """The plan without the targets that have failed and may, and otherwise what ends the attempt to bring about
        what is desired. An undo goes on with whatever else it can do."""
        if self._desired is None:
            return plan, []
        # Tags that match nothing all at once would mean to give everything back: that is not for a Delete's place.
        nothing = [] if self._held.operation.reversing else preflight.selection_problems(self._desired, snapshot)
        self._remember_refusals(plan, snapshot)
        failed = {step.instance_id: (step, report.problem(step)) for step in plan.problems}
        failed |= {id_: (outcome.step, report.refused(outcome)) for id_, outcome in self._refusals.items()}
        self._failed = frozenset(failed)
        tolerable = len(failed) <= self._waves.tolerated and all(
            _may_fail(step, snapshot) for step, _ in failed.values()
        )
        if tolerable and not nothing:
            return plan.without(failed), []
        return plan, [*nothing, *(sentence for _, sentence in failed.values())]

    def _remember_refusals(self, plan: Plan, snapshot: Snapshot) -> None:
        """What EC2 has refused for good in an earlier invocation is not tried again where the others go on."""
        for step in plan.changes if self._waves.tolerated else ():
            record = snapshot.record(step.instance_id)
            if record.mine and record.was_refused(step, snapshot.started_at):
                self._refusals.setdefault(
                    step.instance_id, Outcome(step, Meaning.REFUSED, record.mine.latest.error or "")
                )

    def _is_stuck(self, plan: Plan) -> bool:
        """Nothing more can be done."""
        return not (plan.converged or plan.waiting or self._todo(plan))

    def _give_up(self, plan: Plan, problems: Sequence[str]) -> None:
        """End the operation, or, for a Create, turn it into giving back what it has done so far."""
        request, operation = self._request, self._held.operation
        refused = [report.refused(outcome) for outcome in self._refusals.values()]
        undone = (report.overdue(step, request.timeout) for step in (*plan.waiting, *plan.changes))
        sentences = [*(problems or refused or undone)] or [
            f"{request.timeout:.0f} seconds were not enough for {self._waves}"
        ]
        if self._desired is None:
            raise AssociationError(report.not_given_back(request, sentences, operation.failure))
        message = report.failure(request, [*self._diagnosis(self._desired), *sentences])
        if request.type is not RequestType.CREATE:
            raise AssociationError(message)
        report.log_operation(request, "giving back what has been done so far", reason=message)
        self._held.fail(message)
        self._refusals.clear()

    def _diagnosis(self, desired: Desired) -> list[str]:
        """What is wrong with the profile by now, should it have been changed since the operation began."""
        profile = observe_profile(self._services.iam, desired.profile.arn)
        return preflight.profile_problems(desired.profile, profile)

    def _finish(self, snapshot: Snapshot, plan: Plan) -> dict[str, str]:
        request, desired, operation = self._request, self._desired, self._held.operation
        if desired is None:
            self._ledger.close(self._key)
            report.log_operation(request, "everything is given back", **self._logged())
            if operation.failure:
                raise AssociationError(report.given_back(operation.failure))
            return {}
        wanted = desired.profile.arn
        carrying = (snapshot.record(step.instance_id) for step in plan.kept if step.after == wanted)
        self._ledger.settle((one for one in carrying if one.mine and not one.is_settled(wanted)), wanted)
        report.log_steps(request, [step for step in plan.kept if step.warning])
        counts = report.counts(plan, snapshot, desired)
        report.log_operation(request, "every target is as wanted", **self._logged(), **counts)
        return counts

    def _measure(self) -> None:
        if self._seen:
            metrics.write(self._request, self._progress(), self._clock())

    def _logged(self) -> dict[str, int]:
        return {metric.lower(): value for metric, value in self._progress().items()}

    def _progress(self) -> dict[Metric, int]:
        """How far the operation is, as of the last look."""
        assert self._seen is not None
        (snapshot, plan), desired = self._seen, self._desired
        done = [step for step in plan.kept if desired and step.after == desired.profile.arn]
        return {
            Metric.TARGETS: len(snapshot.selected) if desired else 0,
            Metric.DONE: len(done),
            Metric.FAILED: len(self._failed),
            Metric.THROTTLED: self._pace.throttled,
            Metric.WAVE: self._waves.number,
        }

    @property
    def _desired(self) -> Desired | None:
        """None once everything has to be given back."""
        return None if self._held.operation.failure else self._request.desired

    @property
    def _is_late(self) -> bool:
        """Giving back after a failure gets the same time again."""
        operation, timeout = self._held.operation, self._request.timeout
        return self._clock() > operation.started_at + (2 * timeout if operation.failure else timeout)


def _may_fail(step: Step, snapshot: Snapshot) -> bool:
    """Whether others may go on although this step has failed.

    What has to leave may not stay: its profile may go next. So it is with a target that still carries a former profile
    of the association.
    """
    was_ours = step.before in snapshot.record(step.instance_id).ours and step.before != step.after
    return not step.undo and not was_ours


def _pace(services: Services, held: Held | None = None) -> Pace:
    """The buckets, as the last invocation of this operation has left them."""
    operation, now = held.operation if held else None, services.clock()
    levels = refilled(operation.levels, now - operation.levels_at) if operation else {}
    return Pace(levels, clock=services.clock, sleep=services.sleep)
