"""What people see on standard error while a command looks at AWS."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ...runtime.association.aws.rate_limiter import RateLimiter
from ..text import one_line


class _ShownPace(RateLimiter):
    """Paces the calls, and shows how many there were."""

    def __init__(self, advance: Callable[[], Any]) -> None:
        super().__init__()
        self._advance = advance

    def take(self, action: str, *, until: float = float("inf")) -> bool:
        """Wait for the right to make one call."""
        self._advance()
        return super().take(action, until=until)


class Shown:
    """A bar on a terminal, and lines that stay."""

    def __init__(self, progress: Progress, what: str) -> None:
        self._progress, self._task = progress, progress.add_task(what, total=None)

    def rate_limiter(self) -> RateLimiter:
        """Hands out the right to call EC2 in one account and Region: each has limits of its own."""
        return _ShownPace(lambda: self._progress.advance(self._task))

    def say(self, text: str) -> None:
        """Show a line."""
        self._progress.console.print(escape(one_line(text)), highlight=False, soft_wrap=True)


@contextmanager
def shown(what: str) -> Iterator[Shown]:
    """Show on a terminal that something takes its time."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed} calls"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield Shown(progress, what)
