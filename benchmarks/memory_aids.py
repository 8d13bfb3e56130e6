"""Results that are calculated only once. With 10,000 instances most pages of a look are equal to the previous ones.

It changes no result: only the time that the benchmark itself takes.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

from botocore.parsers import EC2QueryParser, JSONParser

from tests.simulator import ec2


@contextmanager
def remembering() -> Iterator[None]:
    """Let botocore remember how it has parsed an answer, which nobody may change then; and the simulator, which
    values pass a filter."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(ec2, "_like", cache(ec2._like)))
        for parser in (EC2QueryParser, JSONParser):
            stack.enter_context(patch.object(parser, "parse", _remembering(parser.parse)))
        yield


def _remembering(parse: Any) -> Any:
    known: dict[tuple[str, bytes], Any] = {}

    def remembered(self: Any, response: Any, shape: Any) -> Any:
        key = shape.name, response["body"]
        if response["status_code"] != 200:
            return parse(self, response, shape)
        if key not in known:
            known[key] = parse(self, response, shape)
        return dict(known[key])  # what is read from an answer besides this is put into it

    return remembered
