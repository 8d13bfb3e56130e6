"""The loop of one invocation: observe, plan, apply, and again, until the plan has nothing left to do."""

from contextlib import suppress
from dataclasses import replace
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError

from ..aws.observe import Observer
from ..aws.rate_limiter import RateLimiter
from ..decide.model import Snapshot
from ..decide.plan import OperationContext, plan_desired, plan_undo
from ..decide.step import Action, Plan, Step
from ..exceptions import SupersededError
from ..ledger.lease import BusyError, EndedError, Lease
from ..ledger.received_events import ClosedError
from ..report import log
from ..request.desired import Desired
from ..request.event import Request, RequestType
from ..services import Services
from .confirmation import await_confirmation, unconfirmed
from .ending import Ending
from .evaluation import Evaluation
from .execution import Execution
from .failed_targets import FailedTargets
from .preview import observed
from .progress import Progress
from .retry_window import RetryWindow
from .wave_progress import Waves

MIN_POLL_SECONDS, MAX_POLL_SECONDS = 0.5, 5.0
POLL_SHARE = 0.2
"""How long to wait for the next look, as a share of the time since the last change."""
SECONDS_BETWEEN_LOOKS = 30.0
"""How often everything is looked at while only confirmations are waited for. While a rollout watches alarms, it is as
often as otherwise."""

MAX_LOOKS_AGAIN = 3
"""How often events of EC2 keep an operation from ending. After that the next sweep of enforcement sees the rest."""

IDENTITY_SECONDS = 10.0
"""How long IAM may show a former profile of the same name."""


class Convergence:
    """One invocation's share of an operation."""

    def __init__(self, services: Services, request: Request, lease: Lease, patience: RetryWindow, until: float) -> None:
        """
        Args:
            services: the world outside.
            request: the event.
            lease: of the association, which nobody else works on.
            patience: gets to know of what succeeds.
            until: when to leave the rest to the next invocation, in seconds since the epoch.
        """
        self._services, self._request, self._lease, self._patience = services, request, lease, patience
        self._until = min(until, lease.operation.ends_at(request.timeout))
        self._ledger, self._key = services.ledger, request.association
        self._rate_limiter = RateLimiter(
            services.ledger.levels.read(services.clock()), clock=services.clock, sleep=services.sleep
        )
        self._observer = Observer(services.ec2, services.iam, self._rate_limiter)
        self._clock = services.clock
        self._waves = Waves(request, lease, services.alarms, services.clock)
        self._failed_targets = FailedTargets()
        self._evaluation = Evaluation(request, lease, self._waves, self._failed_targets)
        self._progress = Progress(services, request, lease, self._rate_limiter, self._waves, self._failed_targets)
        self._execution = Execution(
            services,
            request,
            lease,
            self._observer,
            self._rate_limiter,
            self._waves,
            self._failed_targets,
            self._progress,
            patience,
            until=self._until,
        )
        self._ending = Ending(services, request, lease, self._waves, self._failed_targets, self._progress)
        self._looked_for = 0.0
        """Seconds that the last look has taken."""
        self._looks_left = MAX_LOOKS_AGAIN
        self._stale_since: float | None = None
        """When a target was first seen with a deleted profile of the wanted name, in seconds since the epoch."""

    def run(self) -> dict[str, str] | None:
        """Converge as far as the time allows.

        Returns:
            The attributes of the resource, or None if there is more to do.

        Raises:
            AssociationError: the operation has failed, and what it had changed is restored where that is its job.
        """
        try:
            return self._converge()
        finally:
            self._save_progress()

    def _converge(self) -> dict[str, str] | None:
        self._lease.write_desired_state()
        while True:
            problems = self._waves.problems()
            if self._waves.is_baking and not problems and not self._is_late:
                break
            snapshot, plan = self._observe()
            problems += self._record_observation(snapshot, plan)
            snapshot = self._write_claims(snapshot, plan)
            plan, others = self._evaluation.of(self._waves.eligible(plan, snapshot), snapshot, self._desired)
            problems += others
            if plan.converged and not problems and self._waves.are_over:
                result = self._ending.succeed(snapshot, plan, self._desired, looks_again=self._looks_left > 0)
                if result is not None:
                    return result
                self._looks_left -= 1
            elif problems or self._is_late or self._is_stuck(plan):
                self._ending.fail(snapshot, plan, self._desired, problems, is_late=self._is_late)
            elif self._clock() >= self._until:
                break
            elif plan.converged:
                self._finish_wave()
            elif not self._execution.act(snapshot, plan):
                self._wait(snapshot, plan)
            elif self._execution.is_cut_off:
                break
            self._patience.passed()
        return None

    def _save_progress(self) -> None:
        """Save the progress and the levels of the buckets for the next invocation."""
        self._progress.write_metrics()
        self._ledger.levels.write(self._rate_limiter.levels(), self._clock())
        if not self._lease.is_held:
            return
        # What has gone wrong before, if so, matters more.
        with suppress(SupersededError, BusyError, ClosedError, EndedError, ClientError, BotoCoreError):
            self._progress.save()

    def _wait(self, snapshot: Snapshot, plan: Plan) -> None:
        """Wait for EC2. What it has refused for now is tried again at growing intervals. What it has accepted, it
        confirms after two seconds or after a minute."""
        now, changed_at = self._clock(), snapshot.changed_at
        pending = unconfirmed(plan, snapshot.instances)
        if self._failed_targets.retryable(plan):
            pause = MIN_POLL_SECONDS * 2**self._execution.refusals_in_a_row
            self._execution.refusals_in_a_row += 1
        elif pending:
            longest = MAX_POLL_SECONDS if self._request.rollout.alarms else SECONDS_BETWEEN_LOOKS
            until = min(self._until, now + longest)
            await_confirmation(pending, self._services.ec2, self._rate_limiter, changed_at=changed_at, until=until)
            return
        else:
            pause = max(self._looked_for, MIN_POLL_SECONDS, POLL_SHARE * (now - changed_at))
        self._services.sleep(max(0.0, min(pause, MAX_POLL_SECONDS, self._until - now)))

    def _finish_wave(self) -> None:
        """The wave is done."""
        state = "is watched now" if self._waves.bakes_next else "is through"
        log.write_operation(self._request, f"{self._waves} {state}", **self._progress.fields())
        self._waves.advance()

    def _observe(self) -> tuple[Snapshot, Plan]:
        """Everything that the association is about, and what is to be done. Writes nothing."""
        desired, context, began = self._desired, self._context(), self._clock()
        snapshot = observed(
            self._observer,
            self._ledger.records(self._key),
            desired,
            context=context,
            clock=self._clock,
            started_at=self._lease.operation.started_at,
            request=self._request.id,
            look_up=partial(self._ledger.records_of, self._key),
        )
        profiles = self._observer.unconfirmed_profiles(snapshot.profiles, snapshot.now)
        snapshot = replace(snapshot, unconfirmed_profiles=profiles)
        plan = plan_desired(desired, snapshot, context) if desired else plan_undo(snapshot, context.undoes)
        self._looked_for = self._clock() - began
        return snapshot, plan

    def _record_observation(self, snapshot: Snapshot, plan: Plan) -> list[str]:
        """Write into the ledger what later invocations and other operations have to know of an observation. Returns
        why the first wave may not begin."""
        self._record_stale(snapshot, plan)
        self._lease.record_left(len(plan.unfinished))
        self._progress.observed(snapshot, plan, self._desired)
        return self._waves.begin(plan, snapshot)

    def _context(self) -> OperationContext:
        operation, stale_since = self._lease.operation, self._stale_since
        return OperationContext(
            self._request.known_ids,
            operation.rolling_back,
            self._request.before,
            begun=True,
            undoes=operation.restores if self._desired is None else None,
            identity_confirmed=stale_since is not None and self._clock() - stale_since >= IDENTITY_SECONDS,
            creates=self._request.id if self._request.type is RequestType.CREATE else None,
            swaps_to_renew=operation.swaps_to_renew,
        )

    def _record_stale(self, snapshot: Snapshot, plan: Plan) -> None:
        """Have IAM asked again before a target counts as carrying a deleted profile, and remember how it is renewed."""
        renewing = [step for step in plan.steps if step.renews]
        if renewing and self._stale_since is None:
            self._stale_since = self._clock()
        if renewing and self._desired:
            self._observer.forget([self._desired.profile.arn])
        swaps = any(step.action is Action.SWAP and snapshot.is_running(step.instance_id) for step in renewing)
        if swaps and not self._lease.operation.swaps_to_renew:
            self._lease.swap_to_renew()

    def _write_claims(self, snapshot: Snapshot, plan: Plan) -> Snapshot:
        """Claim targets that are right already, and drop the claims of instances that are finished. Returns the
        snapshot with the new records."""
        over = [step for step in plan.forgotten if snapshot.record(step.instance_id).mine]
        log.write_steps(self._request, over)
        reverting = self._desired is None and self._lease.operation.restores is not None
        self._ledger.forget(self._lease, [snapshot.records[step.instance_id] for step in over], reverting=reverting)
        if self._desired is None:
            return snapshot
        wanted = self._desired.profile.arn
        right = [step for step in plan.kept if step.after == wanted and self._is_unclaimed(step, snapshot)]
        unclaimed = [*right, *(step for step in plan.kept if step.claims_below)]
        log.write_steps(self._request, unclaimed)
        claimed = self._ledger.claim(self._lease, snapshot.records, unclaimed, self._clock())
        return replace(snapshot, records={**snapshot.records, **claimed})

    def _is_unclaimed(self, step: Step, snapshot: Snapshot) -> bool:
        """Whether a target that is right already is not in the ledger yet. A rollback claims those that the update has
        handed over, and not those for which it was refused because their profiles may not be restored."""
        record, desired = snapshot.record(step.instance_id), self._desired
        if desired and not record.mine and self._lease.operation.rolling_back:
            return all(map(desired.may_restore, record.candidates_after(step.after)))
        return step.after not in record.ours

    def _is_stuck(self, plan: Plan) -> bool:
        """Nothing more can be done."""
        return not (plan.converged or plan.waiting or self._failed_targets.retryable(plan))

    @property
    def _desired(self) -> Desired | None:
        """None once everything has to be restored."""
        return None if self._lease.operation.failure else self._request.desired

    @property
    def _is_late(self) -> bool:
        return self._lease.operation.exceeded(self._clock(), self._request.timeout) is not None
