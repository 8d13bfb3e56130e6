"""Services that can't be reached: endpoints belong to services, so the others may well answer."""

import time
from collections.abc import Callable
from typing import Any

from botocore import exceptions

CONNECTION_ERRORS = (exceptions.ConnectionError, exceptions.HTTPClientError)
RETRY_SECONDS = 30.0
"""After so long, a client tries again: `reconcile` waits for minutes, and a network can come back."""


def fail_at_once(client: Any, clock: Callable[[], float] = time.monotonic) -> None:
    """Let a client that could not reach its service say so at once for a while: to wait for each call takes long.

    Args:
        client: of boto3.
        clock: seconds, of any clock.
    """
    known: list[tuple[Exception, float]] = []

    def note(exception: Exception, **_: Any) -> None:
        if isinstance(exception, exceptions.ConnectionError):  # others come after a connection was made
            known[:] = [(exception, clock() + RETRY_SECONDS)]

    def refuse(**_: Any) -> None:
        for exception, until in known:
            if clock() < until:
                raise exception

    client.meta.events.register("after-call-error", note)
    client.meta.events.register_first("before-call", refuse)
