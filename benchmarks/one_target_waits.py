"""How long one target is waited for, and what is called for it: on the simulator of EC2, in its virtual time.

There nothing takes time but EC2's confirmation and the handler's own pauses.
"""

import itertools
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO

from tests.simulator.driver import Resource, World
from tests.simulator.ec2 import DESCRIBE_ASSOCIATIONS, MUTATING
from tests.simulator.fleet import as_seen_on_aws

SEED = 1


@dataclass(frozen=True, slots=True)
class Wait:
    """A Create for one target."""

    imposed: float
    """Seconds that EC2 took to confirm the association."""
    taken: float
    """Seconds from the event to the response."""
    pauses: Sequence[float]
    """Seconds between two looks at the target, from the one that planned its change on."""


@dataclass(frozen=True, slots=True)
class Calls:
    """What each phase has called, by action."""

    on_event: Mapping[str, int]
    is_complete: Mapping[str, int]

    @property
    def changes(self) -> int:
        """Calls that change something in EC2."""
        return sum(phase.get(action, 0) for phase in (self.on_event, self.is_complete) for action in MUTATING)


def wait(imposed: float) -> Wait:
    """Create an association with one target that has no profile, where EC2 takes so long to confirm it."""
    world = World()
    world.fleet.association_seconds = imposed
    with redirect_stdout(StringIO()):  # its metrics
        result = Resource(world).create(world.properties([world.instance()]))
    if not result.ok:
        raise RuntimeError(result.reason)
    looks = [call.at for call in world.traffic.calls if call.action == DESCRIBE_ASSOCIATIONS][1:]
    pauses = [after - before for before, after in itertools.pairwise(looks)]
    return Wait(imposed, result.seconds, [pause for pause in pauses if pause > 0])


def drawn(count: int) -> list[Wait]:
    """So many of them, where what EC2 takes is drawn between the bounds that were seen on AWS."""
    draw = as_seen_on_aws(SEED)
    return [wait(draw()) for _ in range(count)]


def calls() -> Calls:
    """What is called for one target that EC2 confirms at once."""
    world = World()
    world.fleet.association_seconds = 0.0
    resource = Resource(world)
    with redirect_stdout(StringIO()):
        event = resource.begin(resource.event("Create", world.properties([world.instance()])))
        first = dict(world.traffic.counts)
        resource.finish(event)
    second = {action: count - first.get(action, 0) for action, count in world.traffic.counts.items()}
    return Calls(first, {action: count for action, count in second.items() if count})
