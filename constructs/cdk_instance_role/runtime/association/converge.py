"""From what is to what shall be: observe, plan, apply, and again, until a plan has nothing left to do."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError

from . import metrics, preflight, report
from .apply import Outcome, apply, calls_of
from .batch import chunks
from .confirming import await_confirmation, unconfirmed
from .contract import Metric
from .desired import Desired
from .failing import Failing
from .failures import AssociationError, SupersededError
from .lease import BusyError, Lease
from .model import InstanceState, Snapshot
from .observe import Observer
from .observe import profile as observe_profile
from .operation import ClosedError, Operation
from .outlook import observed
from .pacing import Pace, refilled
from .plan import Plan, Situation, plan_desired, plan_undo
from .request import Request, RequestType
from .services import Services
from .sharing import Entry
from .step import Action, Step
from .waves import Waves

FIRST_POLL_SECONDS, LONGEST_POLL_SECONDS = 0.5, 5.0
POLL_SHARE = 0.2
"""How long to wait for the next look, as a share of the time since the last change."""
SECONDS_BETWEEN_LOOKS = 30.0
"""How often everything is looked at while only confirmations are waited for. While a rollout watches alarms, it is as
often as otherwise."""

STEPS_PER_BATCH = 98
"""Steps that are claimed, carried out and noted together: two transactions of the ledger."""

IDENTITY_SECONDS = 10.0
"""How long IAM may show a former profile of the same name."""

IAM_SECONDS = 10.0
"""How long an answer of IAM about a profile that is being given back counts."""

BUDGET_SECONDS = 30.0
"""How often the other operations of the provider are told what is still to be done."""


class Convergence:
    """One invocation's share of an operation."""

    def __init__(self, services: Services, request: Request, lease: Lease, until: float) -> None:
        """
        Args:
            services: the world outside.
            request: the event.
            lease: of the association, which nobody else works on.
            until: when to leave the rest to the next invocation, in seconds since the epoch.
        """
        self._services, self._request, self._lease = services, request, lease
        self._until = min(until, lease.operation.ends_at(request.timeout))
        self._ledger, self._key = services.ledger, request.association
        self._pace = _pace(services, lease.operation)
        expected = [request.desired.profile.arn] if request.desired else []
        memory = services.memory.of(self._key)
        self._observer = Observer(services.ec2, services.iam, self._pace, expected=expected, memory=memory)
        self._clock = services.clock
        self._waves = Waves(request.rollout, lease, services.alarms, services.clock)
        self._failing = Failing()
        self._fruitless = 0
        """How often in a row EC2 has refused for now whatever was tried."""
        self._failed = False
        """EC2 has refused for good what was tried last."""
        self._is_cut_off = False
        """There was no time for all that was to be carried out."""
        self._looked_for = 0.0
        """Seconds that the last look has taken."""
        self._seen: tuple[Snapshot, Plan] | None = None
        """The last look."""
        self._stale_since: float | None = None
        """When a target was first seen with a deleted profile of the wanted name, in seconds since the epoch."""
        self._asked_iam_at = services.clock()
        """When IAM was asked for the profiles that are being given back, in seconds since the epoch."""
        self._budgeted_at = float("-inf")
        """When the other operations of the provider were told last what is still to be done."""

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
        # What has gone wrong before, if so, matters more.
        with suppress(SupersededError, BusyError, ClosedError, ClientError, BotoCoreError):
            self._remember()

    def _remember(self) -> None:
        """Write down how far it is, and what is left in the buckets."""
        progress = {metric.value: value for metric, value in self._progress().items()}
        self._lease.save_progress(self._pace.levels(), progress, self._clock())

    def _wait(self, snapshot: Snapshot, plan: Plan) -> None:
        """Wait for EC2. What it has refused for now is tried again at growing intervals. What it has accepted, it
        confirms after two seconds or after a minute."""
        now, changed_at = self._clock(), max((one.acted_at or 0.0 for one in snapshot.records.values()), default=0.0)
        pending = unconfirmed(plan, snapshot.instances)
        if self._failing.worth_trying(plan):
            pause, self._fruitless = FIRST_POLL_SECONDS * 2**self._fruitless, self._fruitless + 1
        elif pending:
            longest = LONGEST_POLL_SECONDS if self._request.rollout.alarms else SECONDS_BETWEEN_LOOKS
            until = min(self._until, now + longest)
            await_confirmation(pending, self._services.ec2, self._pace, changed_at=changed_at, until=until)
            return
        else:
            pause = max(self._looked_for, FIRST_POLL_SECONDS, POLL_SHARE * (now - changed_at))
        self._services.sleep(max(0.0, min(pause, LONGEST_POLL_SECONDS, self._until - now)))

    def _go_on(self) -> None:
        """The wave is done."""
        state = "is watched now" if self._waves.bakes_next else "is through"
        report.log_operation(self._request, f"{self._waves} {state}", **self._logged())
        self._waves.go_on()

    def _look(self) -> tuple[Snapshot, Plan]:
        operation, desired, began = self._lease.operation, self._desired, self._clock()
        situation = self._situation()
        snapshot = observed(
            self._observer,
            self._ledger.records(self._key),
            desired,
            situation=situation,
            clock=self._clock,
            started_at=operation.started_at,
            look_up=partial(self._ledger.records_of, self._key),
        )
        plan = plan_desired(desired, snapshot, situation) if desired else plan_undo(snapshot, situation.undoes)
        self._seen, self._looked_for = (snapshot, plan), self._clock() - began
        self._note_stale(plan)
        self._tell_others(plan)
        return snapshot, plan

    def _situation(self) -> Situation:
        operation, stale_since = self._lease.operation, self._stale_since
        return Situation(
            self._request.known_ids,
            operation.rolling_back,
            self._request.before,
            begun=True,
            undoes=operation.restores if self._desired is None else None,
            identity_confirmed=stale_since is not None and self._clock() - stale_since >= IDENTITY_SECONDS,
            swaps_to_renew=operation.swaps_to_renew,
        )

    def _note_stale(self, plan: Plan) -> None:
        """Have IAM asked again before a target counts as carrying a deleted profile, and remember how it is renewed."""
        renewing = [step for step in plan.steps if step.renews]
        if renewing and self._stale_since is None:
            self._stale_since = self._clock()
        if renewing and self._desired:
            self._observer.forget([self._desired.profile.arn])
        swaps = any(step.action is Action.SWAP and self._is_running(step) for step in renewing)
        if swaps and not self._lease.operation.swaps_to_renew:
            self._lease.swap_to_renew()

    def _is_running(self, step: Step) -> bool:
        assert self._seen is not None
        found = self._seen[0].instances.get(step.instance_id)
        return found is not None and found.state is InstanceState.RUNNING

    def _tell_others(self, plan: Plan) -> None:
        """Tell the other operations of the provider what is still to be done, now and then."""
        now, operation = self._clock(), self._lease.operation
        if now - self._budgeted_at < BUDGET_SECONDS:
            return
        self._budgeted_at = now
        calls = calls_of(plan.changes)
        if calls:
            may_wait = self._desired is not None and not operation.rolling_back
            ends_at = operation.ends_at(self._request.timeout)
            self._ledger.budget.enter(Entry(self._key, operation.started_at, ends_at, calls, may_wait), now)

    def _write_down(self, snapshot: Snapshot, plan: Plan) -> Snapshot:
        """Bring the ledger up to date with what needs no change of an instance. Returns what it says then."""
        over = [step for step in plan.forgotten if snapshot.record(step.instance_id).mine]
        report.log_steps(self._request, over)
        reverting = self._desired is None and self._lease.operation.restores is not None
        self._ledger.forget(self._lease, [snapshot.records[step.instance_id] for step in over], reverting=reverting)
        if self._desired is None:
            return snapshot
        wanted = self._desired.profile.arn
        unclaimed = [step for step in plan.kept if step.after == wanted and self._is_unclaimed(step, snapshot)]
        report.log_steps(self._request, unclaimed)
        claimed = self._ledger.claim(self._lease, snapshot.records, unclaimed, self._clock())
        return replace(snapshot, records={**snapshot.records, **claimed})

    def _is_unclaimed(self, step: Step, snapshot: Snapshot) -> bool:
        """Whether a target that is right already is not ours yet. On the way back none becomes ours: what an update
        was refused for would come in by the back door."""
        record = snapshot.record(step.instance_id)
        return step.after not in record.ours if record.mine else not self._lease.operation.rolling_back

    def _act(self, snapshot: Snapshot, plan: Plan) -> bool:
        """Carry out what the time allows. Returns whether anything has changed."""
        changed = False
        self._waves.watch_anew(plan)
        for steps in self._batches(plan):
            if self._previous_profiles_have_changed(snapshot, steps):
                return True  # another plan is needed
            outcomes = self._carry_out(snapshot, steps)
            if any(outcome.accepted for outcome in outcomes):
                changed, self._fruitless = True, 0
            self._is_cut_off = len(outcomes) < len(steps)
            if self._failed or self._is_cut_off or self._waves.problems():
                break
            self._remember()  # and find out whether a later event has taken over
        return changed

    def _batches(self, plan: Plan) -> Iterator[Sequence[Step]]:
        """The changes worth trying. The first one of an operation goes out alone, and the others once it has succeeded:
        if EC2 does not know the profile yet, or the handler's policy is not in force yet, one refused call shows it
        instead of a thousand. It is no swap if it need not be: that is the one change that would have to be taken back.
        """
        steps = self._failing.worth_trying(plan)
        if steps and not self._lease.operation.first_change_accepted:
            first = min(steps, key=lambda step: step.action is Action.SWAP)
            yield [first]
            if not self._lease.operation.first_change_accepted:
                return
            steps.remove(first)
        yield from chunks(steps, STEPS_PER_BATCH)

    def _carry_out(self, snapshot: Snapshot, steps: Sequence[Step]) -> list[Outcome]:
        lease = self._lease
        claimed = self._ledger.claim(lease, snapshot.records, steps, self._clock())
        outcomes = apply(
            steps, self._services.ec2_changes, self._pace, until=self._until, may_call=lambda: lease.allows_calls
        )
        noted = self._ledger.note(self._key, claimed, outcomes, self._clock())
        self._failed = self._failing.note(outcomes, noted)
        self._look_at_profiles_again(outcomes)
        report.log_outcomes(self._request, outcomes)
        if not lease.operation.first_change_accepted and any(outcome.accepted for outcome in outcomes):
            lease.accept_first_change()
        return outcomes

    def _previous_profiles_have_changed(self, snapshot: Snapshot, steps: Sequence[Step]) -> bool:
        """Whether IAM says now something else of the profiles that are about to be given back: their owners may change
        them while an undo takes an hour."""
        if self._clock() - self._asked_iam_at < IAM_SECONDS:
            return False
        self._asked_iam_at = self._clock()
        given = {step.after for step in steps if step.undo and step.after in snapshot.profiles}
        self._observer.forget(arn for arn in given if arn)
        now = self._observer.profiles(arn for arn in given if arn)
        return any(found != snapshot.profiles[arn] for arn, found in now.items())

    def _look_at_profiles_again(self, outcomes: Sequence[Outcome]) -> None:
        """Ask IAM again for the profiles that could not be given back: their owners may have changed them."""
        refused = (one.step for one in outcomes if one.step.undo and not one.accepted)
        self._observer.forget(step.after for step in refused if step.after)

    def _judged(self, plan: Plan, snapshot: Snapshot) -> tuple[Plan, list[str]]:
        """The plan without the targets that have failed and may, and otherwise what ends the attempt to bring about
        what is desired. An undo goes on with whatever else it can do."""
        if self._desired is None:
            return plan, []
        reversing = self._lease.operation.rolling_back
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
        if self._lease.operation.rolling_back:
            return snapshot.selected
        if not self._waves.may_fail:
            return ()
        return [id_ for id_ in snapshot.selected if snapshot.record(id_).was_failing(snapshot.started_at)]

    def _is_stuck(self, plan: Plan) -> bool:
        """Nothing more can be done."""
        return not (plan.converged or plan.waiting or self._failing.worth_trying(plan))

    def _give_up(self, plan: Plan, problems: Sequence[str]) -> None:
        """End the operation, or, for a Create, turn it into giving back what it has done so far."""
        request = self._request
        late = (*plan.waiting, *plan.changes)
        undone = [report.overdue(step, request.timeout, self._latest_error(step)) for step in late]
        unwatched = [f"{request.timeout:.0f} seconds were not enough for {self._waves}"]
        sentences = problems or self._failing.refusals or undone or unwatched
        if self._desired is None:
            raise AssociationError(self._not_restored(plan, sentences))
        message = report.failure(request, [*self._diagnosis(self._desired), *sentences])
        if request.type is not RequestType.CREATE:
            raise AssociationError(message)
        report.log_operation(request, "giving back what has been done so far", reason=message)
        self._lease.fail(message)
        self._failing.forget()

    def _latest_error(self, step: Step) -> str | None:
        """What AWS had against the latest attempt at an instance, as of the last look."""
        mine = self._seen[0].record(step.instance_id).mine if self._seen else None
        return mine.latest.error if mine else None

    def _not_restored(self, plan: Plan, sentences: Sequence[str]) -> str:
        """Why instances could not be given back what they had."""
        request, failure = self._request, self._lease.operation.failure
        if failure and self._is_late and not self._failing.refusals:
            return report.not_restored(len(plan.waiting) + len(plan.changes), failure)
        return report.not_given_back(request, sentences, failure)

    def _diagnosis(self, desired: Desired) -> list[str]:
        """What is wrong with the profile by now, should it have been changed since the operation began."""
        profile = observe_profile(self._services.iam, desired.profile.arn)
        return preflight.profile_problems(desired.profile, profile)

    def _finish(self, snapshot: Snapshot, plan: Plan) -> dict[str, str]:
        request, desired, operation = self._request, self._desired, self._lease.operation
        self._ledger.budget.leave(self._key)
        if desired is None:
            return self._finish_undo(operation)
        wanted = desired.profile.arn
        carrying = (snapshot.record(step.instance_id) for step in plan.kept if step.after == wanted)
        unsettled = [one for one in carrying if one.mine and not one.is_settled(wanted, retain=desired.retain)]
        self._ledger.settle(self._lease, unsettled, wanted, retain=desired.retain)
        gone = [step for step in plan.forgotten if not snapshot.record(step.instance_id).mine]
        report.log_steps(request, [step for step in (*plan.kept, *gone) if step.warning])
        counts = report.counts(plan, snapshot, desired)
        report.log_failed(request, self._failing.sentences)
        report.log_operation(request, "the targets are as wanted", **self._logged(), **counts)
        self._remember()
        self._lease.succeed(counts)
        return counts

    def _finish_undo(self, operation: Operation) -> dict[str, str]:
        report.log_operation(self._request, "everything is given back", **self._logged())
        if operation.failure is None:
            self._lease.close()
            return {}
        message = report.given_back(operation.failure)
        if self._ledger.records(self._key):  # leftovers stay, and the Delete that follows has to know of this Create
            raise AssociationError(message)
        self._lease.close()
        raise AssociationError(message)

    def _logged(self) -> dict[str, int]:
        return {metric.lower(): value for metric, value in self._progress().items()}

    def _progress(self) -> dict[Metric, int]:
        """How far the operation is, as of the last look, which is of an earlier invocation while a wave bakes."""
        known = {metric: self._lease.operation.progress.get(metric.value, 0) for metric in Metric}
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
        return None if self._lease.operation.failure else self._request.desired

    @property
    def _is_late(self) -> bool:
        return self._clock() > self._lease.operation.ends_at(self._request.timeout)


def _pace(services: Services, operation: Operation) -> Pace:
    """The buckets, as the last invocation of this operation has left them."""
    levels = refilled(operation.levels, services.clock() - operation.levels_at)
    return Pace(levels, clock=services.clock, sleep=services.sleep)
