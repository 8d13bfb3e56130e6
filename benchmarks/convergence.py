"""How long it takes until N instances have their role, beside the least time that EC2 allows, and beside the peers."""

import json
import math
import multiprocessing
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from statistics import median
from typing import Any

from benchmarks.cloud import DESCRIBING, Job, Outcome
from benchmarks.model import Line, Plot, Samples, Section, Table, Verdict
from benchmarks.peers import boto3_loop, custodian, custom_resource, ours, runbook

SIZES, QUICK_SIZES = (10, 100, 1_000, 10_000), (10, 100)
LARGE = 1_000
"""From this size on the buckets are what counts."""
RUNS_OF_LARGEST = 1
JOBS = (Job.ASSOCIATE, Job.REPLACE, Job.HALF_STOPPED)
TOOLS: Mapping[str, Callable[[Job, int, int], Outcome]] = {
    "ours": ours.run,
    "custodian": custodian.run,
    "boto3_loop": boto3_loop.run,
    "runbook_many": partial(runbook.run, at_once=runbook.MANY),
    "runbook_few": partial(runbook.run, at_once=runbook.FEW),
    "custom_resource": custom_resource.run,
}
"""In the order in which they are shown."""
TARGETS_PER_LOOK = 190
WITHIN, THROTTLED = 1.05, 0.01
MOST_TOLD = 170

_CLIENT_ERROR = re.compile(r"An error occurred \((\w+)\) when calling the (\w+) operation(?: \([^)]*\))?: (.*)")

TEXT = """\
Every tool does the same with a simulated account: real clients and real code, on an EC2 that follows the documented
token buckets (100 associations at once and 5 a second, 50 replacements and 5 a second), answers a change in 0.3 to
0.7 s and a description in 0.15 to 0.3 s, and confirms an association 1.6 to 65 s after it, mostly within 10. Time is
virtual: an hour passes in seconds, threads that wait for answers wait side by side, and what a tool computes takes no
time; with 10,000 instances that would count, and for ours it is measured in the section about the handler.
Run k of every tool gets the same confirmation times. All buckets are full at first, and nobody else uses them.

**The least time** is when EC2 would have confirmed the last change if every call went out as soon as the buckets
allow, was answered as fast as can be, and nothing else had to be asked for. A tool's time ends when EC2 has confirmed
its last change, even if the tool does not look. *Last change / buckets* is when EC2 has accepted the last change, held
against when the buckets allow it to be called for. Instances are without a role while they can get no credentials from
their metadata service although they could before.

- **cdk-instance-role**: the handler, called as CloudFormation and the provider framework do, its instances selected by
  tags. An invocation ends after 45 s, and the next one begins 5 s later; that is in the time.
- **Cloud Custodian**: the real package, `set-instance-profile` for all instances with a tag, against the simulator over
  HTTP; where it sleeps, virtual time passes. It does not wait for confirmations. It asks for all instances that have a
  profile in one call, which can't be about more than 198.
- **boto3 loop**: for each instance describe, then associate or replace; then wait for each. Retries as boto3 has them.
- **AWS-AttachIAMToInstance**: the documented steps of the Systems Manager runbook, 10 executions at once as in AWS's
  examples, and 4, the most that is never throttled. The first failed execution ends it, which is the default. All this
  is in its favour: what an execution takes besides its calls is not counted, throttled calls are sent three times, and
  EC2 is taken to let it associate at once after it has disassociated.
- **AwsCustomResource per instance**: the stack is really synthesized; then the calls that its functions make are
  simulated, all at once. What CloudFormation and Lambda take is not counted, and nothing waits for confirmations.

At 10,000 instances everything is run once, at other sizes {runs} times."""


@dataclass(frozen=True, slots=True)
class Task:
    """One run of one tool."""

    tool: str
    job: Job
    count: int
    seed: int

    def __call__(self) -> Outcome:
        return TOOLS[self.tool](self.job, self.count, self.seed)


def run(runs: int, quick: bool) -> Section:
    """Measure everything."""
    sizes = QUICK_SIZES if quick else SIZES
    tools = [tool for tool in TOOLS if tool != "custodian" or custodian.is_installed()]
    return section(measure(tasks(tools, sizes, runs)), runs)


def tasks(tools: Iterable[str], sizes: Sequence[int], runs: int) -> list[Task]:
    """Everything that has to be run, and last what is right already: only ours is asked about that."""
    found = [
        Task(tool, job, count, seed)
        for tool in tools
        for count in sizes
        for job in JOBS
        for seed in range(1, 1 + (runs if count < SIZES[-1] else RUNS_OF_LARGEST))
    ]
    return [*found, Task("ours", Job.NOTHING, min(LARGE, max(sizes)), 1)]


def measure(todo: Iterable[Task]) -> list[Outcome]:
    """Run tasks side by side, the largest first. Time is virtual, so they don't disturb each other."""
    shown = list(todo)
    ordered = sorted(shown, key=lambda task: -task.count)
    with ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as pool:
        outcomes = dict(zip(ordered, pool.map(_call, ordered), strict=True))
    return [outcomes[task] for task in shown]


def _call(task: Task) -> Outcome:
    return task()


def section(outcomes: Sequence[Outcome], runs: int) -> Section:
    """What the outcomes say."""
    own = [one for one in outcomes if one.tool == ours.NAME]
    return Section(
        title="Convergence",
        text=TEXT.format(runs=runs),
        tables=[_table(job, outcomes) for job in JOBS],
        plots=[_plot(job, outcomes) for job in JOBS],
        verdicts=[*_call_verdicts(own), *_time_verdicts(own), *_other_verdicts(own)],
        raw={"outcomes": [_raw(one) for one in outcomes]},
        versions={"c7n": custodian.installed_version()} if custodian.is_installed() else {},
    )


def _raw(one: Outcome) -> Mapping[str, Any]:
    """What is not zero or empty, to a thousandth of a second."""
    known = asdict(one, dict_factory=lambda items: {name: value for name, value in items if value})
    rounded: Mapping[str, Any] = json.loads(json.dumps(known), parse_float=lambda text: round(float(text), 3))
    return rounded


def _table(job: Job, outcomes: Sequence[Outcome]) -> Table:
    return Table(
        title=job.value.capitalize(),
        header=(
            "instances",
            "tool",
            "carry the profile in the end",
            "seconds",
            "/ least time",
            "last change / buckets",
            "EC2 calls per instance",
            "throttled calls",
            "seconds without a role, all together",
            "how it fails",
        ),
        rows=[_row(group) for group in _groups(job, outcomes)],
        notes=_notes(job, outcomes),
    )


def _groups(job: Job, outcomes: Sequence[Outcome]) -> Iterator[list[Outcome]]:
    """The runs of each tool with each size."""
    own = [one for one in outcomes if one.job == job.value]
    for count in sorted({one.count for one in own}):
        for tool in dict.fromkeys(one.tool for one in own):
            if group := [one for one in own if (one.count, one.tool) == (count, tool)]:
                yield group


def _row(group: Sequence[Outcome]) -> Sequence[str]:
    first = group[0]
    complete = all(one.complete for one in group)
    return (
        f"{first.count:,}",
        first.tool,
        "all" if complete else _few(group, lambda one: one.carrying),
        _samples(group, lambda one: one.seconds).text(".0f") if complete else "-",
        _samples(group, _ratio).text() if complete else "-",
        _samples(group, _bucket_ratio).text() if complete and first.bucket_seconds else "-",
        _samples(group, lambda one: _ec2_calls(one) / one.count).text(),
        _few(group, lambda one: one.throttled),
        _few(group, lambda one: one.seconds_without_role) + _bare(group),
        next((_short(one.failure) for one in group if one.failure), ""),
    )


def _ec2_calls(one: Outcome) -> int:
    return one.changes + one.describes


def _bare(group: Sequence[Outcome]) -> str:
    left = max(one.bare for one in group)
    return f"; {left:,} left without one" if left else ""


def _few(group: Sequence[Outcome], value: Callable[[Outcome], float]) -> str:
    return _samples(group, value).text(",.0f")


def _samples(group: Sequence[Outcome], value: Callable[[Outcome], float]) -> Samples:
    return Samples(tuple(value(one) for one in group))


def _ratio(one: Outcome) -> float:
    return one.seconds / one.least_seconds


def _short(failure: str) -> str:
    """What matters of an error."""
    found = _CLIENT_ERROR.search(failure)
    text = "{}, {}: {}".format(*found.groups()) if found else failure
    return text if len(text) < MOST_TOLD else text[:MOST_TOLD].rpartition(" ")[0] + " ..."


def _notes(job: Job, outcomes: Sequence[Outcome]) -> Sequence[str]:
    least = {one.count: one for one in outcomes if one.job == job.value and one.seed == 1}
    times = (f"{one.least_seconds:,.0f} s with {count:,}" for count, one in sorted(least.items()))
    waits = (f"{one.bucket_seconds:,.0f} s with {count:,}" for count, one in sorted(least.items()))
    return [
        f"The least time is {', '.join(times)} instances in the first run.",
        f"Of that, the buckets alone ask for {', '.join(waits)}.",
    ]


def _plot(job: Job, outcomes: Sequence[Outcome]) -> Plot:
    groups = list(_groups(job, outcomes))
    return Plot(
        name=f"convergence-{job.name.lower().replace('_', '-')}",
        title=f"{job.value.capitalize()}: time until EC2 has confirmed the last one",
        x="instances",
        y="time / least time that EC2 allows",
        lines=[_line(tool, groups) for tool in dict.fromkeys(group[0].tool for group in groups)],
        limit=("least time", 1.0),
    )


def _line(tool: str, groups: Iterable[Sequence[Outcome]]) -> Line:
    own = [group for group in groups if group[0].tool == tool]
    done = [group for group in own if all(one.complete for one in group)]
    return Line(tool + _failing(own, done), [(group[0].count, _samples(group, _ratio)) for group in done])


def _failing(own: Sequence[Sequence[Outcome]], done: Sequence[Sequence[Outcome]]) -> str:
    """For whom reads a plot: with how many instances a tool fails."""
    failed = [group[0].count for group in own if group not in done]
    if not failed:
        return ""
    if not done:
        return " (fails)"
    if min(failed) > max(group[0].count for group in done):
        return f" (fails from {min(failed):,})"
    return f" (fails with {', '.join(f'{count:,}' for count in failed)})"


def _call_verdicts(own: Sequence[Outcome]) -> Iterator[Verdict]:
    wrong = [one for one in own if one.changes != _changes(one)]
    yield Verdict(
        promise="One change per running instance, two per stopped one that is replaced, none for one that is right",
        measured=f"exactly so in {len(own) - len(wrong)} of {len(own)} runs",
        kept=not wrong,
        cause="; ".join(f"{one.job}, {one.count:,}: {one.changes:,} and not {_changes(one):,}" for one in wrong),
    )
    looks = [one.describes / one.observations / _calls_of_a_look(one.count) for one in own]
    yield Verdict(
        promise=f"At most one call of each kind for {TARGETS_PER_LOOK} instances whenever all are looked at",
        measured=f"at most {max(looks):.2f} of that",
        kept=max(looks) <= 1,
    )
    throttled = max(one.throttled / _ec2_calls(one) for one in own)
    yield Verdict(
        promise="Under 1 % of the calls to EC2 throttled",
        measured=f"at most {throttled:.2%}",
        kept=throttled < THROTTLED,
    )


def _changes(one: Outcome) -> int:
    return sum(map(len, Job(one.job).changes(one.count)))


def _calls_of_a_look(count: int) -> int:
    return len(DESCRIBING) * math.ceil(count / TARGETS_PER_LOOK)


def _time_verdicts(own: Sequence[Outcome]) -> Iterator[Verdict]:
    for job in JOBS:
        large = [group for group in _groups(job, own) if group[0].count >= LARGE]
        if not large:
            continue
        worst = max(median(map(_bucket_ratio, group)) for group in large)
        measured = (f"{_samples(group, _bucket_ratio).text('.3f')} with {group[0].count:,}" for group in large)
        yield Verdict(
            promise=f"{job.value.capitalize()}: the last change within 5 % of the time that the buckets ask for, "
            f"with {LARGE:,} instances and with {SIZES[-1]:,}",
            measured=", ".join(measured),
            kept=worst <= WITHIN and all(one.complete for group in large for one in group),
            cause="; ".join(_cause(group[0]) for group in large if median(map(_bucket_ratio, group)) > WITHIN),
        )


def _bucket_ratio(one: Outcome) -> float:
    return one.changed_seconds / one.bucket_seconds


def _cause(one: Outcome) -> str:
    """Where the time has gone, by what the bucket was like whose last call came last."""
    if not one.complete:
        return f"with {one.count:,} it ended with {one.carrying:,} instances done: {one.failure[:200]}"
    last = one.uses[0]
    over = one.changed_seconds - one.bucket_seconds
    rest = last.last_seconds - last.least_seconds - last.share_seconds - last.full_at_first_seconds - last.full_seconds
    parts = [
        (last.least_seconds - one.bucket_seconds, "that bucket alone would have asked for in any case"),
        (last.share_seconds, "are for what is left to others in the account"),
        (last.full_at_first_seconds, "passed before the first of these calls"),
        (last.full_seconds, "the bucket was full, because everything was being looked at or written down"),
        (rest, "of tokens were left over in the end"),
        (one.changed_seconds - last.last_seconds, "took the answer to the last call"),
    ]
    told = ", ".join(f"{seconds:.1f} s {what}" for seconds, what in parts if seconds >= 0.05)
    return f"with {one.count:,} it took {over:.1f} s more than {one.bucket_seconds:,.0f} s ({last.action} last): {told}"


def _other_verdicts(own: Sequence[Outcome]) -> Iterator[Verdict]:
    seconds = sum(one.seconds_without_role for one in own)
    yield Verdict(
        promise="No running instance without a role at any moment while it is replaced",
        measured=f"{seconds:.0f} s, summed over all instances and runs",
        kept=not seconds,
    )
