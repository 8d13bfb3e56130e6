"""Threads on virtual time."""

import pytest

from benchmarks.turns import Turns, taking_turns
from tests.simulator.clock import VirtualClock


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


def test_threads_wait_in_parallel(clock: VirtualClock) -> None:
    with Turns(clock).executor(3) as pool:
        for seconds in (2, 5, 3):
            pool.submit(clock.sleep, seconds)
    assert clock.elapsed == 5


def test_work_in_parallel_is_limited_by_the_number_of_workers(clock: VirtualClock) -> None:
    with Turns(clock).executor(2) as pool:
        for _ in range(6):
            pool.submit(clock.sleep, 1)
    assert clock.elapsed == 3


def test_the_thread_that_wakes_first_continues(clock: VirtualClock) -> None:
    woken: list[tuple[float, int]] = []

    def sleep(seconds: int) -> None:
        for _ in range(2):
            clock.sleep(seconds)
            woken.append((clock.elapsed, seconds))

    with Turns(clock).executor(3) as pool:
        for seconds in (5, 2, 3):
            pool.submit(sleep, seconds)
    assert woken == [(2, 2), (3, 3), (4, 2), (5, 5), (6, 3), (10, 5)]


def test_the_thread_that_waits_for_a_future_sleeps(clock: VirtualClock) -> None:
    with Turns(clock).executor(2) as pool:
        first = pool.submit(clock.sleep, 4)
        clock.sleep(1)
        pool.submit(clock.sleep, 2)
        assert clock.elapsed == 1
        first.result()
        assert clock.elapsed == 4


def test_a_future_has_the_result_or_the_error(clock: VirtualClock) -> None:
    with Turns(clock).executor(1) as pool:
        assert pool.submit(pow, 2, 5).result() == 32
        with pytest.raises(ZeroDivisionError):
            pool.submit(lambda: 1 / 0).result()


def test_afterwards_the_clock_works_as_before(clock: VirtualClock) -> None:
    with taking_turns(clock) as turns, turns.executor(1) as pool:
        pool.submit(clock.sleep, 1)
    clock.sleep(1)
    assert clock.elapsed == 2


def test_fails_when_all_threads_wait(clock: VirtualClock) -> None:
    with pytest.raises(RuntimeError, match="every thread waits"):
        Turns(clock).leave()
