"""The tools of the benchmark of convergence, with ten instances."""

import pytest

from benchmarks import convergence
from benchmarks.cloud import Job
from benchmarks.peers import boto3_loop, ours, runbook

TEN = 10


def test_ours_does_every_job(subtests: pytest.Subtests) -> None:
    for job in Job:
        with subtests.test(job.value):
            found = ours.run(job, TEN, seed=1)
            assert (found.complete, found.failure) == (True, "")
            assert found.seconds >= found.least_seconds
            assert found.seconds_without_role == 0


def test_a_run_takes_the_same_time_every_time() -> None:
    assert ours.run(Job.HALF_STOPPED, TEN, seed=3) == ours.run(Job.HALF_STOPPED, TEN, seed=3)


def test_the_loop_stops_at_the_first_stopped_instance() -> None:
    assert boto3_loop.run(Job.REPLACE, TEN, seed=1).complete
    found = boto3_loop.run(Job.HALF_STOPPED, TEN, seed=1)
    assert found.carrying == 1
    assert "IncorrectState" in found.failure


def test_the_runbook_leaves_running_instances_without_a_role_for_seconds() -> None:
    found = runbook.run(Job.REPLACE, TEN, seed=1, at_once=runbook.FEW)
    assert found.complete
    assert found.seconds_without_role > 4 * TEN


def test_the_section_shows_everyone_and_judges_ours() -> None:
    tools = ("ours", "boto3_loop", "runbook_few")
    outcomes = [convergence.Task(tool, job, TEN, 1)() for tool in tools for job in convergence.JOBS]
    section = convergence.section(outcomes, runs=1)
    assert [len(table.rows) for table in section.tables] == [3, 3, 3]
    assert all(verdict.kept for verdict in section.verdicts)
    (line,) = (one for one in section.plots[-1].lines if one.label.startswith(boto3_loop.NAME))
    assert line.label.endswith("(fails)")
    assert not line.points
