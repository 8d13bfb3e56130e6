"""Virtual time."""

import threading
import time

import pytest

from tests.simulator.clients import Clients
from tests.simulator.clock import VirtualClock
from tests.simulator.ec2 import DESCRIBE_INSTANCES
from tests.simulator.errors import throttled
from tests.simulator.simulator import Simulator


class MeetingClock(VirtualClock):
    """Lets nobody sleep before all sleepers have looked at the clock."""

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


def test_time_passes_only_when_someone_sleeps() -> None:
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


def test_one_who_sleeps_twice_sleeps_twice_as_long() -> None:
    clock = VirtualClock()
    clock.sleep(2)
    clock.sleep(3)
    assert clock.elapsed == 5


def test_those_who_sleep_at_the_same_time_sleep_side_by_side() -> None:
    assert slept_side_by_side(2, 5, 3) == 5


def test_fails_when_time_shall_go_back() -> None:
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
