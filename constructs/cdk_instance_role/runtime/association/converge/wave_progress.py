"""The rollout of one operation: where it is, as the ledger says, and what has to hold before it goes on."""

from collections.abc import Callable, Sequence
from functools import cache

from ..aws.alarms import Alarms
from ..aws.rate_limiter import least_seconds
from ..decide.model import Snapshot
from ..decide.step import Plan, calls_of, once_settled
from ..decide.waves import changes_of_targets, eligible, possible_changes
from ..ledger.lease import Lease
from ..request.event import Request
from ..request.rollout import time_problem

UNSEEN_SECONDS = 60.0
"""How long a rollout waits until EC2 shows all targets, before it counts those that it does not show as changes."""


def rollout_problems(request: Request, total: int, plan: Plan, alarms: Alarms) -> list[str]:
    """Why the changes of targets should not even be begun with.

    Args:
        request: with the rollout and the timeout.
        total: targets to change.
        plan: what is to be done once all instances have settled.
        alarms: tells of alarms.
    """
    late = time_problem(request.rollout, total, least_seconds(calls_of(plan.changes)), request.timeout)
    return [*([late] if late else []), *alarms.problems(request.rollout.alarms if total else ())]


class Waves:
    """Makes targets eligible wave by wave, and watches the alarms between two waves."""

    def __init__(self, request: Request, lease: Lease, alarms: Alarms, clock: Callable[[], float]) -> None:
        """
        Args:
            request: with the rollout and the timeout.
            lease: of the association, with the operation.
            alarms: tells of alarms.
            clock: seconds since the epoch.
        """
        self._request, self._lease, self._alarms, self._clock = request, lease, alarms, clock
        self._rollout = request.rollout
        self._cumulative_of = cache(request.rollout.cumulative_targets)

    @property
    def are_over(self) -> bool:
        """Everything may be done now. So it is, too, where nothing is rolled out in waves: a failed operation and
        one that goes back do all at once."""
        operation = self._lease.operation
        if operation.failure or operation.rolling_back or not self._rollout.first:
            return True
        return operation.total is not None and operation.wave >= len(self._cumulative)

    @property
    def is_baking(self) -> bool:
        """Nothing is to be done but to watch."""
        until = self._lease.operation.bakes_until
        return not self.are_over and until is not None and self._clock() < until

    @property
    def bakes_next(self) -> bool:
        """The wave is to be watched once its targets are done, and has not been yet."""
        return self._rollout.bake > 0 and self._lease.operation.bakes_until is None

    @property
    def number(self) -> int:
        """Which wave is running; 0 if none is."""
        return 0 if self.are_over else self._lease.operation.wave + 1

    @property
    def may_fail(self) -> bool:
        """Whether any target may fail."""
        operation = self._lease.operation
        return self._rollout.tolerance.number > 0 and not (operation.failure or operation.rolling_back)

    @property
    def tolerated(self) -> int:
        """How many targets may fail. That all targets so far have failed is never tolerated."""
        total = self._lease.operation.total
        return min(self._rollout.tolerance.of(total), self._reached - 1) if total and self.may_fail else 0

    def problems(self) -> list[str]:
        """Why the rollout that has begun has to stop, as far as the alarms say so."""
        has_begun = self._lease.operation.total is not None
        if self.are_over or not has_begun or not self._rollout.alarms:
            return []
        return self._alarms.problems(self._rollout.alarms)

    def begin(self, plan: Plan, snapshot: Snapshot) -> list[str]:
        """Begin the first wave, unless it has begun: the number of targets to change determines all waves. So it waits
        for some time if EC2 does not show them all.

        Returns:
            Why nothing may be changed. The first phase has looked at the same, but EC2 may have shown no target then.
        """
        operation = self._lease.operation
        if self.are_over or operation.total is not None:
            return []
        certain, possible = changes_of_targets(plan), possible_changes(plan)
        if len(possible) > len(certain) and self._clock() - operation.started_at < UNSEEN_SECONDS:
            return []
        problems = rollout_problems(self._request, len(possible), once_settled(plan, snapshot.stopped), self._alarms)
        if not problems:
            self._lease.begin_waves(len(possible))
        return problems

    def eligible(self, plan: Plan, snapshot: Snapshot) -> Plan:
        """The steps of a plan that are eligible in the current wave."""
        if self.are_over:
            return plan
        if self._lease.operation.total is None:
            return plan.of_no_change
        return eligible(plan, snapshot, None if self._is_last else self._reached)

    def advance(self) -> None:
        """End the wave: it bakes, and after that the next wave begins."""
        if self.bakes_next:
            self._lease.bake(self._clock() + self._rollout.bake)
        else:
            self._lease.end_wave()

    def restart_bake(self, plan: Plan) -> None:
        """Let the wave bake once more, if half of it or more is still to be changed after that: the instances that
        were watched are gone."""
        former = self._cumulative[self._lease.operation.wave - 1] if self._lease.operation.wave else 0
        is_hardly_watched = 2 * len(changes_of_targets(plan)) >= self._reached - former
        if not self.are_over and self._lease.operation.bakes_until is not None and is_hardly_watched:
            self._lease.bake(None)

    def __str__(self) -> str:
        total = self._lease.operation.total or 0
        return f"wave {self.number} of {len(self._cumulative)}, {self._reached} of {total} targets"

    @property
    def _is_last(self) -> bool:
        """The last wave takes all targets, including instances that were tagged since the rollout began."""
        return self._lease.operation.wave + 1 >= len(self._cumulative)

    @property
    def _reached(self) -> int:
        """How many targets are eligible by the end of the current wave."""
        return next(iter(self._cumulative[self._lease.operation.wave :]), self._lease.operation.total or 0)

    @property
    def _cumulative(self) -> Sequence[int]:
        """How many targets are eligible by the end of each wave."""
        return self._cumulative_of(self._lease.operation.total or 0)
