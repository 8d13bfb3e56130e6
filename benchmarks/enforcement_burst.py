"""A burst of launches on virtual time: this project's function behind its queue, and two other ways to do it."""

import io
import itertools
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from benchmarks.cloud import TAGS, latency
from benchmarks.turns import Turns, taking_turns
from cdk_instance_role.runtime.association import handler
from cdk_instance_role.runtime.association.enforce.look import Look
from tests.simulator.buckets import LIMITS
from tests.simulator.driver import Resource, World
from tests.simulator.ec2 import ASSOCIATE, MUTATING
from tests.simulator.enforcement import BATCH_SIZE, REPAIR, Enforcement, record_of
from tests.simulator.event_bus import Ec2Events
from tests.simulator.faults import Call

POLLERS = 5
PEERS_CONCURRENCY = 200
"""Invocations at once of the peer; more would only be throttled more."""
TRIES = 8
SLICE_SECONDS = 20.0
HALF_AN_INTERVAL = 450.0
FEW = 5
"""The periodic pass makes so many changes at once, as few as a script does."""
SEED = 1
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Burst:
    """The outcome for instances that were launched at once."""

    tool: str
    count: int
    events: int
    """Events that EC2 sent for each."""
    last_change: float
    """Seconds until EC2 accepted the last change."""
    bucket_seconds: float
    """The least that the bucket allows."""
    invocations: int
    changing: int
    """Invocations that called for a change."""
    throttled: int
    missing: int
    """Instances that are without the role in the end."""
    looks_per_slice: int = 0

    @property
    def ratio(self) -> float:
        """The time, compared with the time that the bucket needs; small bursts have a second for the first change."""
        return self.last_change / max(self.bucket_seconds, 1.0)


class _Fleet:
    """Ten targets of a deployed association, and a burst of launches."""

    def __init__(self, count: int) -> None:
        self.world, self.count = World(), count
        self.world.instances(10, tags=TAGS)
        tags = {key: [value] for key, value in TAGS.items()}
        assert Resource(self.world).create(self.world.properties(tags=tags, enforcement=REPAIR)).ok
        self.world.clock.sleep(900)
        self.world.aws.traffic.latency = latency(SEED)
        self.began = self.world.clock()
        self.world.traffic.calls.clear()

    def launch(self) -> list[str]:
        return [self.world.fleet.launch(tags=TAGS) for _ in range(self.count)]

    def burst(
        self, tool: str, events: int, launched: list[str], invocations: int, changing: int, looks: int = 0
    ) -> Burst:
        calls = [call for call in self.world.traffic.calls if call.action in MUTATING]
        capacity, refill = LIMITS[ASSOCIATE]
        rows = (self.world.fleet.active(id_) for id_ in launched)
        accepted = [row.since - self.began for row in rows if row]
        return Burst(
            tool=tool,
            count=self.count,
            events=events,
            last_change=max(accepted, default=0.0),
            bucket_seconds=max(0.0, (self.count - capacity) / refill),
            invocations=invocations,
            changing=changing,
            throttled=sum(_is_throttled(call) for call in calls),
            missing=self.world.carried(*launched).count(None),
            looks_per_slice=looks,
        )


def ours(count: int, events: int) -> Burst:
    """The function of this project, behind its queue."""
    fleet = _Fleet(count)
    enforcement = Enforcement(fleet.world)
    sent = Ec2Events(fleet.world.fleet, enforcement.queue)
    fleet.world.fleet.on_event = sent.happen if events == 2 else _only_states(sent.happen)
    launched = fleet.launch()
    invocations: list[str] = []
    looks: list[float] = []
    changing: list[object] = []
    look = Look.run

    def noted(self: Look) -> float | None:
        looks.append(fleet.world.clock())
        before = fleet.world.traffic.count(*MUTATING)
        seconds = look(self)
        if fleet.world.traffic.count(*MUTATING) > before and self.lease not in changing:
            changing.append(self.lease)
        return seconds

    def poll() -> None:
        while enforcement.queue.messages:
            messages = enforcement.queue.receive(BATCH_SIZE)
            if not messages:
                at = enforcement.queue.next_at
                fleet.world.clock.sleep(max(0.05, (at or 0.0) - fleet.world.clock.true_time()) if at else 0.05)
                continue
            records = {"Records": [record_of(message) for message in messages]}
            owner = f"poller-{next(_numbers)}"
            again = {one["itemIdentifier"] for one in _invoke(records, fleet.world, owner)["batchItemFailures"]}
            for message in messages:
                if message.id not in again:
                    enforcement.queue.delete(message)
            invocations.append(owner)

    Look.run = noted  # type: ignore[method-assign]
    try:
        with redirect_stdout(io.StringIO()), taking_turns(fleet.world.clock) as turns:
            _side_by_side(turns, [poll] * POLLERS)
    finally:
        Look.run = look  # type: ignore[method-assign]
    return fleet.burst("cdk-instance-role", events, launched, len(invocations), len(changing), _most_per_slice(looks))


def one_invocation_each(count: int, events: int) -> Burst:
    """One invocation for each event, which looks at its instance and associates."""
    fleet = _Fleet(count)
    launched = fleet.launch()
    ec2 = fleet.world.clients.ec2_changes

    def handle(instance_id: str) -> None:
        for number in range(TRIES):
            try:
                ec2.describe_instances(InstanceIds=[instance_id])
                ec2.associate_iam_instance_profile(InstanceId=instance_id, IamInstanceProfile={"Arn": fleet.world.web})
            except ClientError:
                fleet.world.clock.sleep(min(60.0, 2.0**number))
            else:
                return

    with taking_turns(fleet.world.clock) as turns:
        _side_by_side(turns, [lambda id_=id_: handle(id_) for id_ in launched], PEERS_CONCURRENCY)  # type: ignore[misc]
    return fleet.burst("one invocation per instance", events, launched, count, count)


def periodic_pass(count: int, events: int) -> Burst:
    """A pass over all instances every 15 minutes, a few changes at a time."""
    fleet = _Fleet(count)
    launched = fleet.launch()
    ec2 = fleet.world.clients.ec2_changes

    def change(instance_id: str) -> None:
        while True:
            try:
                ec2.associate_iam_instance_profile(InstanceId=instance_id, IamInstanceProfile={"Arn": fleet.world.web})
            except ClientError:
                fleet.world.clock.sleep(1.0)
            else:
                return

    with taking_turns(fleet.world.clock) as turns:
        fleet.world.clock.sleep(HALF_AN_INTERVAL)
        _side_by_side(turns, [lambda id_=id_: change(id_) for id_ in launched], FEW)  # type: ignore[misc]
    return fleet.burst("a pass every 15 minutes", events, launched, 1, 1)


def _invoke(records: dict[str, Any], world: World, owner: str) -> dict[str, Any]:
    return handler.on_queue(records, world.services, owner=owner)


def _side_by_side(turns: Turns, jobs: list[Callable[[], None]], workers: int = POLLERS) -> None:
    pool = turns.executor(workers, "burst")
    for future in [pool.submit(job) for job in jobs]:
        future.result()


def _only_states(happen: Callable[[str, str], None]) -> Callable[[str, str], None]:
    return lambda kind, instance_id: happen(kind, instance_id) if kind == "state" else None


def _most_per_slice(looks: list[float]) -> int:
    return max((sum(at <= other < at + SLICE_SECONDS for other in looks) for at in looks), default=0)


def _is_throttled(call: Call) -> bool:
    return call.error == "RequestLimitExceeded"
