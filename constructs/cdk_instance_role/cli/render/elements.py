"""What a document is made of. Every format shows these."""

from dataclasses import dataclass
from enum import StrEnum

from ..model import Exit, counted
from . import findings


class Tone(StrEnum):
    """How much something matters."""

    DANGER = "danger"
    WARNING = "warning"
    GOOD = "good"
    MINOR = "minor"
    WAITING = "waiting"
    RESTORED = "restored"
    PLAIN = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """A value in a table or a line."""

    text: str
    """One line, or two of which the second one says more about the first one."""
    is_name: bool = False
    """An id or a name, which people copy."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    heading: str
    below: str = ""
    """Heading of the column that holds this value, too, where a table has no room for all columns."""
    labelled: bool = False
    """Its own heading stands before the value there."""
    is_optional: bool = False
    """It is left out where a table has no room for all columns: what it says stands elsewhere, too."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table, with one cell for each column."""

    cells: tuple[Cell, ...]
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Table:
    """The instances of an association, or all accounts and Regions. What people have to see comes first, also where
    the table is cut."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    totals: str
    """What there is altogether, said if not every row is shown."""
    unchanged: int = 0
    """How many rows, the last ones, say that there is nothing to do."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A list that stands out."""

    tone: Tone
    heading: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What applications lose and gain with another role."""

    heading: str
    lists: tuple[tuple[str, tuple[str, ...]], ...]
    """Headings and items."""


@dataclass(frozen=True, slots=True)
class Section:
    """One association."""

    name: str
    event: str
    """What becomes of the association; empty in a status."""
    place: tuple[str, str, str]
    """Stack, account and Region."""
    profile: Cell | None
    """The wanted profile of a plan."""
    totals: str
    estimate: str
    rollout: str
    enforcement: str
    notices: tuple[Notice, ...]
    table: Table
    comparisons: tuple[Comparison, ...]
    result: Exit
    """What the exit status would be if there were nothing else."""

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to do, and nothing to say about it."""
        return self.result is Exit.NOTHING and not self.notices


@dataclass(frozen=True, slots=True)
class Document:
    """A report. An empty text or list is not shown."""

    kind: str
    """``plan`` or ``status``."""
    verdict: str
    summary: str
    unseen: Notice
    environments: Table | None
    """A row for each account and Region, the worst first; None if there is only one."""
    sections: tuple[Section, ...]

    @property
    def important(self) -> list[Section]:
        """The associations; of several accounts and Regions the worst first, and only those with something to say."""
        if self.environments is None:
            return [*self.sections]
        return sorted((one for one in self.sections if not one.is_quiet), key=lambda one: findings.weight(one.result))

    @property
    def left_out(self) -> str:
        """How many associations are not important, in words; empty if all are."""
        number = len(self.sections) - len(self.important)
        others = "more " if self.important else ""
        status = "with nothing to do" if self.kind == "plan" else "in order"
        return f"{counted(number, f'{others}association')} {status}" if number else ""
