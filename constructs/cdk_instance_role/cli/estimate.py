"""How much a deployment has to do, and how long that takes at least."""

from collections import Counter
from collections.abc import Iterable

from ..runtime.association.apply import first_call
from ..runtime.association.pacing import LIMITS
from ..runtime.association.step import Action, Step
from .model import Estimate


def estimate(steps: Iterable[Step]) -> Estimate:
    """The calls that these steps take, and the least time in which EC2's documented throttling lets them through.

    Each kind of call has limits of its own: https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
    """
    calls: Counter[str] = Counter()
    for step in steps:
        calls[first_call(step)] += 1
        if step.action is Action.SWAP:
            calls["AssociateIamInstanceProfile"] += 1
    waits = [max(0.0, count - LIMITS[call].capacity) / LIMITS[call].refill for call, count in calls.items()]
    return Estimate(calls.total(), max(waits, default=0.0))
