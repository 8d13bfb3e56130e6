"""What tests of rollouts have in common."""

from collections.abc import Callable
from typing import Any

from tests.simulator.driver import QUERY_SECONDS, Resource

BAKE = 60
IN_WAVES = {"First": 1, "Percentages": [10, 50, 100], "BakeSeconds": BAKE, "Alarms": [], "MaxFailures": "0"}
WATCHED = {**IN_WAVES, "Alarms": ["Errors", "Latency"]}


def poll_until(resource: Resource, event: dict[str, Any], condition: Callable[[], bool]) -> None:
    """Let the operation go on until something is so."""
    while not condition():
        assert resource.poll(event) == {"IsComplete": False}
        resource.world.clock.sleep(QUERY_SECONDS)
