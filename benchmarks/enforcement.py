"""How soon instances that are launched after a deployment have their role, and what that costs."""

import json
import math
import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from statistics import quantiles

from benchmarks.enforcement_burst import Burst, one_invocation_each, ours, periodic_pass
from benchmarks.model import Section, Table, Verdict
from localaws.cdk import Cdk
from localaws.enforced import STACK, Enforced
from localaws.fleet import Fleet
from localaws.ministack import LocalAws

SIZES, QUICK_SIZES = (10, 100, 1_000), (10, 100)
WITHIN, MAX_INVOCATIONS, MAX_CHANGING, MAX_LOOKS = 1.05, 130, 12, 2
WARM_LAUNCHES, QUICK_LAUNCHES = 40, 5
WARM_SECONDS, COLD_SECONDS = 1.5, 3.0
_LAG = re.compile(r'"EnforcementLag": ([\d.]+)')

TEXT = """\
*Bursts* run on virtual time, on the simulated account of the convergence benchmark: N instances are launched at once
beside ten targets, EC2 sends one event for each, or two (state and tags), and five pollers invoke the function with ten
messages each. The bucket is full at first. *Last change / bucket* is held against what the bucket would allow if the
first call went out at once; what has no limit in the bucket is held against a second. Peers, in the same run: one
invocation for each event, which looks at its instance and associates, tries again eight times at growing intervals when
it is throttled, and is then given up, as Cloud Custodian's event mode does it; and a pass over all instances every 15
minutes, which begins 7.5 minutes after the launch.

*Latency* is measured on the local AWS: EC2's event goes through the rule and the queue to the function. The time is
from the arrival of the message in the queue to EC2's acceptance of the association, as the function's metric says.
"""


def run(runs: int, quick: bool) -> Section:
    """Measure."""
    bursts = [
        tool(count, events)
        for count in (QUICK_SIZES if quick else SIZES)
        for events in (1, 2)
        for tool in (ours, one_invocation_each, periodic_pass)
        if tool is ours or events == 1
    ]
    warm, cold = _latencies(QUICK_LAUNCHES if quick else WARM_LAUNCHES, 1 if quick else runs)
    return Section(
        title="Enforcement",
        text=TEXT,
        tables=[_table_of_bursts(bursts), _table_of_latencies(warm, cold)],
        verdicts=_verdicts(bursts, warm, cold),
        raw={"bursts": [asdict(one) for one in bursts], "warm": warm, "cold": cold},
    )


def _table_of_bursts(bursts: Sequence[Burst]) -> Table:
    header = (
        "launched",
        "events each",
        "tool",
        "last change, s",
        "/ bucket",
        "invocations",
        "of which change",
        "looks per slice",
        "throttled",
        "without the role",
    )
    rows = [
        (
            f"{one.count:,}",
            str(one.events),
            one.tool,
            f"{one.last_change:.1f}",
            f"{one.ratio:.2f}",
            f"{one.invocations:,}",
            f"{one.changing:,}",
            str(one.looks_per_slice) if one.looks_per_slice else "-",
            f"{one.throttled:,}",
            f"{one.missing:,}",
        )
        for one in bursts
    ]
    return Table("Bursts of launches", header, rows)


def _table_of_latencies(warm: Sequence[float], cold: Sequence[float]) -> Table:
    rows = [(name, str(len(values)), *_percentiles(values)) for name, values in (("warm", warm), ("cold", cold))]
    return Table("From the message to the association, in seconds", ("function", "launches", "p50", "p99"), rows)


def _percentiles(values: Sequence[float]) -> tuple[str, str]:
    return f"{_percentile(values, 50):.2f}", f"{_percentile(values, 99):.2f}"


def _percentile(values: Sequence[float], percent: int) -> float:
    return quantiles(values, n=100, method="inclusive")[percent - 1] if len(values) > 1 else values[0]


def _verdicts(bursts: Sequence[Burst], warm: Sequence[float], cold: Sequence[float]) -> list[Verdict]:
    largest = [one for one in bursts if one.tool == "cdk-instance-role" and one.count == max(b.count for b in bursts)]
    one = next(burst for burst in largest if burst.events == 1)
    return [
        Verdict(
            f"{one.count:,} launched at once: right within {WITHIN} of the bucket limit",
            f"{one.ratio:.3f}",
            one.ratio <= WITHIN,
        ),
        Verdict(
            f"a burst of launches: at most {MAX_INVOCATIONS} invocations, {MAX_CHANGING} of which change something",
            f"{one.invocations} and {one.changing}",
            one.invocations <= MAX_INVOCATIONS and one.changing <= MAX_CHANGING,
        ),
        Verdict(
            f"a burst of launches: at most {MAX_LOOKS} observations per slice of 20 s",
            str(one.looks_per_slice),
            one.looks_per_slice <= MAX_LOOKS,
        ),
        Verdict("a burst of launches: no call throttled", str(one.throttled), one.throttled == 0),
        _verdict_of_latency("warm", warm, WARM_SECONDS),
        _verdict_of_latency("cold", cold, COLD_SECONDS),
    ]


def _verdict_of_latency(name: str, values: Sequence[float], limit: float) -> Verdict:
    found = _percentile(values, 99)
    return Verdict(
        f"enforcement, {name} function: p99 from message to association at most {limit} s",
        f"{found:.2f} s",
        found <= limit,
    )


def _latencies(launches: int, runs: int) -> tuple[list[float], list[float]]:
    """Seconds from a message to the change, of a function that runs already, and of one that has to start."""
    warm: list[float] = []
    cold: list[float] = []
    for number in range(runs):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark.")))
            aws = stack.enter_context(LocalAws(folder))
            found = _lags(aws, launches if number == 0 else 1)
            cold.append(found[0])
            warm += found[1:]
    return warm or cold, cold


def _lags(aws: LocalAws, launches: int) -> list[float]:
    enforced = Enforced(Fleet(aws), Cdk(aws))
    for result in (Cdk(aws).bootstrap(), enforced.deploy()):
        if not result.ok:
            raise RuntimeError(result.output)
    for _ in range(launches):
        enforced.launch()
        time.sleep(1)
    return _logged(aws)


def _logged(aws: LocalAws) -> list[float]:
    """The metric of all changes, in their order."""
    logs, found = aws.client("logs"), dict[float, float]()
    for group in logs.describe_log_groups()["logGroups"]:
        name = group["logGroupName"]
        if STACK not in name:
            continue
        for stream in logs.describe_log_streams(logGroupName=name)["logStreams"]:
            events = logs.get_log_events(logGroupName=name, logStreamName=stream["logStreamName"], startFromHead=True)
            for event in events["events"]:
                lag = _LAG.search(event["message"])
                if lag:
                    found[_timestamp(event["message"])] = float(lag[1])
    return [found[at] for at in sorted(found)]


def _timestamp(line: str) -> float:
    document: Mapping[str, Mapping[str, float]] = json.loads(line[line.index("{") :])
    return document["_aws"]["Timestamp"]


def least_seconds(count: int, capacity: float, refill: float) -> float:
    """The least time until the last of so many calls can go out.

    >>> least_seconds(1000, 100, 5)
    180.0
    """
    return max(0.0, math.ceil(count - capacity) / refill)
