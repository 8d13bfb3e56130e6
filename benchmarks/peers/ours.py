"""The handler of this project, as CloudFormation and the provider framework call it."""

import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.cloud import OLD, TAGS, WANTED, Job, Outcome, outcome, populate
from benchmarks.handler_fresh import fresh
from benchmarks.memory_aids import remembering
from benchmarks.model import Samples
from benchmarks.turns import taking_turns
from cdk_instance_role.runtime.association.aws.instances import with_associations
from cdk_instance_role.runtime.association.aws.observe import Observer
from cdk_instance_role.runtime.association.converge import confirmation
from cdk_instance_role.runtime.association.decide.model import Instance, ObservedInstances
from tests.simulator.clock import VirtualClock
from tests.simulator.driver import Resource, World
from tests.simulator.simulator import Simulator

NAME = "cdk-instance-role"
TIMEOUT = 3600


def processor_time(count: int, runs: int) -> Samples:
    """Processor time that a look at so many targets takes, ledger and plan included, for each of them."""
    with tempfile.TemporaryDirectory(prefix="benchmark.") as folder:
        looks = [fresh(["-m", "benchmarks.handler_look", str(count)], Path(folder)) for _ in range(runs)]
    return Samples(tuple(look["look"] / count for look in looks))


def run(
    job: Job,
    count: int,
    seed: int,
    *,
    processor_seconds: float = 0.0,
    prepare: Callable[[Simulator], None] = lambda _: None,
) -> Outcome:
    """Create the resource, with its instances selected by tags.

    Args:
        job: what has to be done.
        count: with how many instances.
        seed: which run it is.
        processor_seconds: what the processor takes for each instance whenever all are looked at, as if none of that
            were done while AWS's answers are waited for. Default: it takes no time.
        prepare: changes the account before. Default: nothing.
    """
    world = World()
    populate(world.aws, job, count, seed)
    prepare(world.aws)
    tags = {key: [value] for key, value in TAGS.items()}
    arns = {profile.name: profile.arn for profile in world.fleet.profiles.values()}
    properties = world.properties(tags=tags, profile=arns[WANTED], replaces=[arns[OLD]], timeout=TIMEOUT)
    silence = redirect_stdout(io.StringIO())  # its metrics
    looking = _looking(world.clock, processor_seconds)
    with silence, remembering(), taking_turns(world.clock), looking as observations:
        result = Resource(world).create(properties)
    failure = "" if result.ok else result.reason
    return outcome(world.aws, NAME, job, count, seed, failure=failure, observations=len(observations))


@contextmanager
def _looking(clock: VirtualClock, processor_seconds: float) -> Iterator[list[int]]:
    """Let every look at instances take the time of the processor, too. Yields how many each was about."""
    observations: list[int] = []
    observe, confirm = Observer.with_associations, with_associations

    def look(self: Observer, found: ObservedInstances) -> ObservedInstances:
        seen = observe(self, found)
        note(len(seen.instances))
        return seen

    def look_for_confirmation(*arguments: Any) -> dict[str, Instance]:
        seen = confirm(*arguments)
        note(len(seen))
        return seen

    def note(count: int) -> None:
        observations.append(count)
        clock.sleep(processor_seconds * count)

    with (
        patch.object(Observer, "with_associations", look),
        patch.object(confirmation, "with_associations", look_for_confirmation),
    ):
        yield observations
