"""The handler: what it takes to start, to plan, and to look at many targets."""

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression

from benchmarks import handler_start
from benchmarks.handler_fresh import fresh
from benchmarks.handler_start import Start
from benchmarks.model import Line, Plot, Samples, Section, Table, Verdict

PLANNED, PLANNED_QUICKLY = (1_000, 2_000, 5_000, 10_000, 20_000, 50_000), (1_000, 10_000)
LOOKED_AT, LOOKED_AT_QUICKLY = (1_000, 3_000, 10_000), (300, 1_000)
STARTS_PER_RUN = 2
"""A start takes part of a second, and other work on the machine disturbs it most."""
MAX_LOOKS = 3
"""Looking at the most targets takes many seconds."""

START_FACTOR, PLAN_SECONDS, MEGABYTES = 1.15, 1.0, 256.0
PROMISED = 10_000
"""Targets for which time and memory are promised."""
LINEAR = 1.1
"""Largest exponent of growth that is still called linear: the rest is the noise of small sizes."""

BOTO3, DEPLOYED, COMPILED = "boto3 alone", "the handler, as deployed", "the handler, compiled before"

TEXT = """\
Every measurement is one fresh interpreter; those that are held against each other take turns. Ratios are of processor
time, which other work on the machine disturbs least. Starting is importing the handler and making its clients. Nothing
has compiled its sources before, because Lambda can't write bytecode beside them. The handler turns Python's garbage
collector off while it imports, which makes a start shorter, so boto3 alone is measured in the same way; what it takes
with the collector on, which is Python's default, is shown beside it. The plan alone is a pure function, without any
call: from what was observed, and from what the ledger says, to the steps; targets of every kind, bare, listed, stopped,
done, pending, and no longer selected. A look is what the handler does before each plan, on its own clients
and with answers of AWS as large as the real ones (an instance is about 4 kB), but at once: the time is that of the
processor. boto3 alone makes the same calls on clients that nobody has changed, parses all that they say and throws it
away; the handler reads from EC2's answers only what it needs, so it takes less. Megabytes are the most that the whole
process has had, boto3 and its clients included."""

Measured = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Sweep:
    """The output of one program, run by run, for every number of targets."""

    by_count: Mapping[int, Sequence[Measured]]

    def of(self, what: str, count: int) -> Samples:
        return Samples(tuple(one[what] for one in self.by_count[count]))

    def line(self, label: str, what: str) -> Line:
        return Line(label, [(count, self.of(what, count)) for count in self.by_count])

    def growth(self, what: str) -> Samples:
        """Exponent of the power of the number of targets by which it grows, in every run."""
        runs = zip(*self.by_count.values(), strict=True)
        return Samples(tuple(exponent(list(self.by_count), [one[what] for one in run]) for run in runs))

    def ratio(self, what: str, to: str, count: int) -> Samples:
        return Samples(tuple(one[what] / one[to] for one in self.by_count[count]))


def run(runs: int, quick: bool) -> Section:
    """Measure everything.

    Args:
        runs: how often.
        quick: small sizes only.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark.") as name:
        folder = Path(name)
        starts = handler_start.measure(runs if quick else STARTS_PER_RUN * runs, folder)
        plans = _sweep("handler_plan", PLANNED_QUICKLY if quick else PLANNED, runs, folder)
        values = _sweep("handler_plan", PLANNED_QUICKLY if quick else PLANNED, 1, folder, "traced")
        looks = _sweep("handler_look", LOOKED_AT_QUICKLY if quick else LOOKED_AT, min(runs, MAX_LOOKS), folder)
    return Section(
        "The handler",
        TEXT,
        tables=[_start_table(starts), _plan_table(plans, values), _look_table(looks)],
        plots=[_cpu_plot(plans, looks), _memory_plot(plans, looks)],
        verdicts=[_start_verdict(starts), *_size_verdicts(plans, looks), *_growth_verdicts(plans, values, looks)],
        raw={"starts": starts, "plans": plans, "traced plans": values, "looks": looks},
    )


def exponent(counts: Sequence[float], taken: Sequence[float]) -> float:
    """Exponent of the power law that fits best.

    >>> round(exponent([10, 100, 1000], [3, 300, 30000]), 3)
    2.0
    """
    return linear_regression([*map(math.log, counts)], [*map(math.log, taken)]).slope


def _sweep(program: str, counts: Sequence[int], runs: int, folder: Path, *more: str) -> Sweep:
    found: dict[int, list[Measured]] = {count: [] for count in counts}
    for _ in range(runs):
        for count in counts:
            found[count].append(fresh(["-m", f"benchmarks.{program}", str(count), *more], folder))
    return Sweep(found)


def _start_table(starts: Mapping[str, Start]) -> Table:
    alone = starts[BOTO3]
    rows = [
        [
            name,
            _milliseconds(start.seconds),
            _milliseconds(start.cpu),
            _ratio(start, alone).text(),
            start.memory.text(".0f"),
        ]
        for name, start in starts.items()
    ]
    return Table(
        "Starting", ["what is imported, and its clients", "ms", "ms of processor", "ratio to boto3 alone", "MB"], rows
    )


def _plan_table(plans: Sweep, values: Sweep) -> Table:
    rows = [
        [
            f"{count:,}",
            _milliseconds(plans.of("seconds", count)),
            _milliseconds(plans.of("undo", count)),
            f"{1e6 * plans.of('cpu', count).median / count:.1f}",
            plans.of("memory", count).text(".0f"),
            values.of("values", count).text(".1f"),
        ]
        for count in plans.by_count
    ]
    return Table(
        "The plan alone",
        ["targets", "ms", "ms to plan a Delete", "µs of processor per target", "MB", "of which for the plan"],
        rows,
        ["The last column was traced in a run of its own: the targets, what the ledger says of them, and both plans."],
    )


def _look_table(looks: Sweep) -> Table:
    rows = [
        [
            f"{count:,}",
            looks.of("calls", count).text(".0f"),
            looks.of("look", count).text(),
            *(f"{100 * looks.ratio(part, 'look', count).median:.1f} %" for part in ("instances", "ledger", "plan")),
            looks.ratio("look", "boto3", count).text(),
            looks.of("memory", count).text(".0f"),
        ]
        for count in looks.by_count
    ]
    header = ["targets", "calls", "s of processor", "instances", "ledger", "plan", "ratio to boto3 alone", "MB"]
    return Table("A whole look, and the plan after it", header, rows)


def _cpu_plot(plans: Sweep, looks: Sweep) -> Plot:
    lines = [
        looks.line("a whole look, and the plan", "look"),
        looks.line("its calls by boto3 alone", "boto3"),
        plans.line("the plan alone", "cpu"),
    ]
    return Plot("handler-cpu", "Processor time", "targets", "seconds", lines)


def _memory_plot(plans: Sweep, looks: Sweep) -> Plot:
    lines = [looks.line("a whole look, and the plan", "memory"), plans.line("the plan alone", "memory")]
    return Plot("handler-memory", "Memory of the process", "targets", "MB", lines, limit=("promised", MEGABYTES))


def _start_verdict(starts: Mapping[str, Start]) -> Verdict:
    ratio = _ratio(starts[DEPLOYED], starts[BOTO3])
    return Verdict(
        f"imports and clients take at most {START_FACTOR} times what `import boto3` and the same clients take",
        ratio.text(),
        ratio.median <= START_FACTOR,
        _cause_of_start(starts),
    )


def _cause_of_start(starts: Mapping[str, Start]) -> str:
    alone, deployed, compiled = (1000 * starts[name].cpu.median for name in (BOTO3, DEPLOYED, COMPILED))
    return (
        f"boto3 alone takes {alone:.0f} ms and the handler {deployed:.0f} ms, "
        f"of which compiling its sources takes {max(0.0, deployed - compiled):.0f} ms"
    )


def _size_verdicts(plans: Sweep, looks: Sweep) -> list[Verdict]:
    verdicts = [
        _below("the plan alone of {:,} targets takes less than a second", plans, "seconds", PLAN_SECONDS, " s", ".3f"),
        _below("the plan alone of {:,} targets takes no more than 256 MB", plans, "memory", MEGABYTES, " MB", ".0f"),
    ]
    if PROMISED in looks.by_count:
        promise = "{:,} targets are looked at and planned within 256 MB"
        verdicts.append(_below(promise, looks, "memory", MEGABYTES, " MB", ".0f"))
    return verdicts


def _below(promise: str, sweep: Sweep, what: str, limit: float, unit: str, form: str) -> Verdict:
    found = sweep.of(what, PROMISED)
    return Verdict(promise.format(PROMISED), found.text(form) + unit, found.median < limit)


def _growth_verdicts(plans: Sweep, values: Sweep, looks: Sweep) -> list[Verdict]:
    without = f"without Python's garbage collector it grows with their power {plans.growth('uncollected').text()}"
    return [
        _linear("processor time of the plan alone", plans.growth("cpu"), without),
        _linear("memory of a plan", values.growth("values")),
        _linear("processor time of a look", looks.growth("look")),
    ]


def _linear(what: str, growth: Samples, cause: str = "") -> Verdict:
    return Verdict(
        f"the {what} grows with the number of targets and no faster",
        f"with their power {growth.text()}",
        growth.median <= LINEAR,
        cause,
    )


def _ratio(start: Start, alone: Start) -> Samples:
    """Of processor time, run by run, because the runs alternated."""
    pairs = zip(start.cpu.values, alone.cpu.values, strict=True)
    return Samples(tuple(one / other for one, other in pairs))


def _milliseconds(samples: Samples) -> str:
    return Samples(tuple(1000 * value for value in samples.values)).text(".1f")
