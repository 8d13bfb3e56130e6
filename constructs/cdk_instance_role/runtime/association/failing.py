"""The instances of an operation that have failed, and whether it goes on without them."""

from collections.abc import Iterable

from . import report
from .apply import Outcome
from .errors import Meaning
from .model import Snapshot
from .plan import Plan
from .step import Step


class Failing:
    """What EC2 has refused for good, and what else has failed."""

    def __init__(self) -> None:
        self._refusals: dict[str, Outcome] = {}
        self.ids: frozenset[str] = frozenset()
        """Instances that had failed when that was judged last."""

    def note(self, outcomes: Iterable[Outcome], age: float) -> bool:
        """Remember what EC2 has refused for good.

        Args:
            outcomes: what came of steps.
            age: seconds since the operation began.

        Returns:
            Whether it has refused one of these.
        """
        final = {outcome.step.instance_id: outcome for outcome in outcomes if outcome.is_final(age)}
        self._refusals |= final
        return bool(final)

    def forget(self) -> None:
        """Begin anew: something else is to be done from now on."""
        self._refusals.clear()

    def worth_trying(self, plan: Plan) -> list[Step]:
        """The changes that EC2 has not refused for good."""
        return [step for step in plan.changes if step.instance_id not in self._refusals]

    @property
    def refusals(self) -> list[str]:
        """What EC2 has refused for good, in sentences."""
        return [report.refused(outcome) for outcome in self._refusals.values()]

    def judge(self, plan: Plan, snapshot: Snapshot, tolerated: int) -> list[str]:
        """What ends the operation, in sentences; nothing if it goes on without what has failed.

        Args:
            plan: what is to be done.
            snapshot: what it was made from.
            tolerated: how many targets may fail.
        """
        if tolerated:
            self._recall(plan, snapshot)
        failed = {step.instance_id: (step, report.problem(step)) for step in plan.problems}
        failed |= {id_: (outcome.step, report.refused(outcome)) for id_, outcome in self._refusals.items()}
        self.ids = frozenset(failed)
        if len(failed) <= tolerated and all(_may_fail(step, snapshot) for step, _ in failed.values()):
            return []
        return [sentence for _, sentence in failed.values()]

    def _recall(self, plan: Plan, snapshot: Snapshot) -> None:
        """What was refused in an earlier invocation is not tried again where the others go on."""
        for step in plan.changes:
            record = snapshot.record(step.instance_id)
            if record.mine and record.was_refused(step, snapshot.started_at):
                refused = Outcome(step, Meaning.REFUSED, record.mine.latest.error or "")
                self._refusals.setdefault(step.instance_id, refused)


def _may_fail(step: Step, snapshot: Snapshot) -> bool:
    """Whether others may go on although this step has failed.

    What has to leave may not stay: its profile may be deleted next. So it is with a target that still carries a former
    profile of the association.
    """
    was_ours = step.before in snapshot.record(step.instance_id).ours and step.before != step.after
    return not step.undo and not was_ours
