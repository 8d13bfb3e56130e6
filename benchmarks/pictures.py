"""Plots as PNG and SVG, the same bytes for the same figures."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from benchmarks.model import Line, Plot

# Colours that everyone can distinguish (Okabe and Ito), and marks for prints in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKS = ("o", "s", "^", "D", "v", "P", "X")
STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "white",
    "font.size": 11,
    "grid.color": "#dddddd",
    "svg.fonttype": "none",
    "svg.hashsalt": "benchmarks",
}


def draw(plot: Plot, folder: Path) -> None:
    """Draw a plot into a folder."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9, 6), dpi=110, layout="constrained")
        _fill(figure.add_subplot(), plot)
        figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=10)
        figure.savefig(folder / f"{plot.name}.png", metadata={"Software": None})
        figure.savefig(folder / f"{plot.name}.svg", metadata={"Date": None, "Creator": None})


def _fill(axes: Axes, plot: Plot) -> None:
    axes.set(title=plot.title, xlabel=plot.x, ylabel=plot.y)
    for line, colour, mark in zip(plot.lines, COLOURS, MARKS, strict=False):
        _draw_line(axes, line, colour, mark)
    if plot.limit:
        label, height = plot.limit
        axes.axhline(height, color="#555555", linestyle="--", linewidth=1.2, label=label)
    if plot.logarithmic:
        axes.set_xscale("log")
        axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}" if abs(value) < 1e6 else f"{value:,.0f}"))
    if plot.logarithmic:
        axes.yaxis.set_major_locator(LogLocator(subs=_steps(*axes.get_ylim())))
        axes.xaxis.set_major_locator(FixedLocator(sorted(_places(plot.lines))))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_minor_locator(NullLocator())


def _draw_line(axes: Axes, line: Line, colour: str, mark: str) -> None:
    places = [place for place, _ in line.points]
    middles = [samples.median for _, samples in line.points]
    below = [samples.median - min(samples.values) for _, samples in line.points]
    above = [max(samples.values) - samples.median for _, samples in line.points]
    axes.errorbar(
        places, middles, [below, above], label=line.label, color=colour, marker=mark, capsize=4, linewidth=1.8
    )


def _steps(lowest: float, highest: float) -> Sequence[float]:
    """Where a decade gets its labels: the fewer decades, the more."""
    return (1, 1.2, 1.5, 2, 3, 5, 7) if highest < 10 * lowest else (1, 2, 5) if highest < 1000 * lowest else (1,)


def _places(lines: Iterable[Line]) -> set[float]:
    return {place for line in lines for place, _ in line.points}
