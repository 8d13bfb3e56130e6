"""The first phase: what stands in the way of an event, before anything is changed."""

from collections.abc import Sequence
from dataclasses import dataclass

from . import preflight, report
from .apply import calls_of
from .observe import Observer
from .operation import Operation
from .outlook import outlook
from .pacing import Pace, least_seconds
from .plan import Plan, Situation
from .request import Request
from .rollout import time_problem
from .services import Services
from .turns import changes_of_targets


@dataclass(frozen=True, slots=True)
class Survey:
    """What stands in the way of an event."""

    problems: Sequence[str] = ()
    may_pass: bool = False
    """IAM may not show yet what has been created a moment ago: look again before believing it."""


def survey(request: Request, operation: Operation, services: Services) -> Survey:
    """Look at everything that an event is about, change nothing, and say what stands in its way."""
    desired = request.desired
    if desired is None:  # nothing stands in the way of a Delete
        return Survey()
    records = services.ledger.records(request.association)
    observer = Observer(services.ec2, services.iam, Pace(clock=services.clock, sleep=services.sleep))
    situation = Situation(request.known_ids, operation.reversing, operation.reverses_since)
    found = outlook(desired, records, observer, situation, now=services.clock(), started_at=operation.started_at)
    report.log_steps(request, [step for step in found.plan.forgotten if step.warning])
    problems = [*found.problems, *(report.problem(step) for step in found.plan.problems)]
    if not operation.reversing:
        problems += _rollout_problems(request, found.plan, services)
    return Survey(problems, preflight.may_pass(desired, found.snapshot))


def _rollout_problems(request: Request, plan: Plan, services: Services) -> list[str]:
    """Why the changes should not even be begun with."""
    total, least = len(changes_of_targets(plan)), least_seconds(calls_of(plan.changes))
    late = time_problem(request.rollout, total, least, request.timeout)
    alarms = request.rollout.alarms if total else ()
    return [*([late] if late else []), *services.alarms.problems(alarms)]
