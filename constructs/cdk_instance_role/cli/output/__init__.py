"""What becomes of a report: it is shown, and written as a page."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import get_terminal_size

from rich.console import Console

from ..model import CliError
from ..render import Format, page, render
from ..status_model import Report
from .page_file import check_replaceable, replace_text
from .standard_output import standard_output

WIDTH_OF_FILES, LINES_OF_FILES = 140, 25
"""Columns and lines of what is no terminal."""


@dataclass(frozen=True, slots=True)
class Output:
    """What becomes of a report."""

    format: Format
    full: bool
    page: Path | None

    def check(self) -> None:
        """Make sure that the output and the page have a place, before the look takes its time.

        Raises:
            CliError: one of them has none.
        """
        with standard_output():
            pass
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
            CliError: the page or the output can't be written.
        """
        with ExitStack() as last:
            last.callback(self._show, report)
            if self.page:
                with _page_errors(self.page):
                    replace_text(self.page, page.text(report))

    def _show(self, report: Report) -> None:
        with standard_output(as_utf_8=self.format is not Format.TABLE) as out:
            # A file or a log has room. Unlike rich, this takes a width of 0 in COLUMNS for none.
            width, height = get_terminal_size((WIDTH_OF_FILES, LINES_OF_FILES))
            render(report, self.format, Console(file=out, width=width, height=height), full=self.full)


@contextmanager
def _page_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CliError(f"--page {file} can't be written: {error.strerror}: name another file") from None
