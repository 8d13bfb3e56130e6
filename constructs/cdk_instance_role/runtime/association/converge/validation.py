"""Validates an event in the first phase, before anything is changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from ..aws.observe import Observer
from ..aws.rate_limiter import RateLimiter
from ..decide import checks
from ..decide.plan import OperationContext
from ..decide.record import Records, held
from ..decide.step import Step, calls_of, once_settled
from ..decide.waves import changes_of_targets
from ..operation import Operation
from ..report import messages
from ..request.event import Request
from ..services import Services
from .preview import preview
from .wave_progress import rollout_problems


@dataclass(frozen=True, slots=True)
class Validation:
    """The problems of an event, and the calls that it needs."""

    problems: Sequence[str] = ()
    retryable: bool = False
    """IAM may not show yet what has been created a moment ago: look again before believing it."""
    calls: Mapping[str, int] = field(default_factory=dict)
    """Calls that the changes take, by action of EC2: also those that wait for an instance to settle."""
    waiting: float = 0.0
    """Seconds that a rollout waits between the changes."""
    dropped: Sequence[Step] = ()
    """About instances that the association drops, with a warning."""


def validate(request: Request, operation: Operation, services: Services) -> Validation:
    """Look at everything that an event is about, and return its problems. Writes nothing."""
    desired, key = request.desired, request.association
    records = services.ledger.records(key)
    if desired is None:  # nothing can refuse a Delete
        return Validation(calls=_calls_of_undo(records))
    observer = Observer(services.ec2, services.iam, RateLimiter(clock=services.clock, sleep=services.sleep))
    context = OperationContext(request.known_ids, operation.rolling_back, request.before)
    found = preview(
        desired,
        records,
        observer,
        context,
        now=services.clock(),
        started_at=operation.started_at,
        request=request.id,
        look_up=partial(services.ledger.records_of, key),
    )
    problems, waiting = list[str](), 0.0
    settled = once_settled(found.plan, found.snapshot.stopped)
    if not operation.rolling_back:  # nothing blocks a rollback: the second phase does all that can be done
        total = len(changes_of_targets(found.plan))
        targets = map(messages.problem, found.plan.problems)
        problems = [*found.problems, *targets, *rollout_problems(request, total, settled, services.alarms)]
        waiting = request.rollout.bake_seconds(total) + request.rollout.confirmation_seconds(total)
    return Validation(
        problems,
        checks.retryable(desired, found.snapshot),
        calls_of(settled.changes),
        waiting,
        [step for step in found.plan.forgotten if step.warning],
    )


def _calls_of_undo(records: Records) -> Mapping[str, int]:
    """The calls that it takes to restore all that is held, as far as the ledger tells."""
    restored = [record.candidates[0] for record in held(records).values()]
    return {
        "DisassociateIamInstanceProfile": restored.count(None),
        "ReplaceIamInstanceProfileAssociation": len(restored) - restored.count(None),
    }
