"""Whether an operation goes on: which failed targets it can do without, and what ends it."""

from collections.abc import Iterable

from ..decide import checks
from ..decide.model import Snapshot
from ..decide.step import Plan, Step
from ..decide.undo import plan_swap_revert
from ..ledger.lease import Lease
from ..request.desired import Desired
from ..request.event import Request, RequestType
from .failed_targets import FailedTargets
from .wave_progress import Waves


class Evaluation:
    """Evaluates each plan of one operation."""

    def __init__(self, request: Request, lease: Lease, waves: Waves, failed_targets: FailedTargets) -> None:
        """
        Args:
            request: the event.
            lease: of the association.
            waves: know how many targets may fail.
            failed_targets: knows which targets have failed.
        """
        self._request, self._lease, self._waves, self._failed_targets = request, lease, waves, failed_targets

    def of(self, plan: Plan, snapshot: Snapshot, desired: Desired | None) -> tuple[Plan, list[str]]:
        """The plan without the targets that have failed and may, and what ends the operation, in sentences.

        Args:
            plan: what is to be done.
            snapshot: what it was made from.
            desired: what is wanted. None: everything is to be restored, and only the timeout ends that.
        """
        if desired is None:
            return plan, []
        rolling_back = self._lease.operation.rolling_back
        if snapshot.hides_targets and not rolling_back:
            plan = plan.of_no_change  # no other instance is restored because of that
            return Plan((*_reverts_of_others(plan.steps, snapshot), *plan.steps)), []
        if self._waves.may_fail or rolling_back:
            self._failed_targets.load(plan, snapshot)
        # If the tags match nothing all at once, that would mean to restore everything: only a Delete does that.
        nothing = [] if rolling_back else checks.selection_problems(desired, snapshot)
        if self._request.type is RequestType.CREATE:
            nothing = nothing or checks.survival_problems(snapshot)
        excused = self._excused(snapshot)
        failures = self._failed_targets.evaluate(plan, snapshot, tolerated=self._waves.tolerated, excused=excused)
        others = plan.without(self._failed_targets.sentences)
        left = plan if failures else others
        if rolling_back and (others.changes or others.waiting):
            failures = []  # like a Delete, it restores all other instances before it fails
        problems = [*nothing, *failures]
        reverts = self._failed_targets.swap_reverts(snapshot)
        reverts += _reverts_of_others((*reverts, *plan.steps), snapshot)
        if problems and reverts:  # before the operation ends: no instance stays without a profile
            return Plan(tuple(reverts)), []
        return Plan((*reverts, *left.without({step.instance_id for step in reverts}).steps)), problems

    def _excused(self, snapshot: Snapshot) -> Iterable[str]:
        """Instances whose failures do not count: in a rollback all of them; where targets may fail, those that were
        failing before the operation began, because they say nothing about it."""
        if self._lease.operation.rolling_back:
            return snapshot.selected
        if not self._waves.may_fail:
            return ()
        return [*filter(snapshot.was_failing_before, snapshot.selected)]


def _reverts_of_others(planned: Iterable[Step], snapshot: Snapshot) -> list[Step]:
    """The steps that restore profiles on instances that stopped being targets between the two halves of a swap, and
    for which nothing is planned yet: none stays without a profile until then."""
    ids = snapshot.half_swapped.difference(snapshot.selected, (step.instance_id for step in planned))
    steps = (plan_swap_revert(id_, snapshot) for id_ in sorted(ids))
    return [step for step in steps if step]
