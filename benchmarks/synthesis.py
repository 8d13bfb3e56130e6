"""Synthesis: its time, and the resources of the template, beside the smallest app with the same provider framework."""

import json
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import sub
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.handler_fresh import fresh
from benchmarks.model import Line, Plot, Samples, Section, Table, Verdict
from benchmarks.synthesis_app import OURS, SMALLEST, STACK
from localaws.ministack import ROOT

SIZES, SIZES_QUICKLY = (1, 10, 100), (1, 10)
FACTOR, FIRST_RESOURCES, FURTHER_RESOURCES = 1.1, 18, 1
ASSOCIATION = "Custom::InstanceProfileAssociation"
PARTS = ("imports", "constructs", "synthesis")

Name = tuple[str, int]
"""Which app, and how many custom resources or associations it has."""

TEXT = """\
Every measurement is `python app.py` in a fresh interpreter, with the feature flags of this repository and no CDK CLI
around it, which would take the same for every app. The smallest app has a function with one line of code, the provider
framework with both of its phases, and as many custom resources as ours has associations. Ours has a role with a managed
policy, its profile, and associations with an instance each. All take turns; ratios are of one turn. What is promised is
held against the ratio of processor time, which other work on the machine disturbs least."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One synthesis."""

    seconds: float
    cpu: float
    """Seconds of processor time, of Node.js, too."""
    parts: Mapping[str, float]
    """Seconds of each part."""


@dataclass(frozen=True, slots=True)
class App:
    """What was measured of one app."""

    turns: Sequence[Turn]
    template: Mapping[str, Any]

    @property
    def seconds(self) -> Samples:
        return Samples(tuple(turn.seconds for turn in self.turns))

    @property
    def types(self) -> Counter[str]:
        """Number of the resources of each type."""
        return Counter(one["Type"] for one in self.template["Resources"].values())

    @property
    def size(self) -> int:
        """Bytes of the template as CloudFormation gets it."""
        return len(json.dumps(self.template, indent=1))

    def part(self, name: str) -> Samples:
        return Samples(tuple(turn.parts[name] for turn in self.turns))

    def ratio(self, other: "App", what: str = "cpu") -> Samples:
        pairs = zip(self.turns, other.turns, strict=True)
        return Samples(tuple(getattr(one, what) / getattr(its_peer, what) for one, its_peer in pairs))


@dataclass(frozen=True, slots=True)
class Limit:
    """How many associations fit into a stack, if not as many as were asked for."""

    asked: int
    fits: int
    reason: str


def run(runs: int, quick: bool) -> Section:
    """Measure everything.

    Args:
        runs: how often.
        quick: fewer associations.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark.") as name:
        folder = Path(name)
        limit = _limit(max(SIZES_QUICKLY if quick else SIZES), folder)
        sizes = sorted({min(size, limit.fits) if limit else size for size in (SIZES_QUICKLY if quick else SIZES)})
        apps = _measure([(kind, size) for size in sizes for kind in (SMALLEST, OURS)], runs, folder)
    ours = {size: apps[OURS, size] for size in sizes}
    return Section(
        "Synthesis and the template",
        TEXT,
        tables=[_time_table(apps), _template_table(apps, limit)],
        plots=[_plot(apps)],
        verdicts=[
            *(_time_verdict(apps, size) for size in sizes),
            _first_verdict(ours[1]),
            _further_verdict(ours, limit),
        ],
        raw={"turns": {_named(name): app.turns for name, app in apps.items()}},
    )


def _limit(asked: int, folder: Path) -> Limit | None:
    said = _synthesize((OURS, asked), folder / "limit")
    return Limit(asked, said["fits"], said["reason"]) if "fits" in said else None


def _measure(names: Sequence[Name], runs: int, folder: Path) -> Mapping[Name, App]:
    turns: dict[Name, list[Turn]] = {name: [] for name in names}
    for number in range(runs):
        # In the other direction every second time, so that none is always the one after another.
        for name in names if number % 2 else reversed(names):
            turns[name].append(_turn(name, _output(folder, name)))
    return {name: App(turns[name], _template(_output(folder, name))) for name in names}


def _output(folder: Path, name: Name) -> Path:
    return folder / f"{name[0]}-{name[1]}"


def _turn(name: Name, output: Path) -> Turn:
    began, cpu = time.perf_counter(), _cpu_of_children()
    parts = _synthesize(name, output)
    return Turn(time.perf_counter() - began, _cpu_of_children() - cpu, parts)


def _synthesize(name: Name, output: Path) -> Mapping[str, Any]:
    """Synthesize an app into a folder. Returns what it has said."""
    flags = {key: value for key, value in _context().items() if key.startswith("@")}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    said: Mapping[str, Any] = fresh(
        ["-m", "benchmarks.synthesis_app", name[0], str(name[1])],
        output.parent,
        PATH=path,
        CDK_OUTDIR=str(output),
        CDK_CONTEXT_JSON=json.dumps(flags),
    )
    return said


def _context() -> Mapping[str, Any]:
    context: Mapping[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]
    return context


def _template(output: Path) -> Mapping[str, Any]:
    template: Mapping[str, Any] = json.loads((output / f"{STACK}.template.json").read_text())
    return template


def _cpu_of_children() -> float:
    """Seconds of processor time of all processes that have ended by now."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _time_table(apps: Mapping[Name, App]) -> Table:
    rows = [
        [
            _named(name),
            app.seconds.text(),
            app.ratio(apps[SMALLEST, name[1]], "seconds").text(),
            app.ratio(apps[SMALLEST, name[1]]).text(),
            *(app.part(part).text() for part in PARTS),
        ]
        for name, app in apps.items()
    ]
    return Table("Time", ["app", "s", "ratio", "ratio of processor time", *(f"{part}, s" for part in PARTS)], rows)


def _template_table(apps: Mapping[Name, App], limit: Limit | None) -> Table:
    rows = [
        [_named(name), str(app.types.total()), str(app.types["AWS::IAM::ManagedPolicy"]), f"{app.size / 1024:.0f}"]
        for name, app in apps.items()
    ]
    notes = [f"Of {limit.asked} associations {limit.fits} fit into a stack: {limit.reason}."] if limit else []
    return Table("Template", ["app", "resources", "of which policies of the handler", "kB"], rows, notes)


def _named(name: Name) -> str:
    kind, size = name
    return _associations(size) if kind == OURS else f"the smallest, {size} custom resource{'s' if size > 1 else ''}"


def _plot(apps: Mapping[Name, App]) -> Plot:
    labels = {OURS: "ours", SMALLEST: "the smallest app with as many custom resources"}
    lines = [
        Line(label, [(size, app.seconds) for (kind, size), app in apps.items() if kind == wanted])
        for wanted, label in labels.items()
    ]
    return Plot("synthesis", "Time of a synthesis", "associations", "seconds", lines)


def _time_verdict(apps: Mapping[Name, App], size: int) -> Verdict:
    ours, smallest = apps[OURS, size], apps[SMALLEST, size]
    ratio = ours.ratio(smallest)
    return Verdict(
        f"the synthesis of {_associations(size)} takes at most {FACTOR} times what it takes for the smallest app with"
        " the same provider framework",
        ratio.text(),
        ratio.median <= FACTOR,
        _cause_of_time(smallest, ours),
    )


def _cause_of_time(smallest: App, ours: App) -> str:
    """The parts in which ours takes longer: the median of the differences of all runs."""
    more = {part: median(map(sub, ours.part(part).values, smallest.part(part).values)) for part in PARTS}
    shares = ", ".join(f"{1000 * seconds:.0f} ms in the {part}" for part, seconds in more.items())
    return f"beside the smallest app it takes {shares} more"


def _first_verdict(first: App) -> Verdict:
    count = first.types.total()
    return Verdict(
        f"at most {FIRST_RESOURCES} resources for role, profile, first association, provider and ledger",
        str(count),
        count <= FIRST_RESOURCES,
    )


def _further_verdict(ours: Mapping[int, App], limit: Limit | None) -> Verdict:
    first, most = ours[1], ours[max(ours)]
    further, more = most.types[ASSOCIATION] - 1, most.types.total() - first.types.total()
    refused = f"; {limit.asked} don't fit into a stack" if limit else ""
    return Verdict(
        f"exactly {FURTHER_RESOURCES} more resource for each further association",
        f"{more} for {further}{refused}",
        more == FURTHER_RESOURCES * further and limit is None,
        _cause_of_resources(first, most, limit),
    )


def _cause_of_resources(first: App, most: App, limit: Limit | None) -> str:
    more = ", ".join(f"{count} {type_}" for type_, count in sorted((most.types - first.types).items()))
    refused = f"; beyond {limit.fits}, {limit.reason}" if limit else ""
    return f"the template of {_associations(most.types[ASSOCIATION])} has {more} more{refused}"


def _associations(count: int) -> str:
    return f"{count} association{'s' if count > 1 else ''}"
