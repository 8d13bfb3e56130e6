"""How much a deployment has to do, and how long that takes at least."""

from collections.abc import Iterable

from ..runtime.association.apply import calls_of
from ..runtime.association.pacing import least_seconds
from ..runtime.association.step import Step
from .model import Estimate


def estimate(steps: Iterable[Step]) -> Estimate:
    """The calls that these steps take, and the least time in which EC2's documented throttling lets them through.

    Each kind of call has limits of its own: https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
    """
    calls = calls_of(steps)
    return Estimate(calls.total(), least_seconds(calls))
