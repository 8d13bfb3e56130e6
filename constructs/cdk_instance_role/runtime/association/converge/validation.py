"""The first phase: what stands in the way of an event, before anything is changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from ..aws.observe import Observer
from ..aws.rate_limiter import Pace, least_seconds
from ..decide import checks
from ..decide.plan import Plan, Situation
from ..decide.record import Records, held
from ..decide.step import calls_of
from ..decide.waves import changes_of_targets
from ..ledger.operations import Operation
from ..report import log, messages
from ..request.event import Request
from ..request.rollout import time_problem
from ..services import Services
from .preview import outlook


@dataclass(frozen=True, slots=True)
class Survey:
    """What stands in the way of an event."""

    problems: Sequence[str] = ()
    may_pass: bool = False
    """IAM may not show yet what has been created a moment ago: look again before believing it."""
    calls: Mapping[str, int] = field(default_factory=dict)
    """Calls that the changes take, by action of EC2."""
    waiting: float = 0.0
    """Seconds that a rollout waits between the changes."""


def survey(request: Request, operation: Operation, services: Services) -> Survey:
    """Look at everything that an event is about, change nothing, and say what stands in its way."""
    desired, key = request.desired, request.association
    records = services.ledger.records(key)
    if desired is None:  # nothing stands in the way of a Delete
        return Survey(calls=_calls_of_undo(records))
    observer = Observer(services.ec2, services.iam, Pace(clock=services.clock, sleep=services.sleep))
    situation = Situation(request.known_ids, operation.rolling_back, request.before)
    found = outlook(
        desired,
        records,
        observer,
        situation,
        now=services.clock(),
        started_at=operation.started_at,
        look_up=partial(services.ledger.records_of, key),
    )
    log.write_steps(request, [step for step in found.plan.forgotten if step.warning])
    problems, waiting = [*found.problems, *(messages.problem(step) for step in found.plan.problems)], 0.0
    if not operation.rolling_back:
        problems += _rollout_problems(request, found.plan, services)
        total = len(changes_of_targets(found.plan))
        waiting = request.rollout.baking(total) + request.rollout.confirming(total)
    return Survey(problems, checks.may_pass(desired, found.snapshot), calls_of(found.plan.changes), waiting)


def _calls_of_undo(records: Records) -> Mapping[str, int]:
    """The calls that it takes to restore all that is held, as far as the ledger tells."""
    given_back = [record.beneath[0] for record in held(records).values()]
    return {
        "DisassociateIamInstanceProfile": given_back.count(None),
        "ReplaceIamInstanceProfileAssociation": len(given_back) - given_back.count(None),
    }


def _rollout_problems(request: Request, plan: Plan, services: Services) -> list[str]:
    """Why the changes should not even be begun with."""
    total, least = len(changes_of_targets(plan)), least_seconds(calls_of(plan.changes))
    late = time_problem(request.rollout, total, least, request.timeout)
    alarms = request.rollout.alarms if total else ()
    return [*([late] if late else []), *services.alarms.problems(alarms)]
