"""How an operation ends: with its result, with the undo of a failed Create, or with the reason for its failure."""

from collections.abc import Sequence

from ..aws.observe import profile as observe_profile
from ..decide import checks
from ..decide.model import Snapshot
from ..decide.step import Plan, Step
from ..exceptions import AssociationError
from ..ledger.lease import Lease
from ..operation import Operation
from ..report import log, messages
from ..request.desired import Desired
from ..request.event import Request, RequestType
from ..services import Services
from .failed_targets import FailedTargets
from .progress import Progress
from .wave_progress import Waves


class Ending:
    """Ends one operation."""

    def __init__(
        self,
        services: Services,
        request: Request,
        lease: Lease,
        waves: Waves,
        failed_targets: FailedTargets,
        progress: Progress,
    ) -> None:
        """
        Args:
            services: clients and clock.
            request: the event.
            lease: of the association.
            waves: know which wave is current.
            failed_targets: knows which targets have failed.
            progress: knows how far the operation is.
        """
        self._services, self._request, self._lease = services, request, lease
        self._waves, self._failed_targets, self._progress = waves, failed_targets, progress
        self._ledger, self._key = services.ledger, request.association

    def succeed(
        self, snapshot: Snapshot, plan: Plan, desired: Desired | None, *, looks_again: bool
    ) -> dict[str, str] | None:
        """End an operation that has nothing left to do.

        Args:
            snapshot: the last observation.
            plan: what was planned from it.
            desired: what was wanted. None: everything was to be restored.
            looks_again: whether it goes on if an event of EC2 has come meanwhile.

        Returns:
            The attributes of the resource. None: the operation goes on, everything has to be observed again.

        Raises:
            AssociationError: everything is restored because a Create has failed.
        """
        self._ledger.budget.leave(self._key, self._request.id, began_at=self._lease.operation.started_at)
        if desired is None:
            return self._end_undo(self._lease.operation)
        wanted = desired.profile.arn
        carrying = (snapshot.record(step.instance_id) for step in plan.kept if step.after == wanted)
        uncommitted = [one for one in carrying if one.mine and not one.is_committed(wanted, retain=desired.retain)]
        self._ledger.commit(self._lease, uncommitted, wanted, retain=desired.retain)
        gone = [step for step in plan.forgotten if not snapshot.record(step.instance_id).mine]
        log.write_steps(self._request, [step for step in (*plan.kept, *gone) if step.warning])
        counts = messages.counts(plan, snapshot, desired)
        log.write_failed(self._request, self._failed_targets.sentences)
        log.write_operation(self._request, "the targets are as wanted", **self._progress.fields(), **counts)
        self._progress.save()
        if self._lease.operation.enforces and self._request.enforcement is None:
            self._ledger.enforcement.forget(self._key)
        return counts if self._lease.succeed(counts, looks_again=looks_again) else None

    def _end_undo(self, operation: Operation) -> dict[str, str]:
        log.write_operation(self._request, "everything is restored", **self._progress.fields())
        if operation.enforces:
            self._ledger.enforcement.forget(self._key)
        if operation.failure is None:
            self._lease.close()
            return {}
        message = messages.restored(operation.failure)
        if self._ledger.records(self._key):  # leftovers stay, and the Delete that follows has to know of this Create
            raise AssociationError(message)
        self._lease.close()
        raise AssociationError(message)

    def fail(
        self, snapshot: Snapshot, plan: Plan, desired: Desired | None, problems: Sequence[str], *, is_late: bool
    ) -> None:
        """End an operation that can't succeed. A Create goes on: with undoing what it has done so far.

        Args:
            snapshot: the last observation.
            plan: what was planned from it.
            desired: what was wanted. None: everything was to be restored.
            problems: why, in sentences. Default: what EC2 has refused, or that the time is over.
            is_late: the time is over.

        Raises:
            AssociationError: the operation has ended.
        """
        request, late = self._request, [*plan.unfinished]
        late.sort(key=lambda step: _latest_error(snapshot, step) is None)  # a message may have room for the first only
        operation, now = self._lease.operation, self._services.clock()
        seconds = operation.exceeded(now, request.timeout) or operation.seconds(request.timeout)
        undone = [messages.overdue(step, seconds, _latest_error(snapshot, step)) for step in late]
        unwatched = [f"{seconds:.0f} seconds were not enough for {self._waves}"]
        sentences = problems or self._failed_targets.refusals or undone or unwatched
        if desired is None:
            raise AssociationError(self._not_restored(plan, sentences, is_late=is_late))
        message = messages.failure(request, [*self._diagnosis(desired), *sentences])
        if request.type is not RequestType.CREATE:
            raise AssociationError(message)
        log.write_operation(request, "undoing what has been done so far", reason=message)
        self._lease.fail(message)
        self._failed_targets.reset()

    def _not_restored(self, plan: Plan, sentences: Sequence[str], *, is_late: bool) -> str:
        """Why instances could not get their previous profiles back."""
        failure = self._lease.operation.failure
        if failure and is_late and not self._failed_targets.refusals:
            left, desired = plan.unfinished, self._request.desired
            log.write_failed(self._request, {step.instance_id: f"{step.instance_id} {step.reason}" for step in left})
            retain = desired is not None and desired.retain
            return messages.restore_unfinished(len(left), sentences[0], failure, retain=retain)
        return messages.restore_failed(self._request, sentences, failure)

    def _diagnosis(self, desired: Desired) -> list[str]:
        """What is wrong with the profile by now, should it have been changed since the operation began."""
        profile = observe_profile(self._services.iam, desired.profile.arn)
        return checks.profile_problems(desired.profile, profile)


def _latest_error(snapshot: Snapshot, step: Step) -> str | None:
    """What AWS had against the latest attempt at an instance."""
    mine = snapshot.record(step.instance_id).mine
    return mine.latest.error if mine else None
