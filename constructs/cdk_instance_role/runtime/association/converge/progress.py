"""How far an operation is: saved in the ledger, written as metrics, and reported to the other operations."""

from ..aws.rate_limiter import RateLimiter
from ..contract import Metric
from ..decide.model import Snapshot
from ..decide.step import Plan, calls_of, once_settled
from ..ledger.lease import Lease
from ..ledger.shared_budget import Entry
from ..report import metrics
from ..request.desired import Desired
from ..request.event import Request
from ..services import Services
from .failed_targets import FailedTargets
from .wave_progress import Waves

BUDGET_SECONDS = 30.0
"""How often the remaining calls are written for the other operations of the provider."""


class Progress:
    """How far one operation is."""

    def __init__(
        self,
        services: Services,
        request: Request,
        lease: Lease,
        rate_limiter: RateLimiter,
        waves: Waves,
        failed_targets: FailedTargets,
    ) -> None:
        """
        Args:
            services: clients and clock.
            request: the event.
            lease: of the association.
            rate_limiter: knows how many calls were throttled.
            waves: know which wave is current.
            failed_targets: knows which targets have failed.
        """
        self._services, self._request, self._lease = services, request, lease
        self._rate_limiter, self._waves, self._failed_targets = rate_limiter, waves, failed_targets
        self._seen: tuple[Snapshot, Plan, Desired | None] | None = None
        """The last observation, and what was planned from it."""
        self._budgeted_at = float("-inf")
        """When the remaining calls were written last, in seconds since the epoch."""

    def observed(self, snapshot: Snapshot, plan: Plan, desired: Desired | None) -> None:
        """Take note of an observation, and report to the other operations from time to time what is still to be done.

        Args:
            snapshot: what was observed.
            plan: what is to be done.
            desired: what is wanted. None: everything is to be restored.
        """
        self._seen = (snapshot, plan, desired)
        now, operation = self._services.clock(), self._lease.operation
        if now - self._budgeted_at < BUDGET_SECONDS:
            return
        self._budgeted_at = now
        if calls := calls_of(once_settled(plan, snapshot.stopped).changes):
            may_wait = desired is not None and not operation.rolling_back
            ends_at = operation.ends_at(self._request.timeout)
            began_at, id_ = operation.started_at, self._request.id
            entry = Entry(self._request.association, began_at, ends_at, calls, may_wait, id_)
            self._services.ledger.budget.enter(entry, now)

    def counts(self) -> dict[Metric, int]:
        """How far the operation is, as of the last observation. While a wave bakes, an earlier invocation made that."""
        known = {metric: self._lease.operation.progress.get(metric.value, 0) for metric in Metric}
        now = {Metric.THROTTLED: self._rate_limiter.throttled, Metric.WAVE: self._waves.number}
        if self._seen is None:
            return {**known, **now}
        snapshot, plan, desired = self._seen
        done = [step for step in plan.kept if desired and step.after == desired.profile.arn]
        return {
            Metric.TARGETS: len(snapshot.selected) if desired else 0,
            Metric.DONE: len(done),
            Metric.FAILED: len(self._failed_targets.sentences),
            **now,
        }

    def fields(self) -> dict[str, int]:
        """The same as fields of a log line."""
        return {metric.lower(): value for metric, value in self.counts().items()}

    def save(self) -> None:
        """Save how far it is.

        Raises:
            SupersededError: a later event has begun.
        """
        progress = {metric.value: value for metric, value in self.counts().items()}
        self._lease.save_progress(progress)

    def write_metrics(self) -> None:
        """Write the metrics."""
        metrics.write(self._request, self.counts(), self._services.clock())
