"""From what is to what shall be: observe, plan, apply, and again, until a plan has nothing left to do."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from botocore.exceptions import BotoCoreError, ClientError

from . import metrics, preflight, report
from .apply import Outcome, apply
from .batch import chunks
from .contract import Metric
from .desired import Desired
from .failing import Failing
from .failures import AssociationError, SupersededError
from .model import Snapshot
from .observe import Observer
from .observe import profile as observe_profile
from .operation import Held, Operation
from .outlook import observed
from .pacing import Pace, refilled
from .plan import Plan, Situation, plan_desired, plan_undo
from .request import Request, RequestType
from .services import Services
from .step import Action, Step
from .table import WRITES_PER_CALL
from .waves import Waves

FIRST_POLL_SECONDS, LONGEST_POLL_SECONDS = 0.5, 5.0
POLL_SHARE = 0.2
"""How long to wait for the next look, as a share of the time since the last change."""


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
        self._services, self._request, self._held = services, request, held
        self._until = min(until, held.operation.ends_at(request.timeout))
        self._ledger, self._key = services.ledger, request.association
        self._pace = _pace(services, held.operation)
        self._observer = Observer(services.ec2, services.iam, self._pace)
        self._clock = services.clock
        self._waves = Waves(request.rollout, held, services.alarms, services.clock)
        self._failing = Failing()
        self._fruitless = 0
        """How often in a row EC2 has refused for now whatever was tried."""
        self._is_cut_off = False
        """There was no time for all that was to be carried out."""
        self._looked_for = 0.0
        """Seconds that the last look has taken."""
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
            self._leave()

    def _converge(self) -> dict[str, str] | None:
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
            elif not self._act(snapshot, plan):
                self._wait(snapshot, plan)
            elif self._is_cut_off:
                break
        return None

    def _leave(self) -> None:
        """Say how far it is, and leave that to whoever comes next."""
        metrics.write(self._request, self._progress(), self._clock())
        with suppress(SupersededError, ClientError, BotoCoreError):  # what has gone wrong before, if so, matters more
            self._remember()

    def _remember(self) -> None:
        """Write down how far it is, and what is left in the buckets."""
        progress = {metric.value: value for metric, value in self._progress().items()}
        self._held.leave(self._pace.levels(), progress, self._clock())

    def _wait(self, snapshot: Snapshot, plan: Plan) -> None:
        """Wait for EC2. What it has refused for now is tried again at growing intervals. What it has accepted, it
        confirms after a second or after a minute: that is looked for so often that little time is lost, but no more
        time is spent with looking than with waiting."""
        if self._failing.worth_trying(plan):
            pause, self._fruitless = FIRST_POLL_SECONDS * 2**self._fruitless, self._fruitless + 1
        else:
            changed_at = max((record.acted_at or 0.0 for record in snapshot.records.values()), default=0.0)
            pause = max(self._looked_for, FIRST_POLL_SECONDS, POLL_SHARE * (self._clock() - changed_at))
        self._services.sleep(max(0.0, min(pause, LONGEST_POLL_SECONDS, self._until - self._clock())))

    def _go_on(self) -> None:
        """The wave is done."""
        state = "is watched now" if self._waves.bakes_next else "is through"
        report.log_operation(self._request, f"{self._waves} {state}", **self._logged())
        self._waves.go_on()

    def _look(self) -> tuple[Snapshot, Plan]:
        operation, desired, began = self._held.operation, self._desired, self._clock()
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
        self._seen, self._looked_for = (snapshot, plan), self._clock() - began
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
        self._waves.watch_anew(plan)
        for steps in self._batches(plan):
            outcomes = self._carry_out(snapshot, steps)
            if any(outcome.accepted for outcome in outcomes):
                changed, self._fruitless = True, 0
            self._is_cut_off = len(outcomes) < len(steps)
            if self._failing.note(outcomes, self._age) or self._is_cut_off or self._waves.problems():
                break
            self._remember()  # and find out whether a later event has taken over
        return changed

    def _batches(self, plan: Plan) -> Iterator[Sequence[Step]]:
        """The changes worth trying. The first one of an operation goes out alone, and the others once it has succeeded:
        if EC2 does not know the profile yet, or the handler's policy is not in force yet, one refused call shows it
        instead of a thousand. It is no swap if it need not be: that is the one change that would have to be taken back.
        """
        steps = self._failing.worth_trying(plan)
        if steps and not self._held.operation.proven:
            first = min(steps, key=lambda step: step.action is Action.SWAP)
            yield [first]
            if not self._held.operation.proven:
                return
            steps.remove(first)
        yield from chunks(steps, WRITES_PER_CALL)

    def _carry_out(self, snapshot: Snapshot, steps: Sequence[Step]) -> list[Outcome]:
        claimed = self._ledger.claim(self._key, snapshot.records, steps, self._clock())
        outcomes = apply(steps, self._services.ec2_changes, self._pace, until=self._until)
        self._ledger.note(self._key, claimed, outcomes, self._clock(), self._age)
        report.log_outcomes(self._request, outcomes)
        if not self._held.operation.proven and any(outcome.accepted for outcome in outcomes):
            self._held.prove()
        return outcomes

    def _judged(self, plan: Plan, snapshot: Snapshot) -> tuple[Plan, list[str]]:
        """The plan without the targets that have failed and may, and otherwise what ends the attempt to bring about
        what is desired. An undo goes on with whatever else it can do."""
        if self._desired is None:
            return plan, []
        reversing = self._held.operation.reversing
        if self._waves.may_fail or reversing:
            self._failing.recall(plan, snapshot)
        bare = self._failing.putting_back(snapshot)
        if bare:  # whatever comes next, nobody is left without a profile
            return Plan(tuple(bare)), []
        # Tags that match nothing all at once would mean to give everything back: that is not for a Delete's place.
        nothing = [] if reversing else preflight.selection_problems(self._desired, snapshot)
        if self._request.type is RequestType.CREATE:
            nothing = nothing or preflight.survival_problems(snapshot)
        excused = self._excused(snapshot)
        failures = self._failing.judge(plan, snapshot, tolerated=self._waves.tolerated, excused=excused)
        return plan if failures else plan.without(self._failing.sentences), [*nothing, *failures]

    def _excused(self, snapshot: Snapshot) -> Iterable[str]:
        """Instances whose failing does not count: none of them may stand in the way back, and where targets may fail,
        one that was failing before is no sign that something is wrong now."""
        if self._held.operation.reversing:
            return snapshot.selected
        if not self._waves.may_fail:
            return ()
        return [id_ for id_ in snapshot.selected if snapshot.record(id_).was_failing(snapshot.started_at)]

    def _is_stuck(self, plan: Plan) -> bool:
        """Nothing more can be done."""
        return not (plan.converged or plan.waiting or self._failing.worth_trying(plan))

    def _give_up(self, plan: Plan, problems: Sequence[str]) -> None:
        """End the operation, or, for a Create, turn it into giving back what it has done so far."""
        request, operation = self._request, self._held.operation
        undone = [report.overdue(step, request.timeout) for step in (*plan.waiting, *plan.changes)]
        unwatched = [f"{request.timeout:.0f} seconds were not enough for {self._waves}"]
        sentences = problems or self._failing.refusals or undone or unwatched
        if self._desired is None:
            raise AssociationError(report.not_given_back(request, sentences, operation.failure))
        message = report.failure(request, [*self._diagnosis(self._desired), *sentences])
        if request.type is not RequestType.CREATE:
            raise AssociationError(message)
        report.log_operation(request, "giving back what has been done so far", reason=message)
        self._held.fail(message)
        self._failing.forget()

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
        gone = [step for step in plan.forgotten if not snapshot.record(step.instance_id).mine]
        report.log_steps(request, [step for step in (*plan.kept, *gone) if step.warning])
        counts = report.counts(plan, snapshot, desired)
        report.log_failed(request, self._failing.sentences)
        report.log_operation(request, "the targets are as wanted", **self._logged(), **counts)
        return counts

    def _logged(self) -> dict[str, int]:
        return {metric.lower(): value for metric, value in self._progress().items()}

    def _progress(self) -> dict[Metric, int]:
        """How far the operation is, as of the last look, which is of an earlier invocation while a wave bakes."""
        known = {metric: self._held.operation.progress.get(metric.value, 0) for metric in Metric}
        now = {Metric.THROTTLED: self._pace.throttled, Metric.WAVE: self._waves.number}
        if self._seen is None:
            return {**known, **now}
        (snapshot, plan), desired = self._seen, self._desired
        done = [step for step in plan.kept if desired and step.after == desired.profile.arn]
        return {
            Metric.TARGETS: len(snapshot.selected) if desired else 0,
            Metric.DONE: len(done),
            Metric.FAILED: len(self._failing.sentences),
            **now,
        }

    @property
    def _desired(self) -> Desired | None:
        """None once everything has to be given back."""
        return None if self._held.operation.failure else self._request.desired

    @property
    def _age(self) -> float:
        """Seconds since the operation began."""
        return self._clock() - self._held.operation.started_at

    @property
    def _is_late(self) -> bool:
        return self._clock() > self._held.operation.ends_at(self._request.timeout)


def _pace(services: Services, operation: Operation) -> Pace:
    """The buckets, as the last invocation of this operation has left them."""
    levels = refilled(operation.levels, services.clock() - operation.levels_at)
    return Pace(levels, clock=services.clock, sleep=services.sleep)
