"""The results of a benchmark, as plain values: samples, promises, and what is shown of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Samples:
    """One figure, measured several times."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.values)

    def text(self, form: str = ".2f") -> str:
        """The median, and the spread if there is any.

        >>> Samples((1.0, 1.5, 1.25)).text()
        '1.25 (1.00 to 1.50)'
        """
        middle, lowest, highest = (format(one, form) for one in (self.median, min(self.values), max(self.values)))
        return middle if lowest == highest else f"{middle} ({lowest} to {highest})"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A figure that the product promises, and its measured value."""

    promise: str
    """The promise, in words, with the number."""
    measured: str
    kept: bool
    cause: str = ""
    """The reason why it is missed, as far as that was measured."""


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    """Remarks about it, a sentence each."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a plot."""

    label: str
    points: Sequence[tuple[float, Samples]]


@dataclass(frozen=True, slots=True)
class Plot:
    name: str
    """Stem of the files."""
    title: str
    x: str
    """What is on the axis, with its unit."""
    y: str
    lines: Sequence[Line]
    logarithmic: bool = True
    limit: tuple[str, float] | None = None
    """A horizontal line, with its label."""


@dataclass(frozen=True, slots=True)
class Section:
    """What one benchmark has found."""

    title: str
    text: str
    """How it was measured, in a paragraph."""
    tables: Sequence[Table] = ()
    plots: Sequence[Plot] = ()
    verdicts: Sequence[Verdict] = ()
    raw: Mapping[str, Any] = field(default_factory=dict)
    """Every single measurement, of what JSON knows."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """What else was measured, with its version."""
