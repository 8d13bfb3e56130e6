"""The benchmark of throttling, with few instances."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from benchmarks import throttling
from benchmarks.throttling import SITUATIONS, Run, Task


@pytest.fixture(scope="module")
def runs() -> Mapping[str, Run]:
    return {context.name: Task(context, 60, 1)() for context in SITUATIONS}


def test_every_situation_throttles_as_described(runs: Mapping[str, Run]) -> None:
    alone, few, many, beside = (runs[context.name] for context in SITUATIONS)
    assert (alone.throttled, alone.denied) == (0, 0)
    assert 0 < few.throttled < many.throttled < 0.5
    assert beside.outcome.complete
    assert alone.outcome.seconds < many.outcome.seconds


def test_promises_are_compared_with_the_mean(runs: Mapping[str, Run]) -> None:
    def section_with(name: str, seconds: float, denied: float) -> dict[str, bool]:
        found = dict(runs)
        outcome = replace(found[name].outcome, changed_seconds=seconds, bucket_seconds=100.0, carrying=60)
        found[name] = Run(name, outcome, denied)
        section = throttling.section(found.values(), 60, 1)
        return {verdict.promise: verdict.kept for verdict in section.verdicts}

    promise = "5 % throttled at random: the last change within 1.35 times what the bucket allows, on average"
    assert section_with(SITUATIONS[1].name, 135.0, 0.0)[promise]
    assert not section_with(SITUATIONS[1].name, 136.0, 0.0)[promise]
    promise = "a neighbour that uses a fifth of the bucket is denied at most 15% of its calls, on average"
    assert section_with(SITUATIONS[3].name, 100.0, 0.15)[promise]
    assert not section_with(SITUATIONS[3].name, 100.0, 0.16)[promise]
