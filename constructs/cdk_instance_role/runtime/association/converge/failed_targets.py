"""The instances of an operation that have failed, and whether it goes on without them."""

from collections.abc import Iterable

from ..decide.model import Snapshot
from ..decide.outcome import ErrorKind, Outcome
from ..decide.record import Records
from ..decide.step import Action, Plan, Step
from ..decide.undo import plan_swap_revert
from ..report import messages


class FailedTargets:
    """What EC2 has refused for good, and what else has failed."""

    def __init__(self) -> None:
        self._refusals: dict[str, Outcome] = {}
        self.sentences: dict[str, str] = {}
        """What has failed when that was judged last, by instance id."""

    def record(self, outcomes: Iterable[Outcome], records: Records) -> bool:
        """Remember what EC2 has refused for good.

        Args:
            outcomes: what came of steps.
            records: what the ledger says of these instances since.

        Returns:
            Whether it has refused one of these.
        """
        final = {one.step.instance_id: one for one in outcomes if not one.accepted and _is_final(one, records)}
        self._refusals |= final
        return bool(final)

    def load(self, plan: Plan, snapshot: Snapshot) -> None:
        """Remember what EC2 has refused for good in an earlier invocation, so that it is not tried again.

        What has to be restored is.
        """
        for step in plan.changes:
            record = snapshot.record(step.instance_id)
            if record.mine and not step.undo and snapshot.was_refused(step):
                reverted = step.action is Action.SWAP and record.detached is None
                refused = Outcome(step, ErrorKind.REFUSED, record.mine.latest.error or "", reverted=reverted)
                self._refusals.setdefault(step.instance_id, refused)

    def reset(self) -> None:
        """Begin anew: something else is to be done from now on."""
        self._refusals.clear()

    def retryable(self, plan: Plan) -> list[Step]:
        """The changes that EC2 has not refused for good."""
        return [step for step in plan.changes if not self._is_refused(step)]

    @property
    def refusals(self) -> list[str]:
        """What EC2 has refused for good, in sentences."""
        return [messages.refused(outcome) for outcome in self._refusals.values()]

    def swap_reverts(self, snapshot: Snapshot) -> list[Step]:
        """The steps that restore profiles on instances that are left without one, because the second half of a swap was
        refused for good, unless that is refused, too."""
        steps = (plan_swap_revert(id_, snapshot) for id_ in self._refusals)
        return [step for step in steps if step and not self._is_refused(step)]

    def evaluate(self, plan: Plan, snapshot: Snapshot, *, tolerated: int, excused: Iterable[str]) -> list[str]:
        """What ends the operation, in sentences; nothing if it goes on without what has failed.

        Args:
            plan: what is to be done.
            snapshot: what it was made from.
            tolerated: how many targets may fail.
            excused: instances whose failing does not count.
        """
        failed = {step.instance_id: (step, messages.problem(step)) for step in plan.problems}
        kept = {step.instance_id for step in plan.kept}  # these are right by now, or stay as they are
        refusals = {id_: outcome for id_, outcome in self._refusals.items() if id_ not in kept}
        failed |= {id_: (outcome.step, messages.refused(outcome)) for id_, outcome in refusals.items()}
        self.sentences = {id_: sentence for id_, (_, sentence) in failed.items()}
        if len(failed.keys() - set(excused)) > tolerated:
            return [*self.sentences.values()]
        return [sentence for step, sentence in failed.values() if not _may_stay(step, snapshot)]

    def _is_refused(self, step: Step) -> bool:
        """Whether EC2 has refused to give the instance what the step would, in whatever way."""
        known = self._refusals.get(step.instance_id)
        return known is not None and (known.step.after, known.step.undo) == (step.after, step.undo)


def _is_final(outcome: Outcome, records: Records) -> bool:
    record = records.get(outcome.step.instance_id)
    return record is not None and record.mine is not None and record.mine.latest.final


def _may_stay(step: Step, snapshot: Snapshot) -> bool:
    """Whether an instance may stay as it is although this step has failed.

    What has to leave may not stay, because its profile may be deleted next. So it is with a target that still carries a
    former profile of the association, or that of another one, and with one that EC2 does not confirm: what it carried
    before is gone by then.
    """
    record = snapshot.record(step.instance_id)
    return not (step.undo or step.before in record.ours or record.is_kept_by_others(step.before))
