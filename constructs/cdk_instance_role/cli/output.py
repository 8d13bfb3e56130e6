"""What becomes of a report: it is shown, and written as a page."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from .model import CliError
from .page_file import check_replaceable, replace_text
from .render import Format, page, render
from .status_model import Report

WIDTH_OF_FILES = 140
"""Columns of a table that is written to a file."""


@dataclass(frozen=True, slots=True)
class Output:
    """What becomes of a report."""

    format: Format
    full: bool
    page: Path | None

    def check(self) -> None:
        """Make sure that the page has a place, before the look takes its time.

        Raises:
            CliError: it has none.
        """
        if self.page == Path("-"):
            raise CliError(f"--page - is no file: name one, or use --format {Format.HTML} for standard output")
        if self.page:
            with _page_errors(self.page):
                if not self.page.parent.is_dir():
                    raise CliError(
                        f"--page {self.page}: there is no folder {self.page.parent}: create it, or name another file"
                    )
                check_replaceable(self.page)

    def write(self, report: Report) -> None:
        """Write the page, and show the report, also if there is no room for the page.

        Raises:
            CliError: the page can't be written.
        """
        with ExitStack() as last:
            last.callback(render, report, self.format, _console(), full=self.full)
            if self.page:
                with _page_errors(self.page):
                    replace_text(self.page, page.text(report))


@contextmanager
def _page_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CliError(f"--page {file} can't be written: {error.strerror}: name another file") from None


def _console() -> Console:
    """Standard output; in a file or a log there is room."""
    return Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else WIDTH_OF_FILES)
