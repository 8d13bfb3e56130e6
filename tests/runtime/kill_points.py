"""At which points of an operation the tests kill an invocation."""

import os

from tests.simulator.faults import KillSwitch


def kill_points(kill_switch: KillSwitch, first: int) -> list[tuple[int, str]]:
    """Numbers from the first one on, and names: of kill points with different outcomes, and with `make soak` of all.

    Args:
        kill_switch: that of an operation without a disturbance.
        first: number of its first point.
    """
    soaks = os.environ.get("HYPOTHESIS_PROFILE") == "soak"
    numbers = range(first, len(kill_switch.points)) if soaks else kill_switch.different(first)
    return [(number - first, kill_switch.points[number]) for number in numbers]
