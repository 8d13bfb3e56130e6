"""Services that can't be reached: endpoints belong to services, so the others may well answer."""

from typing import Any

from botocore import exceptions

CONNECTION_ERRORS = (exceptions.ConnectionError, exceptions.HTTPClientError)


def fail_at_once(client: Any) -> None:
    """Let a client that could not reach its service say so at once from then on: to wait for each call takes long.

    Args:
        client: of boto3.
    """
    known: list[Exception] = []

    def note(exception: Exception, **_: Any) -> None:
        if isinstance(exception, exceptions.ConnectionError):  # others come after a connection was made
            known.append(exception)

    def refuse(**_: Any) -> None:
        for one in known:
            raise one

    client.meta.events.register("after-call-error", note)
    client.meta.events.register_first("before-call", refuse)
