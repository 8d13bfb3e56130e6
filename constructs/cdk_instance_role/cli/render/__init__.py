"""How reports are shown: as a table, as a comment on a pull request, as a page, as JSON."""

from enum import StrEnum

from rich.console import Console

from ..status_model import Report
from . import json_document, markdown, page, text_tables


class Format(StrEnum):
    """What a report can be shown as."""

    TABLE = "table"
    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"


def render(report: Report, format: Format, console: Console, *, full: bool = False) -> None:
    """Show a report.

    Args:
        report: what was found.
        format: how it is shown.
        console: where. Its width and whether it is a terminal matter to the table only; the other formats go to its
            file as they are.
        full: show every instance, also where there are thousands. A page and JSON always hold all of them, and a
            comment never more than GitHub takes.
    """
    match format:
        case Format.TABLE:
            text_tables.show(report, console, full=full)
        case Format.MARKDOWN:
            console.file.write(markdown.text(report, full=full))
        case Format.HTML:
            console.file.write(page.text(report))
        case Format.JSON:
            console.file.write(json_document.text(report))
