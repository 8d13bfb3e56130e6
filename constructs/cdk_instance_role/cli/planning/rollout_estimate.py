"""How much a deployment has to do, how long that takes at least, and whether there is time for it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from ...runtime.association.aws.rate_limiter import least_seconds
from ...runtime.association.decide.step import Plan, Step, calls_of, once_settled
from ...runtime.association.decide.waves import changes_of_targets
from ...runtime.association.ledger.shared_budget import Entry, budget_shortfall
from ...runtime.association.operation import Operation
from ...runtime.association.request.event import RequestType
from ...runtime.association.request.rollout import Rollout, time_problem
from ..model import Estimate, Event, RolloutView
from .planned_change import Intent


class RolloutEstimate:
    """The course that a deployment takes with an association, as the handler reckons it before it begins."""

    def __init__(self, intent: Intent, plan: Plan, stopped: Collection[str] = ()) -> None:
        """
        Args:
            intent: what CloudFormation will ask the handler for.
            plan: what the handler would do about the instances.
            stopped: ids of the instances that are stopped or stopping. Default: none are.
        """
        self._intent = intent
        planned = Plan(() if intent.event is Event.NONE else plan.steps)
        self._total = len(changes_of_targets(planned))
        self._settled = once_settled(planned, stopped)

    @property
    def estimate(self) -> Estimate:
        """The calls, and the least time for them and for all bakes. What can't be changed yet is changed later, and
        counts too."""
        return estimate(self._settled.changes, self._intent.rollout.bake_seconds(self._total))

    @property
    def rollout(self) -> RolloutView | None:
        """The waves; None if there are none."""
        rollout, total = self._intent.rollout, self._total
        reached = rollout.cumulative_targets(total)
        if not reached:
            return None
        sizes = (after - before for before, after in pairwise((0, *reached)))
        tolerated = min(rollout.tolerance.of(total), total - 1)
        return RolloutView(tuple(sizes), rollout.bake, rollout.alarms, tolerated)

    @property
    def problems(self) -> list[str]:
        """Why the handler would refuse to begin, for want of time. It takes a Delete on in any case."""
        if self._intent.event is Event.DELETE:
            return []
        late = time_problem(self._intent.rollout, self._total, self.estimate.seconds, self._intent.timeout)
        return [late] if late else []

    def entry(self, association: str, rolls_back: bool) -> Entry:
        """What the handler enters into the budget of the provider, as if the operation began at 0.

        Args:
            association: its path.
            rolls_back: it is the rollback of a failed operation.
        """
        type_ = RequestType.CREATE if self._intent.event is Event.CREATE else RequestType.UPDATE
        rollout = Rollout() if rolls_back else self._intent.rollout
        waiting = rollout.bake_seconds(self._total) + rollout.confirmation_seconds(self._total)
        ends_at = Operation(0.0, type=type_, rolling_back=rolls_back).ends_at(self._intent.timeout) - waiting
        return Entry(association, 0.0, ends_at, calls_of(self._settled.changes), may_wait=not rolls_back)


def shared_budget_warning(mine: Entry, others: Sequence[Entry]) -> str:
    """That an association may be refused because EC2's limits do not let its changes and those of others through in
    time; empty if they do.

    Args:
        mine: the entry of the association.
        others: those of associations that have the same provider and begin at the same time.
    """
    if not any(mine.calls.values()):
        return ""
    several = [replace(mine, began_at=1.0), *(one for one in others if any(one.calls.values()))]
    # The budget knows them by their ids. Paths, which people know, may be the same.
    by_id = {str(number): one for number, one in enumerate(several)}
    shortfall = budget_shortfall([replace(one, association=id_) for id_, one in by_id.items()], "0", now=0.0)
    if shortfall is None:
        return ""
    seconds, together = shortfall
    names = ", ".join(by_id[one.association].association for one in together)
    return (
        f"EC2 needs {seconds:.0f} seconds for the changes of this association together with those of {names}, and "
        "CloudFormation has no order for them: the one that begins last may be refused, because that is too long for "
        "the timeout of one of them. Let one depend on the other, or raise the timeout"
    )


def estimate(steps: Iterable[Step], baking: float = 0.0) -> Estimate:
    """The calls that these steps take, and the least time in which EC2's documented throttling lets them through.

    Each kind of call has limits of its own: https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html

    Args:
        steps: what is to be done.
        baking: seconds that all waves bake. Default: none does.
    """
    calls = calls_of(steps)
    return Estimate(calls.total(), least_seconds(calls), baking)
