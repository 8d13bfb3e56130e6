"""How long changes take while EC2 throttles calls at random, or somebody else uses the bucket; and what those lose."""

import multiprocessing
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from statistics import mean

from benchmarks.cloud import DESCRIBING, Job, Outcome
from benchmarks.model import Section, Table, Verdict
from benchmarks.peers import ours
from tests.simulator.buckets import LIMITS, Neighbour
from tests.simulator.clock import START, VirtualClock
from tests.simulator.ec2 import MUTATING, REPLACE
from tests.simulator.simulator import Simulator

COUNT, QUICK_COUNT = 1_000, 100
RUNS, QUICK_RUNS = 20, 2
PROCESSOR_SECONDS = 0.00075
"""The processor time of a look for each instance, as the convergence benchmark measures it."""
NEIGHBOURS_SHARE = 0.2
MAX_DENIED, MAX_THROTTLED_ALONE = 0.15, 0.01
SEED_STEP = 1_000

TEXT = """\
The handler replaces the profile of {count:,} instances as in the convergence benchmark, in virtual time, {runs} times.
*Throttled at random*: a share of all its calls to EC2 is refused, whatever is left in the bucket. *A neighbour* calls
for replacements, too, one in a second on average at random times, which is a fifth of what the bucket is filled with,
and never repeats a call. What it is denied is counted until the last change of the handler. Figures are means of all
runs, with the lowest and the highest in brackets. *Last change / buckets* is held against what the bucket would allow
if the handler were alone and nothing were throttled; with the neighbour, four fifths of the bucket are left to it."""


@dataclass(frozen=True, slots=True)
class OperationContext:
    """What there is besides the handler."""

    name: str
    at_random: float = 0.0
    """Share of the calls that EC2 throttles at random."""
    neighbours_share: float = 0.0
    """Of the bucket, that somebody else uses."""
    limit: float | None = None
    """Promised for the last change, compared with the time that the bucket needs."""


SITUATIONS = (
    OperationContext("alone"),
    OperationContext("5 % throttled at random", at_random=0.05, limit=1.35),
    OperationContext("20 % throttled at random", at_random=0.2, limit=1.6),
    OperationContext("a neighbour", neighbours_share=NEIGHBOURS_SHARE),
)


@dataclass(frozen=True, slots=True)
class Task:
    context: OperationContext
    count: int
    seed: int

    def __call__(self) -> "Run":
        watch = _Watch(self.context, self.seed)
        outcome = ours.run(Job.REPLACE, self.count, self.seed, processor_seconds=PROCESSOR_SECONDS, prepare=watch.begin)
        return Run(self.context.name, outcome, watch.denied(outcome.changed_seconds))


@dataclass(frozen=True, slots=True)
class Run:
    context: str
    outcome: Outcome
    denied: float
    """Share of the neighbour's calls that were throttled."""

    @property
    def ratio(self) -> float:
        return self.outcome.changed_seconds / (self.outcome.bucket_seconds or 1)

    @property
    def throttled(self) -> float:
        return self.outcome.throttled / (self.outcome.changes + self.outcome.describes)


@dataclass
class _Watch:
    """Prepares an account, and writes down second by second what the neighbour has called."""

    context: OperationContext
    seed: int
    seen: list[tuple[float, int, int]] = field(default_factory=list)

    def begin(self, simulator: Simulator) -> None:
        context = self.context
        if context.at_random:
            seed = self.seed + SEED_STEP
            simulator.traffic.throttle_at_random(*MUTATING, *DESCRIBING, share=context.at_random, seed=seed)
        if context.neighbours_share:
            assert isinstance(simulator.clock, VirtualClock)
            rate = LIMITS[REPLACE][1] * context.neighbours_share
            neighbour = simulator.buckets.add_neighbour(simulator.clock, REPLACE, rate, seed=self.seed)
            simulator.clock.every(1.0, partial(self._note, simulator.clock, neighbour))

    def _note(self, clock: VirtualClock, neighbour: Neighbour) -> None:
        self.seen.append((clock() - START, neighbour.calls, neighbour.throttled))

    def denied(self, until: float) -> float:
        """Share of the calls until then that were throttled."""
        calls, throttled = next(((calls, denied) for at, calls, denied in reversed(self.seen) if at <= until), (0, 0))
        return throttled / max(1, calls)


def run(_runs: int, quick: bool) -> Section:
    """Measure everything. How often is part of what is promised."""
    count, runs = (QUICK_COUNT, QUICK_RUNS) if quick else (COUNT, RUNS)
    todo = [Task(context, count, seed) for context in SITUATIONS for seed in range(1, runs + 1)]
    return section(measure(todo), count, runs)


def measure(todo: Sequence[Task]) -> list[Run]:
    """Run tasks side by side. Time is virtual, so they don't disturb each other."""
    with ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(_call, todo))


def _call(task: Task) -> Run:
    return task()


def section(found: Iterable[Run], count: int, runs: int) -> Section:
    """What the runs say."""
    groups = {one.name: [run for run in found if run.context == one.name] for one in SITUATIONS}
    return Section(
        title="Throttling",
        text=TEXT.format(count=count, runs=runs),
        tables=[_table(groups)],
        verdicts=_verdicts(groups),
        raw={name: [_raw(run) for run in group] for name, group in groups.items()},
    )


def _table(groups: Mapping[str, Sequence[Run]]) -> Table:
    header = ("", "last change / buckets", "/ least time", "our calls throttled", "the neighbour's calls denied")
    return Table("1,000 replacements", header, [_row(name, group) for name, group in groups.items()])


def _row(name: str, group: Sequence[Run]) -> Sequence[str]:
    context = next(one for one in SITUATIONS if one.name == name)
    return (
        name,
        _text([run.ratio for run in group]),
        _text([run.outcome.seconds / run.outcome.least_seconds for run in group]),
        _text([run.throttled for run in group], ".1%"),
        _text([run.denied for run in group], ".1%") if context.neighbours_share else "-",
    )


def _text(values: Sequence[float], form: str = ".2f") -> str:
    """The mean, and the spread."""
    return f"{mean(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def _verdicts(groups: Mapping[str, Sequence[Run]]) -> list[Verdict]:
    verdicts = [
        Verdict(
            f"{context.name}: the last change within {context.limit} times what the bucket allows, on average",
            _text([run.ratio for run in groups[context.name]]),
            mean(run.ratio for run in groups[context.name]) <= context.limit and _complete(groups[context.name]),
        )
        for context in SITUATIONS
        if context.limit
    ]
    alone, beside = groups["alone"], groups["a neighbour"]
    return [
        Verdict(
            "alone: less than 1 % of the calls throttled",
            _text([run.throttled for run in alone], ".2%"),
            max(run.throttled for run in alone) < MAX_THROTTLED_ALONE,
        ),
        *verdicts,
        Verdict(
            f"a neighbour that uses a fifth of the bucket is denied at most {MAX_DENIED:.0%} of its calls, on average",
            _text([run.denied for run in beside], ".1%"),
            mean(run.denied for run in beside) <= MAX_DENIED and _complete(beside),
        ),
    ]


def _complete(group: Iterable[Run]) -> bool:
    return all(run.outcome.complete for run in group)


def _raw(run: Run) -> Mapping[str, float]:
    one = asdict(run.outcome)
    kept = ("seed", "seconds", "changed_seconds", "throttled", "changes", "describes")
    return {**{name: round(one[name], 3) for name in kept}, "denied": round(run.denied, 4)}
