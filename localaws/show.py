"""The output of the demo: progress, commands, tables. In colour on a terminal, plain lines elsewhere."""

import re
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from .fleet import InstanceView

PLAIN_WIDTH = 100
MARGIN, PROMPT = "   ", " $ "

_NAME_WIDTH = 20
_COLUMNS = {"Instance": 8, "Id": 19, "State": 7, "Instance profile": _NAME_WIDTH, "Association": 11, "": 1}
"""Columns of a table with their least widths, so that every table looks the same, and fits into 80 characters."""
_CHANGED = "←"

# Parts of a template's ARNs: of an ARN that CloudFormation joins only the last one is meaningful.
_PLUMBING = re.compile(r'\[[+-]\]\s+([\[\]{}, ]+|("Fn::Join"|"Ref"): .*|"(arn:|:iam::|)",?|"\w+Arn": \{)$')
_COUNT = re.compile(r"^\S+\.((?:Associated|Replaced|Kept)Count = \d+)$", re.MULTILINE)


class Screen:
    """Where the demo prints to."""

    def __init__(self) -> None:
        wide = sys.stdout.isatty()
        self._console = Console(width=None if wide else PLAIN_WIDTH, highlight=False)

    def heading(self, text: str) -> None:
        """Begin a section."""
        self.blank()
        self._line(text, "bold")

    def say(self, text: str, style: str = "") -> None:
        """A paragraph."""
        for line in textwrap.wrap(text, self._console.width - len(MARGIN), break_on_hyphens=False):
            self._line(MARGIN + line, style)

    def blank(self) -> None:
        """An empty line."""
        self._console.print()

    def raw(self, text: str) -> None:
        """Something that another program has printed."""
        self._console.print(Text(text), soft_wrap=True)

    @contextmanager
    def working(self, what: str) -> Iterator[None]:
        """Show that something takes its time, and how long it took."""
        began = time.monotonic()
        if self._console.is_terminal:
            columns = TextColumn(MARGIN), SpinnerColumn(), TextColumn(what), TimeElapsedColumn()
            with Progress(*columns, console=self._console, transient=True) as progress:
                progress.add_task(what, total=None)
                yield
            self.say(f"{what}: {time.monotonic() - began:.1f} s", style="dim")
        else:
            self.say(f"{what} ...")
            yield
            self.say(f"... done in {time.monotonic() - began:.1f} s")

    def command(self, subcommand: str, context: Mapping[str, str]) -> None:
        """A command as one would type it."""
        first, *others = [f"-c {key}={value}" for key, value in context.items()]
        *lines, last = [f"{PROMPT}cdk {subcommand} {first}", *(MARGIN + option for option in others)]
        self.blank()
        for line in (*(f"{line} \\" for line in lines), last):
            self._line(line, "cyan")
        self.blank()

    def shell(self, line: str) -> None:
        """Another command as one would type it."""
        self.blank()
        self._line(PROMPT + line, "cyan")
        self.blank()

    def fleet(
        self, seen: Mapping[str, InstanceView], *, title: str = "", before: Mapping[str, InstanceView] | None = None
    ) -> None:
        """A table of the instances.

        Args:
            seen: the instances.
            title: what stands above it.
            before: as they were; changes since are highlighted.
        """
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
        for heading, width in _COLUMNS.items():
            table.add_column(heading, min_width=width, no_wrap=True)
        for view in seen.values():
            changed = before is not None and before[view.id] != view
            table.add_row(
                view.name,
                view.id,
                view.state,
                _shortened(view.profile, _NAME_WIDTH) or "-",
                view.association or "-",
                _CHANGED if changed else "",
                style="bold green" if changed else "",
            )
        self.blank()
        if title:
            changes = "" if before is None else f" ({_CHANGED} changed)" if before != seen else " (nothing has changed)"
            self._line(f"{MARGIN}{title}{changes}", "bold")
        self._console.print(Padding(table, (0, 0, 0, len(MARGIN)), expand=False))

    def outputs(self, output: str) -> None:
        """The counts among the outputs of a stack that has been deployed."""
        self.say(", ".join(_COUNT.findall(output)))

    def template_changes(self, output: str) -> None:
        """The resources that ``cdk diff`` lists."""
        self.blank()
        for line in _resources(output):
            self._line(MARGIN + line, _diff_style(line))
        self.say("(shortened: `cdk diff` also lists the IAM statements that change)", style="dim")

    def _line(self, text: str, style: str) -> None:
        self._console.print(Text(text, style=style), soft_wrap=True)


def _shortened(name: str | None, width: int) -> str:
    """The beginning and the end of a name that CloudFormation has invented."""
    if name is None or len(name) <= width:
        return name or ""
    return f"{name[: width - 5]}…{name[-4:]}"


def _resources(output: str) -> Iterator[str]:
    """The section about resources, without logical ids, the order of creation and the plumbing of ARNs."""
    section = output.partition("\nResources\n")[2].partition("\n\n")[0].partition(" └─ [~] DependsOn")[0]
    left_out = False
    for line in section.splitlines():
        plumbing = bool(_PLUMBING.search(line))
        if not plumbing:
            yield " ".join(line.split()[:3]) if line.startswith("[") else line
        elif not left_out:
            yield f"{line.partition('[')[0]}    …"
        left_out = plumbing


def _diff_style(line: str) -> str:
    for mark, style in (("[+]", "green"), ("[-]", "red"), ("[~]", "yellow")):
        if mark in line:
            return style
    return ""
