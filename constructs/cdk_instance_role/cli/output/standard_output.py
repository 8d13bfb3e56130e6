"""Standard output, which takes text of any origin, or can't be written to."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from ..model import CliError


@contextmanager
def standard_output(*, as_utf_8: bool = False) -> Iterator[TextIO]:
    """Standard output, with everything written once the block has ended.

    A character that its encoding lacks becomes a question mark: a redirect on Windows has the encoding of the system.

    Args:
        as_utf_8: whether a file or a pipe gets UTF-8, whatever encoding the environment asks for.

    Raises:
        CliError: it can't be written to.
        BrokenPipeError: its reader has gone.
    """
    out: TextIO | None = sys.stdout
    if out is None:  # Python's answer to a closed file descriptor
        raise CliError("standard output is closed: redirect it to a file, or to /dev/null")
    try:
        if isinstance(out, io.TextIOWrapper):
            out.reconfigure(encoding="utf-8" if as_utf_8 and not out.isatty() else None, errors="replace")
        yield out
        out.flush()
    except OSError as error:
        _discard(out)
        if isinstance(error, BrokenPipeError):
            raise
        raise CliError(f"standard output can't be written: {error.strerror}") from None


def _discard(out: TextIO) -> None:
    """Drop what is still to be written: Python would write it when it ends, and fail again."""
    with suppress(OSError), open(os.devnull, "w") as nothing:
        os.dup2(nothing.fileno(), out.fileno())
