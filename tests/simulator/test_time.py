"""Virtual time."""

import threading
import time

import pytest

from tests.simulator.clients import Clients
from tests.simulator.clock import RealClock, VirtualClock
from tests.simulator.ec2 import DESCRIBE_INSTANCES
from tests.simulator.errors import throttled
from tests.simulator.faults import KilledError
from tests.simulator.simulator import Simulator


class MeetingClock(VirtualClock):
    """Lets no thread sleep before all threads have read the clock."""

    def __init__(self, sleepers: int) -> None:
        super().__init__()
        self._all = threading.Barrier(sleepers)

    def __call__(self) -> float:
        now = super().__call__()
        if threading.current_thread() is not threading.main_thread():
            self._all.wait(timeout=10)
        return now


def slept_side_by_side(*seconds: float) -> float:
    """How long it takes several threads to sleep at the same time."""
    clock = MeetingClock(len(seconds))
    threads = [threading.Thread(target=clock.sleep, args=(each,)) for each in seconds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return clock.elapsed


def test_time_passes_only_in_a_sleep() -> None:
    clock = VirtualClock()
    assert clock() == clock()
    clock.sleep(5)
    assert clock.elapsed == 5


def test_an_hour_passes_in_no_time() -> None:
    clock, began = VirtualClock(), time.monotonic()
    for _ in range(3600):
        clock.sleep(1)
    assert clock.elapsed == 3600
    assert time.monotonic() - began < 1


def test_two_sleeps_of_one_thread_take_twice_as_long() -> None:
    clock = VirtualClock()
    clock.sleep(2)
    clock.sleep(3)
    assert clock.elapsed == 5


def test_threads_that_sleep_at_the_same_time_sleep_in_parallel() -> None:
    assert slept_side_by_side(2, 5, 3) == 5


def test_fails_when_the_seconds_are_negative() -> None:
    with pytest.raises(AssertionError):
        VirtualClock().sleep(-1)


def test_botocore_sleeps_in_virtual_time_before_it_tries_again(
    simulator: Simulator, clients: Clients, clock: VirtualClock
) -> None:
    began = time.monotonic()
    for _ in range(50):
        simulator.traffic.fail(DESCRIBE_INSTANCES, throttled(), times=2)
        clients.ec2.describe_instances()
    assert clock.elapsed > 10
    assert time.monotonic() - began < 10


def test_simulators_have_times_of_their_own() -> None:
    one, other = Simulator(), Simulator()
    one.clock.sleep(60)
    assert one.clock() - other.clock() == 60


def test_a_job_runs_whenever_it_is_due_during_a_sleep(clock: VirtualClock) -> None:
    ran_at: list[float] = []
    clock.every(15, lambda: ran_at.append(clock.elapsed))

    for _ in range(5):
        clock.sleep(10)

    assert ran_at == [15, 30, 45]


def test_jobs_run_in_the_order_in_which_they_are_due(clock: VirtualClock) -> None:
    ran: list[tuple[float, str]] = []
    clock.every(15, lambda: ran.append((clock.elapsed, "slow")))
    clock.every(10, lambda: ran.append((clock.elapsed, "quick")))

    clock.sleep(31)

    assert ran == [(10, "quick"), (15, "slow"), (20, "quick"), (30, "slow"), (30, "quick")]


def test_a_job_that_is_stopped_does_not_run_again(clock: VirtualClock) -> None:
    ran_at: list[float] = []
    stop = clock.every(15, lambda: ran_at.append(clock.elapsed))
    clock.sleep(20)

    stop()
    stop()
    clock.sleep(60)

    assert (ran_at, clock.timers) == ([15], 0)


def test_a_job_can_stop_itself(clock: VirtualClock) -> None:
    ran_at: list[float] = []

    def once() -> None:
        ran_at.append(clock.elapsed)
        stop()

    stop = clock.every(15, once)
    clock.sleep(60)

    assert (ran_at, clock.timers) == ([15], 0)


def test_the_next_run_of_a_job_begins_one_pause_after_the_end_of_the_last_one(clock: VirtualClock) -> None:
    """As in a thread that waits, works, and waits again: a job never runs beside itself."""
    ran_at: list[float] = []

    def work() -> None:
        ran_at.append(clock.elapsed)
        clock.sleep(20)

    clock.every(15, work)
    clock.sleep(80)

    assert ran_at == [15, 50]


def test_another_job_runs_while_a_job_sleeps(clock: VirtualClock) -> None:
    ran: list[tuple[float, str]] = []

    def sleepy() -> None:
        clock.sleep(7)
        ran.append((clock.elapsed, "sleepy"))

    clock.every(10, sleepy)
    clock.every(15, lambda: ran.append((clock.elapsed, "other")))
    clock.sleep(20)

    assert ran == [(15, "other"), (17, "sleepy")]


def test_a_job_does_not_shorten_a_sleep(clock: VirtualClock) -> None:
    clock.every(15, lambda: clock.sleep(2))
    clock.sleep(20)
    assert clock.elapsed == 20


def test_a_job_that_runs_past_the_end_of_a_sleep_makes_the_sleep_longer(clock: VirtualClock) -> None:
    """There is one clock, and the job has advanced it."""
    clock.every(15, lambda: clock.sleep(10))
    clock.sleep(20)
    assert clock.elapsed == 25


def test_the_error_of_a_job_is_raised_in_the_sleeping_thread_and_ends_the_job(clock: VirtualClock) -> None:
    def fail() -> None:
        raise KilledError

    clock.every(15, fail)
    with pytest.raises(KilledError):
        clock.sleep(20)
    clock.sleep(20)

    assert (clock.elapsed, clock.timers) == (35, 0)


def test_stop_all_ends_all_jobs(clock: VirtualClock) -> None:
    clock.every(15, lambda: pytest.fail("it runs"))
    clock.stop_all()
    clock.sleep(20)
    assert clock.timers == 0


@pytest.mark.parametrize("seconds", [3600.0, -3600.0])
def test_the_wall_clock_can_be_set_but_not_the_monotonic_one(clock: VirtualClock, seconds: float) -> None:
    wall, monotonic = clock(), clock.monotonic()

    clock.jump(seconds)
    clock.sleep(5)

    assert (clock() - wall, clock.monotonic() - monotonic, clock.elapsed) == (seconds + 5, 5, 5)


@pytest.mark.parametrize("seconds", [3600.0, -3600.0])
def test_a_job_keeps_its_interval_when_the_wall_clock_is_set(clock: VirtualClock, seconds: float) -> None:
    ran_at: list[float] = []
    clock.every(15, lambda: ran_at.append(clock.elapsed))

    clock.sleep(10)
    clock.jump(seconds)
    clock.sleep(10)

    assert ran_at == [15]


def test_a_job_in_real_time_runs_until_it_is_stopped() -> None:
    clock, ran = RealClock(), threading.Semaphore(0)
    stop = clock.every(0.001, ran.release)

    runs = [ran.acquire(timeout=10) for _ in range(2)]
    stop()

    assert runs == [True, True]
    assert clock.monotonic() <= clock.monotonic()
