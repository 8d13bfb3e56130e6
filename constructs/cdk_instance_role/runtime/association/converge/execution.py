"""Carries the changes of a plan out, in batches, and writes each into the ledger before and after."""

from collections.abc import Iterable, Iterator, Sequence

from ..aws.apply import MAX_CONCURRENCY, apply
from ..aws.observe import Observer
from ..aws.rate_limiter import RateLimiter
from ..batch import chunks
from ..decide.model import Snapshot
from ..decide.outcome import ErrorKind, Outcome
from ..decide.step import Action, Plan, Step
from ..decide.swaps import SwapGate
from ..ledger.lease import Lease
from ..report import log
from ..request.event import Request
from ..services import Services
from .failed_targets import FailedTargets
from .progress import Progress
from .retry_window import RetryWindow
from .wave_progress import Waves

STEPS_PER_BATCH = 98
"""Steps that are claimed, carried out and noted together: two transactions of the ledger."""

NOT_BEGUN = "there was no time left to call EC2"

IAM_SECONDS = 10.0
"""How long an answer of IAM about a profile that is being restored counts."""


class Execution:
    """Carries out the changes of one operation."""

    def __init__(
        self,
        services: Services,
        request: Request,
        lease: Lease,
        observer: Observer,
        rate_limiter: RateLimiter,
        waves: Waves,
        failed_targets: FailedTargets,
        progress: Progress,
        patience: RetryWindow,
        *,
        until: float,
    ) -> None:
        """
        Args:
            services: clients and clock.
            request: the event.
            lease: of the association.
            observer: looks at profiles.
            rate_limiter: decides when a call may go out.
            waves: watch the alarms.
            failed_targets: remembers which targets have failed.
            progress: saved after each batch.
            patience: gets to know of each batch that is carried out.
            until: when the rest is left to the next invocation, in seconds since the epoch.
        """
        self._services, self._request, self._lease, self._observer = services, request, lease, observer
        self._rate_limiter, self._waves, self._failed_targets, self._progress = (
            rate_limiter,
            waves,
            failed_targets,
            progress,
        )
        self._patience, self._until, self._clock = patience, until, services.clock
        self._ledger, self._key = services.ledger, request.association
        self._swaps = SwapGate()
        self.refusals_in_a_row = 0
        """How often in a row EC2 has refused for now whatever was tried."""
        self.is_cut_off = False
        """There was no time for all that was to be carried out."""
        self._failed = False
        """EC2 has refused for good what was tried last."""
        self._asked_iam_at = services.clock()
        """When IAM was asked for the profiles that are being restored, in seconds since the epoch."""

    def act(self, snapshot: Snapshot, plan: Plan) -> bool:
        """Carry out what the time allows. Returns whether anything has changed."""
        changed, left = False, len(plan.unfinished)
        self._waves.restart_bake(plan)
        for steps in self._batches(plan, snapshot):
            if self._previous_profiles_have_changed(snapshot, steps):
                return True  # another plan is needed
            outcomes = self._carry_out(snapshot, steps)
            if accepted := sum(outcome.accepted for outcome in outcomes):
                changed, self.refusals_in_a_row, left = True, 0, left - accepted
                self._lease.record_left(left)
            self.is_cut_off = len(outcomes) < len(steps)
            if self._failed or self.is_cut_off or self._waves.problems():
                break
            self._progress.save()  # and find out whether a later event has taken over
            self._patience.passed()
        return changed

    def _batches(self, plan: Plan, snapshot: Snapshot) -> Iterator[Sequence[Step]]:
        """The changes worth trying. The first one of an operation goes out alone, and the others once it has succeeded:
        if EC2 does not know the profile yet, or the handler's policy is not in force yet, one refused call shows it
        instead of a thousand. It is no swap if it need not be: that is the one change that would have to be reverted.
        """
        steps = sorted(self._failed_targets.retryable(plan), key=snapshot.failed_at)
        if snapshot.half_swapped & _ids(_without(steps, plan.steps)):  # one of these is tried again later
            steps = self._swaps.admitted(steps)
        if steps and not self._lease.operation.first_change_accepted:
            first = min(steps, key=lambda step: step.action is Action.SWAP)
            yield [first]
            if not self._lease.operation.first_change_accepted:
                return
            steps.remove(first)
        if probe := self._swaps.probe(steps, snapshot.half_swapped):
            # What is no swap goes with it, as many as can be called at once.
            others = _without(probe, self._swaps.admitted(steps))[:MAX_CONCURRENCY]
            first_ones = [*probe, *others][:STEPS_PER_BATCH]
            yield first_ones
            steps = _without(first_ones, steps)
        for batch in chunks(steps, STEPS_PER_BATCH):
            if admitted := self._swaps.admitted(batch):
                yield admitted

    def _carry_out(self, snapshot: Snapshot, steps: Sequence[Step]) -> list[Outcome]:
        lease = self._lease
        claimed = self._ledger.claim(lease, snapshot.records, steps, self._now())
        outcomes = apply(
            steps,
            self._services.ec2,
            self._rate_limiter,
            until=self._until,
            seen_at=snapshot.now,
            may_call=lambda: lease.allows_calls,
        )
        self._swaps.record(outcomes)
        # Otherwise they would count for a minute as steps whose outcome is not known.
        not_begun = [Outcome(step, ErrorKind.CHANGED, NOT_BEGUN) for step in steps[len(outcomes) :]]
        noted = self._ledger.note(self._key, claimed, [*outcomes, *not_begun], self._now())
        self._failed = self._failed_targets.record(outcomes, noted)
        self._look_at_profiles_again(outcomes)
        log.write_outcomes(self._request, outcomes)
        if not lease.operation.first_change_accepted and any(outcome.accepted for outcome in outcomes):
            lease.accept_first_change()
        return outcomes

    def _now(self) -> float:
        """Seconds since the epoch, but never before the operation has begun: that was on another host, whose clock may
        be ahead. Otherwise the change would seem to be older than the operation, and what somebody else does to the
        target after it would be overwritten."""
        return max(self._clock(), self._lease.operation.started_at)

    def _previous_profiles_have_changed(self, snapshot: Snapshot, steps: Sequence[Step]) -> bool:
        """Whether IAM says now something else of the profiles that are about to be restored: their owners may change
        them while an undo takes an hour."""
        if self._clock() - self._asked_iam_at < IAM_SECONDS:
            return False
        self._asked_iam_at = self._clock()
        given = {step.after for step in steps if step.undo and step.after and step.after in snapshot.profiles}
        self._observer.forget(given)
        now = self._observer.profiles(given)
        return any(found != snapshot.profiles[arn] for arn, found in now.items())

    def _look_at_profiles_again(self, outcomes: Sequence[Outcome]) -> None:
        """Ask IAM again for the profiles that could not be restored: their owners may have changed them."""
        refused = (one.step for one in outcomes if one.step.undo and not one.accepted)
        self._observer.forget(step.after for step in refused if step.after)


def _without(some: Sequence[Step], steps: Sequence[Step]) -> list[Step]:
    ids = _ids(some)
    return [step for step in steps if step.instance_id not in ids]


def _ids(steps: Iterable[Step]) -> set[str]:
    return {step.instance_id for step in steps}
