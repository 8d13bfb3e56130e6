"""An operation that runs in the middle of another one."""

from typing import Any

from tests.simulator.driver import Resource, Result


def finish_into(results: list[Result], resource: Resource, event: dict[str, Any]) -> None:
    """Finish the operation of an event that has begun.

    Args:
        results: what the result is added to.
        resource: the association.
        event: the event.
    """
    results.append(resource.finish(event))
