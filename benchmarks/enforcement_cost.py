"""What enforcement costs in a month, from counted requests. Run as a program, it prints the tables of the guide:

python -m benchmarks.enforcement_cost
"""

import io
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

import click

from benchmarks.cloud import latency
from tests.simulator.documents import Item
from tests.simulator.driver import Resource, World
from tests.simulator.dynamodb import BATCH_GET, GET, QUERY, TABLE, TRANSACT, DynamoDb, Key
from tests.simulator.enforcement import REPAIR, Enforcement
from tests.simulator.errors import AwsError
from tests.simulator.sqs import CHANGE_VISIBILITY

SIZES = (100, 1_000)
DAY, DAYS, HOURS = 86_400.0, 30, 730
SWEEPS = 96
"""In a day: one in 15 minutes."""
STOPS_AND_STARTS, LAUNCHES = 40, 10
"""In a day. Each is two events: of two states, or of a state and of tags."""
PROCESSOR_SECONDS = 0.00103
"""The processor time of a look for each instance, as the convergence benchmark measures it."""
COLD_START_SECONDS = 1.0
"""Imports and clients, as the handler benchmark measures them. Every invocation counts as a cold start."""
MEMORY_GB = 1769 / 1024
LOG_BYTES = 2_000
"""Of an invocation: Lambda's own three lines, and those of the handler."""
POLLS_A_MINUTE = 5 * 3
"""Five pollers of Lambda, each of which waits 20 seconds for an answer."""
ENDPOINTS, ZONES = 2, 2

PRICES: Mapping[str, float] = {
    "invocation": 0.20e-6,
    "gb_second": 0.0000166667,
    "read_unit": 0.141e-6,
    "write_unit": 0.705e-6,
    "queue_request": 0.40e-6,
    "event": 1.00e-6,
    "sweep": 1.00e-6,
    "metric_hour": 0.30 / HOURS,
    "log_byte": 0.57e-9,
    "endpoint_hour": 0.011,
}
"""US dollars in eu-west-1, without free tiers."""


@dataclass(frozen=True)
class Use:
    """What a period has used, or one event on average."""

    invocations: float = 0.0
    seconds: float = 0.0
    read_units: float = 0.0
    write_units: float = 0.0
    queue_requests: float = 0.0
    """Without those that find the queue empty."""
    events: float = 0.0
    """Sent to the bus."""
    metric_hours: float = 0.0

    def less(self, other: "Use") -> "Use":
        return self._with(other, lambda mine, others: mine - others)

    def per(self, number: float) -> "Use":
        return self._with(self, lambda mine, _: mine / number)

    def _with(self, other: "Use", how: Callable[[float, float], float]) -> "Use":
        return Use(**{name: how(value, getattr(other, name)) for name, value in vars(self).items()})


class _Meter:
    """Counts the units that DynamoDB would charge for.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
    """

    def __init__(self, dynamodb: DynamoDb) -> None:
        self.reads = self.writes = 0
        self.asked: Counter[str] = Counter()
        """Queries by partition."""
        self._dynamodb = dynamodb
        self._actions = dynamodb.actions
        dynamodb.actions = {name: self._metered(name) for name in self._actions}

    def _metered(self, action: str) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
        def act(request: Mapping[str, Any]) -> Mapping[str, Any]:
            keys = [*_keys(action, request)]
            before = {key: self._size(key) for key in keys}
            answer: Mapping[str, Any] = {}
            try:
                answer = self._actions[action](request)
            except AwsError:
                self._write(action, before)  # a condition that does not hold is charged, too
                raise
            self._write(action, {key: max(size, self._size(key)) for key, size in before.items()})
            self._read(action, request, answer)
            return answer

        return act

    def _write(self, action: str, sizes: Mapping[Key, int]) -> None:
        self.writes += (2 if action == TRANSACT else 1) * sum(_units(size, 1024) for size in sizes.values())

    def _read(self, action: str, request: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        match action:
            case "GetItem":
                self.reads += _units(_size(answer.get("Item", {})), 4096)
            case "BatchGetItem":
                found = [_units(_size(item), 4096) for item in answer["Responses"][TABLE]]
                self.reads += sum(found) + len(request["RequestItems"][TABLE]["Keys"]) - len(found)
            case "Query":
                self.reads += _units(sum(map(_size, answer["Items"])), 4096)
                self.asked[request["ExpressionAttributeValues"][":kind"]["S"]] += 1

    def _size(self, key: Key) -> int:
        return _size(self._dynamodb.items.get(key, {}))


def _keys(action: str, request: Mapping[str, Any]) -> Iterator[Key]:
    """The items that a call writes."""
    if action == TRANSACT:
        for one in request["TransactItems"]:
            (body,) = one.values()
            found = body.get("Key") or body["Item"]
            yield found["Kind"]["S"], found["Id"]["S"]
    elif action not in (GET, BATCH_GET, QUERY):
        yield request["Key"]["Kind"]["S"], request["Key"]["Id"]["S"]


def _size(item: Item) -> int:
    """Bytes: names and values, about as DynamoDB counts them."""
    return sum(len(name) + _value_size(value) for name, value in item.items())


def _value_size(value: Any) -> int:
    ((kind, inner),) = value.items()
    match kind:
        case "M":
            return 3 + sum(1 + len(name) + _value_size(one) for name, one in inner.items())
        case "L":
            return 3 + sum(1 + _value_size(one) for one in inner)
        case "N":
            return len(inner) // 2 + 2
        case "BOOL" | "NULL":
            return 1
    return len(str(inner).encode())


def _units(size: int, of: int) -> int:
    return max(1, math.ceil(size / of))


class _Metered(Enforcement):
    """Enforcement that notes how long its invocations take."""

    seconds = 0.0
    sweeps = 0

    def sweep(self, **more: Any) -> None:
        self.sweeps += 1
        super().sweep(**more)

    def invoke(self) -> None:
        began, before = self.world.clock.true_time(), self.invocations
        super().invoke()
        if self.invocations > before:
            self.seconds += self.world.clock.true_time() - began


class Day:
    """A day of one association."""

    def __init__(self, count: int) -> None:
        self._world = world = World()
        self._targets = world.instances(count, tags={"app": "web"})
        self._resource = Resource(world)
        properties = world.properties(tags={"app": ["web"]}, enforcement=REPAIR, replaces=[world.old])
        result = self._resource.create(properties)
        assert result.ok, result.reason
        world.aws.traffic.latency = latency(1)
        world.aws.fleet.association_seconds = 5.0
        self._enforcement = _Metered(world)
        self._meter = _Meter(world.aws.dynamodb)
        self._count, self._events = count, 0

    def run(self, *, stops: int = 0, launches: int = 0) -> Use:
        """Let a day pass.

        Args:
            stops: instances that are stopped, and started again.
            launches: instances that are launched with the tags.
        """
        happenings = [*[self._stop] * stops, *[self._launch] * launches]
        self._world.traffic.calls.clear()
        with redirect_stdout(io.StringIO()) as metrics:
            for happen in happenings:
                happen(DAY / len(happenings))
            if not happenings:
                self._enforcement.run(DAY)
        return self._use(metrics.getvalue())

    def _stop(self, seconds: float) -> None:
        target = self._targets[0]
        for state in ("stopped", "running"):
            self._world.fleet.change_state(target, state)
            self._events += 1
            self._enforcement.run(seconds / 2)

    def _launch(self, seconds: float) -> None:
        late = self._world.fleet.launch(tags={"app": "web"})
        self._events += 2
        self._enforcement.run(seconds)
        assert self._world.carried(late) == ["Web"]

    def _use(self, metrics: str) -> Use:
        calls = Counter(call.action for call in self._world.traffic.calls)
        invocations, looks = self._enforcement.invocations, self._meter.asked[self._resource.association]
        pages = math.ceil((self._count + 1) / self._world.aws.dynamodb.page_size)
        looking = looks / pages * self._count * PROCESSOR_SECONDS
        return Use(
            invocations=invocations,
            seconds=self._enforcement.seconds + looking + invocations * COLD_START_SECONDS,
            read_units=self._meter.reads,
            write_units=self._meter.writes,
            # Each message is sent; each invocation receives and deletes, in one request each.
            queue_requests=self._sent + 2 * invocations + calls[CHANGE_VISIBILITY],
            events=len(self._world.aws.event_bus.entries),
            metric_hours=_metric_hours(metrics),
        )

    @property
    def _sent(self) -> int:
        """Messages so far: of sweeps, and of the events that the rule has matched."""
        return self._enforcement.sweeps + self._events


def _metric_hours(metrics: str) -> int:
    found = set()
    for line in filter(None, metrics.splitlines()):
        about = json.loads(line)["_aws"]
        hour = about["Timestamp"] // 3_600_000
        found |= {(one["Name"], hour) for one in about["CloudWatchMetrics"][0]["Metrics"]}
    return len(found)


@dataclass(frozen=True)
class Measured:
    """What one association uses."""

    sweep: Use
    event: Use
    """Of an instance that is right."""
    launch: Use
    """Of an instance that gets the profile, with both of its events."""

    @classmethod
    def of(cls, count: int) -> "Measured":
        """Measure it with so many targets."""
        quiet, stops = Day(count).run(), Day(count).run(stops=STOPS_AND_STARTS)
        launches = Day(count).run(launches=LAUNCHES)
        return cls(
            sweep=quiet.per(SWEEPS),
            event=stops.less(quiet).per(2 * STOPS_AND_STARTS),
            launch=launches.less(quiet).per(LAUNCHES),
        )

    def in_a_month(self, name: str) -> float:
        """What a month uses of something."""
        sweep, event, launch = (float(getattr(one, name)) for one in (self.sweep, self.event, self.launch))
        return DAYS * (SWEEPS * sweep + 2 * STOPS_AND_STARTS * event + LAUNCHES * launch)


def costs(measured: Measured) -> dict[str, float]:
    """US dollars of a month, by what they are for."""
    month = {name: measured.in_a_month(name) for name in vars(measured.sweep)}
    return {
        "invocations": month["invocations"] * PRICES["invocation"],
        "duration": month["seconds"] * MEMORY_GB * PRICES["gb_second"],
        "reads": month["read_units"] * PRICES["read_unit"],
        "writes": month["write_units"] * PRICES["write_unit"],
        "messages": month["queue_requests"] * PRICES["queue_request"],
        "polling": POLLS_A_MINUTE * 60 * HOURS * PRICES["queue_request"],
        "schedule": DAYS * SWEEPS * PRICES["sweep"],
        "events": month["events"] * PRICES["event"],
        "metrics": month["metric_hours"] * PRICES["metric_hour"],
        "logs": month["invocations"] * LOG_BYTES * PRICES["log_byte"],
    }


def main() -> None:
    """Print what was counted, and what it costs."""
    for count in SIZES:
        measured = Measured.of(count)
        click.echo(f"\n{count} targets")
        for name in vars(measured.sweep):
            parts = [getattr(one, name) for one in (measured.sweep, measured.event, measured.launch)]
            shown = "  ".join(f"{part:9.2f}" for part in parts)
            click.echo(f"{name:15} {shown}  a month {measured.in_a_month(name):12,.0f}")
        found = costs(measured)
        for name, dollars in found.items():
            click.echo(f"{name:15} ${dollars:.4f}")
        endpoints = ENDPOINTS * ZONES * HOURS * PRICES["endpoint_hour"]
        click.echo(f"sum ${sum(found.values()):.2f}, endpoints ${endpoints:.2f}")


if __name__ == "__main__":
    main()
