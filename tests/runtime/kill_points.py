"""At which points of an operation the tests kill an invocation."""

import os

from tests.simulator.faults import Lifeline


def kill_points(lifeline: Lifeline, first: int) -> list[tuple[int, str]]:
    """Numbers from the first one on, and names: of the points where it makes a difference, and with `make soak` of all.

    Args:
        lifeline: that of an operation without a disturbance.
        first: number of its first point.
    """
    soaks = os.environ.get("HYPOTHESIS_PROFILE") == "soak"
    numbers = range(first, len(lifeline.points)) if soaks else lifeline.different(first)
    return [(number - first, lifeline.points[number]) for number in numbers]
