"""How long errors of AWS are tried again before they are believed."""

import pytest
from botocore.exceptions import ClientError

from cdk_instance_role.runtime.association.converge.retry_window import RetryWindow
from tests.unit.clock import Clock

DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "not authorized"}}, "DescribeAlarms")
THROTTLED = ClientError({"Error": {"Code": "Throttling", "Message": "slow down"}}, "DescribeAlarms")
PAUSE = 3.0


def believed_after(clock: Clock, *, look: float) -> float | None:
    """Seconds after the first denial until it is believed, if each look takes so long until it meets it."""
    window, first = RetryWindow(clock), clock() + look
    while clock() < first + 600:
        clock.sleep(look)
        if window.is_over(DENIED):
            return clock() - first
        clock.sleep(PAUSE)
    return None


@pytest.mark.parametrize("look", [0.0, 10.0, 26.0, 28.0, 40.0, 55.0])
def test_a_lasting_denial_is_believed_after_a_minute_however_long_a_look_takes(look: float) -> None:
    seconds = believed_after(Clock(), look=look)
    assert seconds is not None
    assert 60 <= seconds <= 60 + look + PAUSE


@pytest.mark.parametrize("seconds_without", [31, 35, 70, 110])
def test_a_denial_that_was_not_seen_for_a_while_is_counted_anew(seconds_without: float) -> None:
    clock = Clock()
    window = RetryWindow(clock)
    clock.sleep(5)
    assert not window.is_over(DENIED)
    window.passed()
    clock.sleep(seconds_without)
    assert not window.is_over(DENIED)
    window.passed()
    clock.sleep(59)
    assert not window.is_over(DENIED)


def test_how_long_work_succeeded_before_a_denial_does_not_matter() -> None:
    clock = Clock()
    window = RetryWindow(clock)
    for _ in range(5):
        clock.sleep(120)
        window.passed()
        assert not window.is_over(DENIED)


def test_a_denial_behind_a_success_is_believed_if_it_keeps_coming() -> None:
    clock = Clock()
    window = RetryWindow(clock)
    believed = []
    for _ in range(4):
        window.passed()
        believed.append(window.is_over(DENIED))
        clock.sleep(20)
    assert believed == [False, False, False, True]


def test_a_throttled_call_is_never_believed() -> None:
    clock = Clock()
    window = RetryWindow(clock)
    for _ in range(100):
        assert not window.is_over(THROTTLED)
        clock.sleep(20)
