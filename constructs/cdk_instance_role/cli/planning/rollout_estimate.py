"""How much a deployment has to do, how long that takes at least, and whether there is time for it."""

from collections.abc import Collection, Iterable
from itertools import pairwise

from ...runtime.association.aws.rate_limiter import least_seconds
from ...runtime.association.decide.step import Plan, Step, calls_of, once_settled
from ...runtime.association.decide.waves import changes_of_targets
from ...runtime.association.request.rollout import time_problem
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


def estimate(steps: Iterable[Step], baking: float = 0.0) -> Estimate:
    """The calls that these steps take, and the least time in which EC2's documented throttling lets them through.

    Each kind of call has limits of its own: https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html

    Args:
        steps: what is to be done.
        baking: seconds that all waves bake. Default: none does.
    """
    calls = calls_of(steps)
    return Estimate(calls.total(), least_seconds(calls), baking)
