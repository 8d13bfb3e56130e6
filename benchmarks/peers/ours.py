"""The handler of this project, as CloudFormation and the provider framework call it."""

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any
from unittest.mock import patch

from benchmarks.cloud import OLD, TAGS, WANTED, Job, Outcome, outcome, populate
from benchmarks.memory_aids import remembering
from benchmarks.turns import taking_turns
from cdk_instance_role.runtime.association.observe import Observer
from tests.simulator.driver import Resource, World

NAME = "cdk-instance-role"
TIMEOUT = 3600


def run(job: Job, count: int, seed: int) -> Outcome:
    """Create the resource, with its instances selected by tags."""
    world = World()
    populate(world.aws, job, count, seed)
    tags = {key: [value] for key, value in TAGS.items()}
    arns = {profile.name: profile.arn for profile in world.fleet.profiles.values()}
    properties = world.properties(tags=tags, profile=arns[WANTED], replaces=[arns[OLD]], timeout=TIMEOUT)
    silence = redirect_stdout(io.StringIO())  # its metrics
    with silence, remembering(), taking_turns(world.clock), _counted_observations() as observations:
        result = Resource(world).create(properties)
    failure = "" if result.ok else result.reason
    return outcome(world.aws, NAME, job, count, seed, failure=failure, observations=len(observations))


@contextmanager
def _counted_observations() -> Iterator[list[None]]:
    observations: list[None] = []
    observe = Observer.instances

    def counted(self: Observer, *arguments: Any) -> Any:
        observations.append(None)
        return observe(self, *arguments)

    with patch.object(Observer, "instances", counted):
        yield observations
