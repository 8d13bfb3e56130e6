"""Reads that survive throttling: each page is asked for until it is answered, for a limited time.

botocore's own retries don't do that. They have a quota for each client, and a client lives as long as its process:
after many throttled calls nothing is retried any more, in this invocation and in the next ones. So the clients for
these reads make one attempt, and what is retried, and when, is decided here. A paginator can't be used then, because it
is over once it has raised an error.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain, repeat
from typing import Any, TypeVar

from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

from ..decide.outcome import ErrorKind
from .errors import error_kind_of
from .rate_limiter import RateLimiter

PATIENCE_SECONDS = 30.0
"""For how long a throttled read is repeated."""
MAX_UNANSWERED = 3
"""How many attempts a read gets that AWS does not answer, or answers with an error of its own."""
PAUSES_SECONDS = (0.1, 0.2, 0.4, 0.8, 1.6)
"""Before each further attempt. The last one is before all that follow, too."""
PAGE_SIZE = 1000
"""The largest pages that EC2 gives."""

T = TypeVar("T")


def pages(
    call: Callable[..., Any], action: str, rate_limiter: RateLimiter, **parameters: Any
) -> Iterator[Mapping[str, Any]]:
    """All pages of a read, each of them once.

    Args:
        call: method of a client that makes one attempt. Its pages are linked by ``NextToken``.
        action: what it calls.
        rate_limiter: decides when a call may go out.
        parameters: of the call.

    Raises:
        ClientError, BotoCoreError: a page was not answered, although it was asked for again and again.
    """

    def ask(more: Mapping[str, str]) -> Any:
        return answer(lambda: call(**parameters, **more), action, rate_limiter)

    page = ask({})
    yield page
    while token := page.get("NextToken"):
        page = ask({"NextToken": token})
        yield page


def answer(call: Callable[[], T], action: str, rate_limiter: RateLimiter) -> T:
    """The answer to one read, which is repeated while AWS does not give one.

    Args:
        call: makes one attempt.
        action: what it calls.
        rate_limiter: decides when a call may go out.

    Raises:
        ClientError, BotoCoreError: what the last attempt has ended with.
    """
    give_up_at, unanswered = rate_limiter.clock() + PATIENCE_SECONDS, 0
    pauses = chain(PAUSES_SECONDS, repeat(PAUSES_SECONDS[-1]))
    while True:
        rate_limiter.acquire(action)
        try:
            return call()
        except (ClientError, BotoCoreError) as error:
            if _is_throttled(error):
                rate_limiter.was_throttled(action)
            else:
                unanswered += 1
            pause = next(pauses)
            if not _may_succeed(error) or unanswered >= MAX_UNANSWERED or rate_limiter.clock() + pause > give_up_at:
                raise
        rate_limiter.sleep(pause)


def _is_throttled(error: ClientError | BotoCoreError) -> bool:
    return error_kind_of(error) is ErrorKind.THROTTLED


def _may_succeed(error: ClientError | BotoCoreError) -> bool:
    """Whether the same call may be answered a moment later."""
    if isinstance(error, ClientError):
        return error_kind_of(error) in (ErrorKind.THROTTLED, ErrorKind.UNREACHABLE)
    return isinstance(error, exceptions.ConnectionError | exceptions.HTTPClientError)
