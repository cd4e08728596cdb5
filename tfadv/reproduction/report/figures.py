"""A reproduction's figures: what was measured here beside the paper's, on the paper's axes."""

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from tfadv.paper import row_of
from tfadv.plots.style import (
    LIGHT,
    Theme,
    canvas,
    draw_interval,
    explain,
    logarithmic_steps,
    look,
    name_axes,
)
from tfadv.reproduction.experiment import Curves, Points, published
from tfadv.reproduction.results import Measured, Results

_DASHES = (5, 2)
_LEGEND_LINE, _HEIGHT = 0.19, 3.3  # inches
_HEADROOM = 1.08


class Line(NamedTuple):
    """One line of a figure, here and in the paper.

    Attributes:
        label: in the legend.
        here: what was measured, by the value on the x axis.
        paper: in %, likewise.
    """

    label: str
    here: dict[int, Measured]
    paper: dict[int, float]


def lines_of_curves(curves: Curves, results: Results) -> list[Line]:
    """Returns accuracies by the steps of the attack."""
    found = []
    for label, files, branch in curves.lines:
        row = row_of(files)
        paper = row.curve(branch) if row else {}
        found.append(Line(label, results.curve(files, branch), dict(sorted(paper.items()))))
    return found


def lines_of_points(points: Points, results: Results) -> list[Line]:
    """Returns accuracies by what the points are along."""
    found = []
    for label, numbers in points.lines:
        here = {x: results.measured(n) for x, n in zip(points.x, numbers, strict=True)}
        paper = {x: published(n) for x, n in zip(points.x, numbers, strict=True)}
        found.append(Line(label, _there(here), _there(paper)))
    return found


def _there(values: dict) -> dict:
    return {x: value for x, value in values.items() if value is not None}


def curves_figure(curves: Curves, results: Results, theme: Theme = LIGHT) -> Figure:
    """Returns accuracy by the steps of the attack, along a logarithmic axis."""
    lines = lines_of_curves(curves, results)
    figure, axes = _drawn(lines, "Accuracy by the attack's steps", theme)
    logarithmic_steps(axes, list({x for line in lines for x in (*line.here, *line.paper)}))
    name_axes(axes, theme, "attack iterations (logarithmic)", "accuracy")
    explain(figure, axes, theme)
    return figure


def points_figure(points: Points, results: Results, theme: Theme = LIGHT) -> Figure:
    """Returns accuracy along the values of the paper's x axis, in the paper's direction."""
    lines = lines_of_points(points, results)
    figure, axes = _drawn(lines, f"Accuracy by {points.x_title.removesuffix(', %')}", theme)
    percent = "%" if points.x_title.endswith(", %") else ""
    axes.set_xticks(points.x, [f"{x}{percent}" for x in points.x])
    if points.x[0] > points.x[-1]:
        axes.invert_xaxis()
    name_axes(axes, theme, points.x_title.removesuffix(", %"), "accuracy")
    explain(figure, axes, theme)
    return figure


def _drawn(lines: Sequence[Line], title: str, theme: Theme) -> tuple[Figure, Axes]:
    """Returns a figure of lines: solid, with a 95% band, here; dashed the paper's."""
    height = _HEIGHT + _LEGEND_LINE * (len(lines) + 2)
    figure, axes = canvas(theme, title, height)
    for number, line in enumerate(lines):
        colour, marker = look(theme, number)
        _draw_here(axes, line, colour, marker)
        if line.paper:
            _draw_paper(axes, line, colour)
    grey = {"color": theme.muted, "linewidth": 1.8}
    axes.plot([], [], label="solid: here, with 95% intervals", **grey)
    axes.plot([], [], label="dashed: the paper", dashes=_DASHES, **grey)
    axes.set_ylim(0, min(1.02, _HEADROOM * _highest(lines)))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return figure, axes


def _draw_here(axes: Axes, line: Line, colour: str, marker: str) -> None:
    """Draws what was measured; what was not is named in the legend."""
    x = list(line.here)
    accuracy, low, high = (
        zip(*(one.accuracy for one in line.here.values()), strict=True) if x else ((), (), ())
    )
    label = line.label if x else f"{line.label} (not measured)"
    draw_interval(axes, x, accuracy, low, high, colour, marker, label)


def _draw_paper(axes: Axes, line: Line, colour: str) -> None:
    x, percents = zip(*line.paper.items(), strict=True)
    accuracy = [percent / 100 for percent in percents]
    dashed = {"color": colour, "linewidth": 1.2, "dashes": _DASHES}
    axes.plot(x, accuracy, marker="o", markersize=3, markerfacecolor="none", **dashed)


def _highest(lines: Sequence[Line]) -> float:
    here = [measured.accuracy.high for line in lines for measured in line.here.values()]
    paper = [percent / 100 for line in lines for percent in line.paper.values()]
    return max([*here, *paper], default=1) or 1
