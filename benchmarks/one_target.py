"""One target: from CloudFormation's Create event to the response."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.model import Line, Plot, Samples, Section, Table, Verdict
from benchmarks.one_target_local import IDLE, OURS, PHASES, Bench, deployed
from benchmarks.one_target_waits import Calls, Wait, calls, drawn, wait

EVENTS_PER_RUN = 2
"""An event takes part of a second."""
IMPOSED, IMPOSED_QUICKLY = (0.0, 1.0, 1.6, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 34.0, 65.0), (0.0, 2.0, 13.0)
DRAWS, DRAWS_QUICKLY = 200, 10
WAIT_FACTOR = 1.25
"""A caller that polls learns a little late that something is done."""

TEXT = """\
Two providers in one stack on the local AWS, in turns: ours, and the provider framework around a function that has
nothing to do and says so at once. So what the emulator, the framework and its waiter take is in both. CloudFormation
writes down when it sends the event for a resource and when that is complete. Both functions are also called without
CloudFormation and the framework around them. The local AWS confirms an association at once; what waiting for EC2 adds
was measured on the simulator of EC2, in virtual time, where nothing else takes any. That it takes between 1.6 and 65 s
was seen on AWS; where many are drawn from between, how they are spread there is assumed: half of them below 5.6 s."""


@dataclass(frozen=True, slots=True)
class Local:
    """What was measured on the local AWS. All by the provider."""

    cold: Mapping[str, float]
    """Seconds of the first event."""
    warm: Mapping[str, Samples]
    """Seconds of the others."""
    phases: Mapping[str, Mapping[str, Samples]]
    """Seconds of the function alone, by the phase."""
    first_was_enough: Sequence[bool]
    """Whether the first call of the second phase has finished the job."""

    @property
    def ratio(self) -> Samples:
        pairs = zip(self.warm[OURS].values, self.warm[IDLE].values, strict=True)
        return Samples(tuple(ours / idle for ours, idle in pairs))


def run(runs: int, quick: bool) -> Section:
    """Measure everything.

    Args:
        runs: how often.
        quick: fewer of everything.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark.") as name, deployed(Path(name)) as bench:
        local = _measure(bench, runs if quick else EVENTS_PER_RUN * runs)
    waits = [wait(imposed) for imposed in (IMPOSED_QUICKLY if quick else IMPOSED)]
    seen, called = drawn(DRAWS_QUICKLY if quick else DRAWS), calls()
    return Section(
        "One target",
        TEXT,
        tables=[_event_table(local), _phase_table(local), _call_table(called), _wait_table(waits, seen)],
        plots=[_plot(waits)],
        verdicts=[_first_verdict(local), _call_verdict(called), *_wait_verdicts(waits[0], seen)],
        raw={"local": local, "calls": called, "waits": waits, "drawn": seen},
    )


def _measure(bench: Bench, count: int) -> Local:
    both = (IDLE, OURS)
    cold = {which: bench.create(which) for which in both}
    events = [{which: bench.create(which) for which in both} for _ in range(count)]
    invoked = [{which: bench.invoke(which) for which in both} for _ in range(count)]
    return Local(
        cold,
        {which: Samples(tuple(one[which] for one in events)) for which in both},
        {
            phase: {which: Samples(tuple(one[which][phase].seconds for one in invoked)) for which in both}
            for phase in PHASES
        },
        [bool(one[OURS][PHASES[1]].answer["IsComplete"]) for one in invoked],
    )


def _event_table(local: Local) -> Table:
    rows = [
        [which, f"{1000 * local.cold[which]:.0f}", _milliseconds(warm), ratio]
        for (which, warm), ratio in zip(local.warm.items(), ("1.00", local.ratio.text()), strict=True)
    ]
    return Table("From the event to the response", ["provider", "first event, ms", "ms", "ratio"], rows)


def _phase_table(local: Local) -> Table:
    rows = [
        [phase, _milliseconds(found[IDLE]), _milliseconds(found[OURS]), _milliseconds(_more(found))]
        for phase, found in local.phases.items()
    ]
    return Table("The function alone", ["phase", f"{IDLE}, ms", "ours, ms", "more, ms"], rows)


def _call_table(called: Calls) -> Table:
    actions = dict.fromkeys((*called.on_event, *called.is_complete))
    rows = [[one, str(called.on_event.get(one, 0)), str(called.is_complete.get(one, 0))] for one in actions]
    total = ["all", str(sum(called.on_event.values())), str(sum(called.is_complete.values()))]
    note = "These calls are what the function takes longer than one that has nothing to do."
    return Table("Calls for one target", ["action", *PHASES], [*rows, total], [note])


def _wait_table(waits: Sequence[Wait], seen: Sequence[Wait]) -> Table:
    rows = [
        [f"{one.imposed:.1f}", f"{one.taken:.1f}", f"{one.taken / one.imposed:.2f}" if one.imposed else "-"]
        for one in waits
    ]
    imposed, taken = (Samples(tuple(getattr(one, what) for one in seen)) for what in ("imposed", "taken"))
    spread = [f"drawn: {imposed.text('.1f')}", taken.text(".1f"), _factors(seen).text()]
    return Table(
        "Waiting for EC2, in virtual time",
        ["EC2 takes, s", "the response comes after, s", "ratio"],
        [*rows, spread],
        [f"The last row are {len(seen)} targets, whose times are drawn between the bounds that were seen on AWS."],
    )


def _plot(waits: Sequence[Wait]) -> Plot:
    lines = [
        Line("the response", [(one.imposed, Samples((one.taken,))) for one in waits]),
        Line("what EC2 imposes", [(one.imposed, Samples((one.imposed,))) for one in waits]),
    ]
    x = "seconds that EC2 takes to confirm"
    return Plot("one-target-waits", "From the event to the response", x, "seconds", lines, logarithmic=False)


def _first_verdict(local: Local) -> Verdict:
    enough = local.first_was_enough
    return Verdict(
        "one target, warm: the first call of `is_complete` finishes the job",
        f"{sum(enough)} of {len(enough)}, in {_milliseconds(local.phases[PHASES[1]][OURS])} ms",
        all(enough),
    )


def _call_verdict(called: Calls) -> Verdict:
    return Verdict("one target takes one call that changes something", str(called.changes), called.changes == 1)


def _wait_verdicts(at_once: Wait, seen: Sequence[Wait]) -> list[Verdict]:
    factors = _factors(seen)
    longest = max(seen, key=lambda one: len(one.pauses))
    pauses = ", ".join(f"{pause:.1f}" for pause in longest.pauses[:8])
    return [
        Verdict("nothing is waited for if EC2 confirms at once", f"{at_once.taken:.1f} s", at_once.taken == 0),
        Verdict(
            f"where EC2 takes between 1.6 and 65 s, the response mostly comes within {WAIT_FACTOR} times that",
            factors.text(),
            factors.median <= WAIT_FACTOR,
            f"it looks again after {pauses} s, and EC2 confirms somewhere in between",
        ),
    ]


def _factors(seen: Sequence[Wait]) -> Samples:
    return Samples(tuple(one.taken / one.imposed for one in seen))


def _more(found: Mapping[str, Samples]) -> Samples:
    pairs = zip(found[OURS].values, found[IDLE].values, strict=True)
    return Samples(tuple(ours - idle for ours, idle in pairs))


def _milliseconds(samples: Samples) -> str:
    return Samples(tuple(1000 * value for value in samples.values)).text(".0f")
