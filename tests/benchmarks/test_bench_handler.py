"""The benchmark of the handler: its programs work, and its figures come from their output."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks import handler, handler_start
from benchmarks.handler import exponent
from benchmarks.handler_fresh import fresh
from benchmarks.handler_memory import peak_memory
from benchmarks.handler_start import Start
from benchmarks.handler_targets import KINDS, desired, mixed
from benchmarks.model import Samples, Section
from cdk_instance_role.runtime.association.decide.plan import OperationContext, plan_desired
from cdk_instance_role.runtime.association.decide.step import Action


def test_the_targets_are_of_every_kind() -> None:
    snapshot = mixed(10 * len(KINDS))
    plan = plan_desired(desired(snapshot.selected), snapshot, OperationContext())
    planned = {step.action for step in plan.steps}
    assert planned == {Action.ASSOCIATE, Action.REPLACE, Action.SWAP, Action.DISASSOCIATE, Action.KEEP, Action.WAIT}
    assert any(step.undo for step in plan.steps)


def test_the_program_that_plans_reports_time_and_memory(tmp_path: Path) -> None:
    said = fresh(["-m", "benchmarks.handler_plan", "70", "traced"], tmp_path)
    assert 0 < said["values"] < said["before"] <= said["memory"]
    assert said["cpu"] > 0
    assert said["seconds"] > 0


def test_the_program_that_observes_makes_the_calls_of_an_observation(tmp_path: Path) -> None:
    said = fresh(["-m", "benchmarks.handler_look", "191"], tmp_path)
    assert said["calls"] == 2 * 2 + 1, "one of each kind for 190 targets, and one for the ledger"
    assert said["look"] == pytest.approx(said["ledger"] + said["instances"] + said["plan"])


def test_fails_when_a_program_fails_and_says_how(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="No such thing"):
        fresh(["-c", "raise ValueError('No such thing')"], tmp_path)


def test_the_memory_of_a_process_does_not_begin_with_that_of_its_parent(tmp_path: Path) -> None:
    ballast = b"." * 100_000_000
    said = fresh(["-c", "from benchmarks.handler_memory import *; answer(peak_memory())"], tmp_path)
    assert said < 50 < len(ballast) / 2**20 < peak_memory()


def test_a_power_law_has_its_exponent() -> None:
    assert exponent([1_000, 2_000, 5_000], [3.0, 12.0, 75.0]) == pytest.approx(2)


@pytest.fixture
def section(monkeypatch: pytest.MonkeyPatch) -> Section:
    """Results in which planning grows with the square of the targets, and our start takes twice as long."""

    def say(arguments: Sequence[str], *_: Any, **_more: str) -> Mapping[str, float]:
        count = int(arguments[2])
        square = {"cpu": (count / 10_000) ** 2, "seconds": (count / 10_000) ** 2}
        linear = dict.fromkeys(
            ("undo", "uncollected", "memory", "values", "look", "boto3", "instances", "ledger", "plan"), count / 100
        )
        return {**linear, **square, "calls": 1.0}

    def start(seconds: float) -> Start:
        return Start(Samples((seconds, seconds)), Samples((seconds, seconds)), Samples((70.0, 70.0)))

    starts = {handler.BOTO3: start(0.5), handler.DEPLOYED: start(1.0), handler.COMPILED: start(0.8)}
    monkeypatch.setattr(handler, "fresh", say)
    monkeypatch.setattr(handler_start, "measure", lambda *_: starts)
    return handler.run(runs=2, quick=False)


def test_promises_are_compared_with_measurements(section: Section) -> None:
    kept = {verdict.promise: verdict.kept for verdict in section.verdicts}
    assert kept == {
        "imports and clients take at most 1.15 times what `import boto3` and the same clients take": False,
        "the plan alone of 10,000 targets takes less than a second": False,
        "the plan alone of 10,000 targets takes no more than 256 MB": True,
        "10,000 targets are looked at and planned within 256 MB": True,
        "the processor time of the plan alone grows with the number of targets and no faster": False,
        "the memory of a plan grows with the number of targets and no faster": True,
        "the processor time of a look grows with the number of targets and no faster": True,
    }


def test_the_cause_of_a_slow_start_is_measured(section: Section) -> None:
    cause = section.verdicts[0].cause
    assert cause == "boto3 alone takes 500 ms and the handler 1000 ms, of which compiling its sources takes 200 ms"
