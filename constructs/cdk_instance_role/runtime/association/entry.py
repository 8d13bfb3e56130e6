"""What Lambda starts: the handler and its clients, made once for all invocations of a function's instance.

Nothing but Lambda imports this module, because it touches the whole process.
"""

import gc

# What is imported stays, so looking for garbage among it only makes a cold start longer: 1.36 times as long, measured.
gc.disable()

from typing import Any  # noqa: E402

from . import handler  # noqa: E402
from .services import Services  # noqa: E402

_services = Services.from_environment()
gc.freeze()
gc.enable()


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Entry point of the function, for both phases.

    Args:
        event: what the provider framework hands over.
        context: of this invocation, from Lambda.
    """
    if handler.PHASE in event:
        return handler.is_complete(event, _services, owner=context.aws_request_id)
    return handler.on_event(event, _services)


def handle_messages(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Entry point of the function that enforces.

    Args:
        event: some messages of its queue.
        context: of this invocation, from Lambda.
    """
    return handler.on_queue(event, _services, owner=context.aws_request_id)
