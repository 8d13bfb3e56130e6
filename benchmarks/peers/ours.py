"""The handler of this project, as CloudFormation and the provider framework call it."""

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.cloud import OLD, TAGS, WANTED, Job, Outcome, outcome, populate
from benchmarks.handler_fresh import fresh
from benchmarks.memory_aids import remembering
from benchmarks.model import Samples
from benchmarks.turns import taking_turns
from cdk_instance_role.runtime.association.observe import Observer
from tests.simulator.clock import VirtualClock
from tests.simulator.driver import Resource, World

NAME = "cdk-instance-role"
TIMEOUT = 3600


def processor_time(count: int, runs: int) -> Samples:
    """Processor time that a look at so many targets takes, ledger and plan included, for each of them."""
    with tempfile.TemporaryDirectory(prefix="benchmark.") as folder:
        looks = [fresh(["-m", "benchmarks.handler_look", str(count)], Path(folder)) for _ in range(runs)]
    return Samples(tuple(look["look"] / count for look in looks))


def run(job: Job, count: int, seed: int, *, processor_seconds: float = 0.0) -> Outcome:
    """Create the resource, with its instances selected by tags.

    Args:
        job: what has to be done.
        count: with how many instances.
        seed: which run it is.
        processor_seconds: what the processor takes for each instance whenever all are looked at, as if none of that
            were done while AWS's answers are waited for. Default: it takes no time.
    """
    world = World()
    populate(world.aws, job, count, seed)
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
    """Let every look at the instances take the time of the processor, too. Yields how many each has found."""
    observations: list[int] = []
    observe = Observer.instances

    def look(self: Observer, *arguments: Any) -> Any:
        found = observe(self, *arguments)
        observations.append(len(found.instances))
        clock.sleep(processor_seconds * len(found.instances))
        return found

    with patch.object(Observer, "instances", look):
        yield observations
