"""A simulated account with N instances, the least time that EC2 allows for changing them all, and the outcome."""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import zip_longest

from benchmarks.tokens import Use, uses
from tests.simulator.buckets import LIMITS
from tests.simulator.clock import START
from tests.simulator.ec2 import (
    ASSOCIATE,
    DESCRIBE_ASSOCIATIONS,
    DESCRIBE_INSTANCES,
    DISASSOCIATE,
    MUTATING,
    REPLACE,
)
from tests.simulator.errors import throttled
from tests.simulator.fleet import FIRST_ROLE_SECONDS, Fleet, Row, as_seen_on_aws
from tests.simulator.simulator import Simulator

WANTED, OLD = "Web", "Old"
TAGS: Mapping[str, str] = {"app": "web"}
DESCRIBING = (DESCRIBE_ASSOCIATIONS, DESCRIBE_INSTANCES)

CHANGE_SECONDS = (0.3, 0.7)
LATENCIES: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(MUTATING, CHANGE_SECONDS),
    **dict.fromkeys(DESCRIBING, (0.15, 0.3)),
    "GetInstanceProfile": (0.05, 0.15),
    **dict.fromkeys(
        ("BatchGetItem", "DeleteItem", "GetItem", "Query", "TransactWriteItems", "UpdateItem"), (0.005, 0.015)
    ),
}
"""Seconds from a call to its answer, the shortest and the longest."""
OTHER_SECONDS = (0.1, 0.2)


class Job(Enum):
    """What has to be done with the instances."""

    ASSOCIATE = "associate"
    REPLACE = "replace"
    HALF_STOPPED = "replace, half of them stopped"
    NOTHING = "nothing: all are right already"

    @property
    def carried(self) -> str | None:
        """The profile that the instances carry before."""
        return {Job.ASSOCIATE: None, Job.NOTHING: WANTED}.get(self, OLD)

    def state(self, number: int) -> str:
        """The state of one of the instances."""
        return "stopped" if self is Job.HALF_STOPPED and number % 2 else "running"

    def changes(self, count: int) -> Iterator[Sequence[str]]:
        """The calls that EC2 asks for, instance by instance."""
        for number in range(count):
            match self:
                case Job.NOTHING:
                    yield ()
                case Job.ASSOCIATE:
                    yield (ASSOCIATE,)
                case _:
                    yield (REPLACE,) if self.state(number) == "running" else (DISASSOCIATE, ASSOCIATE)


def populate(simulator: Simulator, job: Job, count: int, seed: int) -> list[str]:
    """Put the instances into an account, with realistic latencies. Returns their ids."""
    fleet = simulator.fleet
    known = {profile.name: profile.arn for profile in fleet.profiles.values()}
    profiles = {name: known.get(name) or fleet.add_profile(name) for name in (WANTED, OLD)}
    carries = profiles[job.carried] if job.carried else None
    ids = [fleet.add_instance(carries, state=job.state(number), tags=TAGS) for number in range(count)]
    fleet.association_seconds = as_seen_on_aws(seed)
    simulator.traffic.latency = latency(seed)
    return ids


def latency(seed: int) -> Callable[[str], float]:
    """The latency of calls, drawn for each call."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    return lambda action: dice.uniform(*LATENCIES.get(action, OTHER_SECONDS))


def bucket_seconds(job: Job, count: int) -> float:
    """The least time until the last change can be called for, if all buckets are full at first."""
    return max(_earliest(job, count), default=0.0)


def least_seconds(job: Job, count: int, seed: int) -> float:
    """The least time until EC2 has confirmed the last change: every call goes out as soon as the buckets allow, takes
    as little time as it can, and EC2 takes as long for each confirmation as it does in the run with the same seed."""
    confirmed = as_seen_on_aws(seed)
    accepted = CHANGE_SECONDS[0] / 2
    return max((at + accepted + confirmed() for at in sorted(_earliest(job, count))), default=0.0)


def _earliest(job: Job, count: int) -> list[float]:
    """When the last call for each instance can go out at the earliest."""
    made: Counter[str] = Counter()
    found = []
    for calls in job.changes(count):
        for call in calls:
            made[call] += 1
        if calls:
            found.append(max(max(0.0, made[call] - LIMITS[call][0]) / LIMITS[call][1] for call in calls))
    return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome for the instances in one run of one tool."""

    tool: str
    job: str
    count: int
    seed: int
    seconds: float
    """Until it has ended, or EC2 has confirmed the last change, whichever is later."""
    changed_seconds: float
    """Until EC2 has accepted the last change."""
    least_seconds: float
    bucket_seconds: float
    carrying: int
    """Instances that carry the wanted profile in the end."""
    bare: int
    """Those that had a profile, and have none in the end."""
    changes: int
    describes: int
    throttled: int
    calls: int
    seconds_without_role: float
    """Summed over the running instances that had one."""
    first_seconds: float = 0.0
    """Until the first change was called for."""
    confirmed_seconds: float = 0.0
    """Until EC2 has confirmed the last change."""
    failure: str = ""
    observations: int = 0
    """How often everything was looked at."""
    uses: Sequence[Use] = ()
    """How the tokens were used."""

    @property
    def complete(self) -> bool:
        return self.carrying == self.count


def outcome(
    simulator: Simulator, tool: str, job: Job, count: int, seed: int, *, failure: str = "", observations: int = 0
) -> Outcome:
    """The outcome for the instances, once a tool has ended.

    Args:
        simulator: the account.
        tool: name of the tool.
        job: what it had to do.
        count: with how many instances.
        seed: which run it was.
        failure: what it has said, if it has failed.
        observations: how often it has looked at everything, as far as that is known. Only then the tokens are of use.
    """
    fleet, traffic, now = simulator.fleet, simulator.traffic, simulator.clock()
    fresh = [row for rows in fleet.rows.values() for row in rows if row.since >= START]
    confirmed = max((row.since + row.takes for row in fresh if row.ended_at is None), default=START)
    error = throttled().code
    return Outcome(
        tool=tool,
        job=job.value,
        count=count,
        seed=seed,
        seconds=max(now, confirmed) - START,
        changed_seconds=max((row.since for row in fresh), default=START) - START,
        least_seconds=least_seconds(job, count, seed),
        bucket_seconds=bucket_seconds(job, count),
        carrying=sum(fleet.carried(id_) == WANTED for id_ in fleet.instances),
        bare=sum(job.carried is not None and fleet.active(id_) is None for id_ in fleet.instances),
        changes=traffic.count(*MUTATING),
        describes=traffic.count(*DESCRIBING),
        throttled=sum(call.error == error for call in traffic.calls),
        calls=len(traffic.calls),
        seconds_without_role=sum(_gaps(fleet, id_, now) for id_ in fleet.instances) if job.carried else 0.0,
        first_seconds=min((call.at for call in traffic.calls if call.action in MUTATING), default=START) - START,
        confirmed_seconds=confirmed - START,
        failure=failure,
        observations=observations,
        uses=uses(traffic.calls) if observations else (),
    )


def _gaps(fleet: Fleet, instance_id: str, now: float) -> float:
    """How long a running instance that had credentials could get none."""
    if fleet.state(instance_id) != "running":
        return 0.0
    rows = fleet.rows.get(instance_id, [])
    return sum(_gap(row, after, now) for row, after in zip_longest(rows, rows[1:]) if row.ended_at)


def _gap(row: Row, after: Row | None, now: float) -> float:
    assert row.ended_at is not None
    if after is None:
        return now - row.ended_at
    return 0.0 if after.replaced else after.since + FIRST_ROLE_SECONDS - row.ended_at
