"""The least time that EC2 allows, calculated by hand."""

import pytest

from benchmarks.cloud import Job, bucket_seconds, least_seconds, outcome, populate
from tests.simulator.fleet import FASTEST_CONFIRMATION, SLOWEST_CONFIRMATION
from tests.simulator.simulator import Simulator


@pytest.mark.parametrize(
    ("job", "count", "seconds"),
    [
        (Job.ASSOCIATE, 100, 0),  # all at once
        (Job.ASSOCIATE, 1000, 180),  # 900 at 5 a second
        (Job.REPLACE, 1000, 190),  # its bucket holds 50
        (Job.HALF_STOPPED, 1000, 90),  # 500 are replaced, and at the same time 500 are disassociated and associated
        (Job.NOTHING, 1000, 0),
    ],
)
def test_the_buckets_determine_the_least_time_of_the_last_change(job: Job, count: int, seconds: float) -> None:
    assert bucket_seconds(job, count) == seconds


def test_the_least_time_includes_the_confirmation_of_the_last_change() -> None:
    least = least_seconds(Job.ASSOCIATE, 1000, seed=1)
    assert 180 + FASTEST_CONFIRMATION < least < 181 + SLOWEST_CONFIRMATION


def test_an_instance_that_loses_its_profile_counts_until_it_has_credentials_again() -> None:
    simulator = Simulator()
    running, stopped = populate(simulator, Job.HALF_STOPPED, 2, seed=1)
    for instance_id in (running, stopped):
        row = simulator.fleet.active(instance_id)
        assert row
        simulator.fleet.end(row)
    simulator.clock.sleep(10)
    (web,) = (arn for arn, profile in simulator.fleet.profiles.items() if profile.name == "Web")
    simulator.fleet.begin(running, web)
    found = outcome(simulator, "somebody", Job.HALF_STOPPED, 2, seed=1)
    assert found.seconds_without_role == 10 + 4, "EC2 takes 4 s to deliver a first role"
    assert (found.carrying, found.bare, found.complete) == (1, 1, False)


def test_a_replaced_profile_leaves_no_gap() -> None:
    simulator = Simulator()
    (instance_id,) = populate(simulator, Job.REPLACE, 1, seed=1)
    row = simulator.fleet.active(instance_id)
    (web,) = (arn for arn, profile in simulator.fleet.profiles.items() if profile.name == "Web")
    assert row
    simulator.fleet.replace(row, web)
    found = outcome(simulator, "somebody", Job.REPLACE, 1, seed=1)
    assert (found.seconds_without_role, found.complete) == (0, True)
