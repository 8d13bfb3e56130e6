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
from statistics import mean, median
from typing import Any

from benchmarks.cloud import DESCRIBING, Job, Outcome
from benchmarks.model import Line, Plot, Samples, Section, Table, Verdict
from benchmarks.peers import boto3_loop, careful_script, custodian, custom_resource, ours, runbook
from cdk_instance_role.runtime.association.handler import SLICE_SECONDS
from tests.simulator.driver import QUERY_SECONDS

Tool = Callable[[Job, int, int], Outcome]

SIZES, QUICK_SIZES = (10, 100, 1_000, 10_000), (10, 100)
LARGE = 1_000
"""From this size on the buckets are what counts."""
RUNS_OF_LARGEST = 1
"""Runs of each peer with the most instances. Ours is run as often as with fewer."""
RUNS_OF_SMALL = 20
"""Runs of ours with few instances, where the time depends most on how long EC2 takes for the slowest of them."""
JOBS = (Job.ASSOCIATE, Job.REPLACE, Job.HALF_STOPPED)
PEERS: Sequence[Tool] = (
    careful_script.run,
    custodian.run,
    boto3_loop.run,
    partial(runbook.run, at_once=runbook.MANY),
    partial(runbook.run, at_once=runbook.FEW),
    custom_resource.run,
    partial(custom_resource.run, at_once=custom_resource.FEW),
)
"""In the order in which they are shown."""
TARGETS_PER_LOOK = 190
WITHIN, THROTTLED = 1.05, 0.01
MAX_ERROR_LENGTH = 170

_CLIENT_ERROR = re.compile(r"An error occurred \((\w+)\) when calling the (\w+) operation(?: \([^)]*\))?: (.*)")

TEXT = """\
Every tool does the same with a simulated account: real clients and real code, on an EC2 that follows the documented
token buckets (100 associations at once and 5 a second, 50 replacements and 5 a second), answers a change in 0.3 to
0.7 s and a description in 0.15 to 0.3 s, and confirms an association 1.6 to 65 s after it. These two bounds were seen
on AWS; how the times are spread between them is assumed: half of them are below 5.6 s, and 60 % below 10. Run k of
every tool gets the same ones. All buckets are full at first, and nobody else uses them.

Time is virtual: an hour passes in seconds, and threads that wait for answers wait side by side. **What the processor
takes is charged to ours, and not to its peers**: whenever ours looks at all instances, that takes {per_instance} ms
longer for each of them, as if it could do none of it while it waits for answers. That is what a look at {looked_at:,}
targets took, ledger and plan included, measured on this machine just before, and a processor is what the handler has
in Lambda. Computing between two looks, and all that the peers compute, takes no time.

**The least time** is when EC2 would have confirmed the last change if every call went out as soon as the buckets
allow, was answered as fast as can be, and nothing else had to be asked for. A tool's time ends when EC2 has confirmed
its last change, even if the tool does not look. *Last change / buckets* is when EC2 has accepted the last change, held
against when the buckets allow it to be called for. What is promised is held against that: when EC2 confirms is its own
affair, and by chance the last change is confirmed soon or late, which tells nothing of a tool. Instances are without a
role while they can get no credentials from their metadata service although they could before.

- **cdk-instance-role**: the handler, called as CloudFormation and the provider framework do, its instances selected by
  tags. An invocation ends after {slice:.0f} s, and the next one begins {pause:.0f} s later; that is in the time.
- **careful script**: finds the instances by their tags, asks for {ids} associations in a call, replaces or associates
  in {threads} threads with boto3's adaptive retries, disassociates and associates stopped instances, goes on when one
  fails, and asks every {poll:.0f} s for those that EC2 has not confirmed yet. Nothing is written down, so nothing can
  be restored, and throttled calls are what it finds the right rate with.
- **Cloud Custodian**: the real package, `set-instance-profile` for all instances with a tag, against the simulator
  over HTTP; where it sleeps, virtual time passes. It does not wait for confirmations. It asks for all instances that
  have a profile in one call, which can't be about more than 198.
- **boto3 loop**: for each instance describe, then associate or replace; then wait for each. Retries as boto3 has them.
  Nothing is caught inside of the loop, so the first error ends it; with a `try` there it would go on with the others.
- **AWS-AttachIAMToInstance**: the documented steps of the Systems Manager runbook, 10 executions at once as in AWS's
  examples, and 4, the most that is never throttled. The first failed execution ends it, which is the default. All this
  is in its favour: what an execution takes besides its calls is not counted, throttled calls are sent three times, and
  EC2 is taken to let it associate at once after it has disassociated.
- **AwsCustomResource per instance**: the stack is really synthesized; then the calls that its functions make are
  simulated. How many resources CloudFormation creates at a time is not documented, and how many calls are throttled
  depends on it: it is run with all at once, because nothing in the stack depends on anything, and with {few}. What
  CloudFormation and Lambda take is not counted, after a failure nothing is rolled back, and nothing waits for
  confirmations.

Runs: {runs} of everything, but {runs_of_largest} of each peer with {most:,} instances. What is promised for fewer than
a thousand is held against the mean of {runs_of_small} runs, in a table of its own."""


@dataclass(frozen=True, slots=True)
class Task:
    """One run of one tool."""

    tool: Tool
    job: Job
    count: int
    seed: int

    def __call__(self) -> Outcome:
        return self.tool(self.job, self.count, self.seed)


def run(runs: int, quick: bool) -> Section:
    """Measure everything."""
    sizes = QUICK_SIZES if quick else SIZES
    peers = [peer for peer in PEERS if peer is not custodian.run or custodian.is_installed()]
    look = ours.processor_time(max(sizes), runs)
    own = partial(ours.run, processor_seconds=look.median)
    return section(measure(tasks(own, peers, sizes, runs, 2 if quick else RUNS_OF_SMALL)), look, runs)


def tasks(own: Tool, peers: Sequence[Tool], sizes: Sequence[int], runs: int, runs_of_small: int) -> list[Task]:
    """Everything that has to be run, and last what is right already: only ours is asked about that."""

    def times(tool: Tool, count: int) -> int:
        if tool is own:
            return max(runs, runs_of_small) if count < LARGE else runs
        return RUNS_OF_LARGEST if count == SIZES[-1] else runs

    found = [
        Task(tool, job, count, seed)
        for tool in (own, *peers)
        for count in sizes
        for job in JOBS
        for seed in range(1, 1 + times(tool, count))
    ]
    return [*found, Task(own, Job.NOTHING, min(LARGE, max(sizes)), 1)]


def measure(todo: Iterable[Task]) -> list[Outcome]:
    """Run tasks side by side, the largest first. Time is virtual, so they don't disturb each other."""
    shown = list(todo)
    ordered = sorted(shown, key=lambda task: -task.count)
    with ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as pool:
        outcomes = dict(zip(ordered, pool.map(_call, ordered), strict=True))
    return [outcomes[task] for task in shown]


def _call(task: Task) -> Outcome:
    return task()


def section(outcomes: Sequence[Outcome], look: Samples, runs: int) -> Section:
    """What the outcomes say.

    Args:
        outcomes: of everything that was run.
        look: seconds of the processor that were measured for each instance that ours looks at.
        runs: how often everything was run.
    """
    own = [one for one in outcomes if one.tool == ours.NAME]
    small = [one for one in own if one.count < LARGE and one.job != Job.NOTHING.value]
    compared = [one for one in outcomes if one.seed <= runs]
    return Section(
        title="Convergence",
        text=_text(max(one.count for one in outcomes), look, runs),
        tables=[*(_table(job, compared) for job in JOBS), *([_small_table(small)] if small else [])],
        plots=[_plot(job, compared) for job in JOBS],
        verdicts=[*_call_verdicts(own), *_time_verdicts(own), *_small_verdicts(small), *_other_verdicts(own)],
        raw={"look": look.values, "outcomes": [_raw(one) for one in outcomes]},
        versions={"c7n": custodian.installed_version()} if custodian.is_installed() else {},
    )


def _text(looked_at: int, look: Samples, runs: int) -> str:
    return TEXT.format(
        per_instance=Samples(tuple(1000 * seconds for seconds in look.values)).text(),
        looked_at=looked_at,
        slice=SLICE_SECONDS,
        pause=QUERY_SECONDS,
        few=custom_resource.FEW,
        runs=runs,
        runs_of_largest=RUNS_OF_LARGEST,
        runs_of_small=RUNS_OF_SMALL,
        most=SIZES[-1],
        ids=careful_script.IDS_PER_CALL,
        threads=careful_script.THREADS,
        poll=careful_script.POLL_SECONDS,
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
    """The essential part of an error."""
    found = _CLIENT_ERROR.search(failure)
    text = "{}, {}: {}".format(*found.groups()) if found else failure
    return text if len(text) < MAX_ERROR_LENGTH else text[:MAX_ERROR_LENGTH].rpartition(" ")[0] + " ..."


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
    return Line(tool + _failed_targets(own, done), [(group[0].count, _samples(group, _ratio)) for group in done])


def _failed_targets(own: Sequence[Sequence[Outcome]], done: Sequence[Sequence[Outcome]]) -> str:
    """For readers of a plot: with how many instances a tool fails."""
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
        yield Verdict(
            promise=f"{job.value.capitalize()}: the last change within 5 % of the time that the buckets ask for, "
            f"with {LARGE:,} instances and with {SIZES[-1]:,}",
            measured=f"{_by_size(large, _bucket_ratio)}; until EC2 has confirmed it, held against the least time: "
            f"{_by_size(large, _ratio)}",
            kept=worst <= WITHIN and all(one.complete for group in large for one in group),
            cause="; ".join(_cause(group[0]) for group in large if median(map(_bucket_ratio, group)) > WITHIN),
        )


def _small_table(own: Sequence[Outcome]) -> Table:
    header = (
        "instances",
        "job",
        "runs",
        "/ least time, mean",
        "median",
        "seconds lost, mean",
        "EC2 calls per instance",
    )
    rows = [
        (
            f"{count:,}",
            job.value,
            str(len(group)),
            f"{mean(map(_ratio, group)):.3f}",
            f"{median(map(_ratio, group)):.3f}",
            f"{mean(one.seconds - one.least_seconds for one in group):.1f}",
            f"{mean(_ec2_calls(one) / one.count for one in group):.2f}",
        )
        for count in sorted({one.count for one in own})
        for job in JOBS
        if (group := _of(own, job, count))
    ]
    return Table("Small fleets, cdk-instance-role alone", header, rows, ["All figures but one are means of the runs."])


def _of(own: Iterable[Outcome], job: Job, count: int) -> list[Outcome]:
    return [one for one in own if (one.job, one.count) == (job.value, count)]


def _small_verdicts(own: Sequence[Outcome]) -> Iterator[Verdict]:
    for count in sorted({one.count for one in own}):
        groups = {job: group for job in JOBS if (group := _of(own, job, count))}
        means = {job: mean(map(_ratio, group)) for job, group in groups.items()}
        lost = mean(one.seconds - one.least_seconds for group in groups.values() for one in group)
        yield Verdict(
            promise=f"{count:,} instances: time within 5 % of the least time, on average",
            measured=", ".join(f"{job.value} {ratio:.3f}" for job, ratio in means.items()),
            kept=max(means.values()) <= WITHIN and all(one.complete for group in groups.values() for one in group),
            cause=_cause_of_small([one for group in groups.values() for one in group], lost),
        )


def _cause_of_small(own: Sequence[Outcome], lost: float) -> str:
    """The use of the seconds: before the first change, until the last one, and after the last confirmation."""
    parts = {
        "before the first change is called for": mean(one.first_seconds for one in own),
        "from then until the last change is accepted": mean(one.changed_seconds - one.first_seconds for one in own),
        "after EC2 has confirmed the last one": mean(one.seconds - one.confirmed_seconds for one in own),
    }
    shown = ", ".join(f"{seconds:.1f} s {what}" for what, seconds in parts.items())
    return f"{lost:.1f} s are lost on average: {shown}"


def _by_size(groups: Iterable[Sequence[Outcome]], value: Callable[[Outcome], float]) -> str:
    return ", ".join(f"{_samples(group, value).text('.3f')} with {group[0].count:,}" for group in groups)


def _bucket_ratio(one: Outcome) -> float:
    return one.changed_seconds / one.bucket_seconds


def _cause(one: Outcome) -> str:
    """The use of the time, by the state of the bucket whose last call came last."""
    if not one.complete:
        return f"with {one.count:,} it ended with {one.carrying:,} instances done: {one.failure[:200]}"
    last = one.uses[0]
    over = one.changed_seconds - one.bucket_seconds
    rest = last.last_seconds - last.least_seconds - last.share_seconds - last.full_at_first_seconds - last.full_seconds
    parts = [
        (last.least_seconds - one.bucket_seconds, "are what that bucket alone asks for beyond that"),
        (last.share_seconds, "are for what is left to others in the account"),
        (last.full_at_first_seconds, "passed before the first of these calls"),
        (last.full_seconds, "the bucket was full: everything was looked at or written down, or no invocation ran"),
        (rest, "of tokens were left over in the end"),
        (one.changed_seconds - last.last_seconds, "took the answer to the last call"),
    ]
    shown = ", ".join(f"{seconds:.1f} s {what}" for seconds, what in parts if abs(seconds) >= 0.05)
    return (
        f"with {one.count:,} it took {over:.1f} s more than {one.bucket_seconds:,.0f} s ({last.action} last): {shown}"
    )


def _other_verdicts(own: Sequence[Outcome]) -> Iterator[Verdict]:
    seconds = sum(one.seconds_without_role for one in own)
    yield Verdict(
        promise="No running instance without a role at any moment while it is replaced",
        measured=f"{seconds:.0f} s, summed over all instances and runs",
        kept=not seconds,
    )
