"""What people see on standard error while a command looks at AWS."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from ...runtime.association.aws.rate_limiter import RateLimiter
from ..model import CliError
from ..text import one_line


class _CountingRateLimiter(RateLimiter):
    """Paces the calls, and shows how many there were."""

    def __init__(self, advance: Callable[[], Any]) -> None:
        super().__init__()
        self._advance = advance

    def acquire(self, action: str, *, until: float = float("inf")) -> bool:
        """Wait for the right to make one call."""
        self._advance()
        return super().acquire(action, until=until)


class ProgressDisplay:
    """A bar on a terminal, and lines that stay."""

    def __init__(self, progress: Progress, what: str) -> None:
        self._progress, self._task = progress, progress.add_task(what, total=None)
        self._stopped = threading.Event()

    def rate_limiter(self) -> RateLimiter:
        """Hands out the right to call EC2 in one account and Region: each has limits of its own."""
        return _CountingRateLimiter(self._advance)

    def _advance(self) -> None:
        self.check()
        self._progress.advance(self._task)

    def stop(self) -> None:
        """End the looks that are under way, as after Ctrl-C."""
        self._stopped.set()

    def check(self) -> None:
        """
        Raises:
            CliError: the looks were stopped.
        """
        if self._stopped.is_set():
            raise CliError("stopped")

    def say(self, text: str) -> None:
        """Show a line."""
        self._progress.console.print(Text(one_line(text)), soft_wrap=True)


@contextmanager
def progress_display(what: str) -> Iterator[ProgressDisplay]:
    """Show on a terminal that something takes its time."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed} calls"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield ProgressDisplay(progress, what)
