"""Accuracy by an attack's steps, by its radius, and by kind of corruption."""

import itertools
import statistics
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfadv.errors import UserError, check
from tfadv.plots.curves import Curve, curves, from_clean, in_record, setting_text, settings
from tfadv.plots.names import branch_name, branches
from tfadv.plots.paper_curve import paper_curves
from tfadv.plots.style import (
    LIGHT,
    Theme,
    canvas,
    draw_interval,
    explain,
    in_percent,
    logarithmic_steps,
    look,
    name_axes,
    plain,
)

DASHES = ((5, 2), (2, 2), (6, 2, 1, 2), (1, 2))  # of the paper's curves, one a branch
_LEGEND_LINE = 0.19  # inches
_IN_LEGEND = 4  # lines that the figure's height has room for


def accuracy_curve(*records: Mapping, names: Sequence[str] = (), theme: Theme = LIGHT) -> Figure:
    """Returns accuracy by the attack's steps, with 95% intervals.

    One record stands beside the paper's curve of the same recipe and branch, where there is
    one. Without an attack of several lengths, those of one are points, and those that count
    no steps, as AutoAttack, are levels.

    Args:
        *records: of evaluations, as ``evaluation.json`` holds them.
        names: of several records, for the legend; by default what their models are called.
        theme: the colours.

    Raises:
        UserError: no attack was run, or the names are not one for each record.
    """
    names = _names(records, names)
    lines = curves(records, "steps", names)
    levels = [] if lines else _levels(records, names)
    lines = lines or curves(records, "steps", names, least=1)
    if not lines and not levels:
        raise UserError("no attack was run: there is no accuracy under attack to draw")
    figure, axes = canvas(theme, "Accuracy by the attack's steps", _height(3.9, lines + levels))
    _draw(axes, theme, lines, _series(records, names))
    for line, dashes in zip(levels, itertools.cycle(DASHES), strict=False):
        axes.axhspan(line.low[0], line.high[0], color=theme.muted, alpha=0.16, linewidth=0)
        axes.axhline(line.accuracy[0], color=theme.muted, dashes=dashes, label=line.label)
    steps = {step for line in lines for step in line.x}
    papers = paper_curves(records[0], lines) if len(records) == 1 else []
    for line, dashes in zip(papers, itertools.cycle(DASHES), strict=False):
        axes.plot(
            line.steps,
            line.accuracy,
            color=theme.muted,
            linewidth=1.2,
            dashes=dashes,
            label=line.label,
        )
    logarithmic_steps(axes, list(steps))
    in_percent(axes.yaxis)
    name_axes(axes, theme, "steps of the attack (logarithmic)", "accuracy")
    explain(figure, axes, theme)
    return figure


def accuracy_against_epsilon(
    *records: Mapping, names: Sequence[str] = (), theme: Theme = LIGHT
) -> Figure:
    """Returns accuracy by the radius of the attack's ball; ε = 0 are the clean images.

    Args:
        *records: of evaluations, as ``evaluation.json`` holds them.
        names: of several records, for the legend; by default what their models are called.
        theme: the colours.

    Raises:
        UserError: no attack was run, or the names are not one for each record.
    """
    names = _names(records, names)
    lines = curves(records, "epsilon", names) or curves(records, "epsilon", names, least=1)
    if not lines:
        raise UserError("no attack with an ε was run: there is no accuracy under attack to draw")
    by_name = dict(zip(names, records, strict=True))
    lines = [from_clean(by_name[line.record], line) for line in lines]
    figure, axes = canvas(theme, "Accuracy by the attack's radius", _height(3.6, lines))
    _draw(axes, theme, lines, _series(records, names))
    in_percent(axes.yaxis)
    low, high = records[0]["pixel_range"]
    name_axes(axes, theme, f"ε, in pixels of {low:g}..{high:g}", "accuracy")
    explain(figure, axes, theme)
    return figure


def corruptions(record: Mapping, theme: Theme = LIGHT) -> Figure:
    """Returns accuracy by kind of corruption: means, and ranges over the severities.

    Args:
        record: of an evaluation.
        theme: the colours.

    Raises:
        UserError: no corruption was evaluated.
    """
    found = {branch: _by_kind(rows) for branch, rows in record.get("corruptions", {}).items()}
    kinds = list(dict.fromkeys(kind for by_kind in found.values() for kind in by_kind))
    if not kinds:
        raise UserError("no corruption was evaluated: bind Evaluation.corruptions")
    kinds.sort(key=lambda kind: _mean(b[kind] for b in found.values() if kind in b))
    figure, axes = canvas(theme, "Accuracy by corruption", 1.5 + 0.26 * len(kinds))
    for number, (branch, by_kind) in enumerate(found.items()):
        colour, marker = look(theme, number)
        own = [kind for kind in kinds if kind in by_kind]
        shift = 0.22 * (number - (len(found) - 1) / 2)
        y = [kinds.index(kind) + shift for kind in own]
        ends = [(min(by_kind[kind]), max(by_kind[kind])) for kind in own]
        axes.hlines(y, *zip(*ends, strict=True), color=colour, linewidth=1.2, alpha=0.5)
        x = [_mean([by_kind[kind]]) for kind in own]
        label = f"{branch_name(branch)}: mean and range of the severities"
        axes.plot(x, y, marker, color=colour, markersize=4.5, label=label)
        if branch in record["clean"]:
            clean = record["clean"][branch]["accuracy"]
            axes.axvline(clean, color=colour, linewidth=1, dashes=(1, 2))
    axes.set_yticks(range(len(kinds)), [plain(kind.replace("_", " ")) for kind in kinds])
    axes.grid(axis="y", visible=False)
    in_percent(axes.xaxis)
    name_axes(axes, theme, "accuracy (dotted: clean images)", "")
    explain(figure, axes, theme)
    return figure


def _names(records: Sequence[Mapping], names: Sequence[str]) -> tuple[str, ...]:
    """Returns a name for each record; '' for one alone that was given none."""
    check(len(records) > 0, "records", "be one or more", records)
    if not names:
        return ("",) if len(records) == 1 else _of_models(records)
    distinct = len(names) == len(records) == len(set(names))
    check(distinct, "names", f"be {len(records)} different ones, one for each record", names)
    return tuple(names)


def _of_models(records: Sequence[Mapping]) -> tuple[str, ...]:
    """Returns the names of the records' models, numbered where two have one."""
    found = [record.get("model", {}).get("name", "model") for record in records]
    if len(set(found)) == len(found):
        return tuple(found)
    return tuple(f"{name} ({number})" for number, name in enumerate(found, 1))


def _levels(records: Sequence[Mapping], names: Sequence[str]) -> list[Curve]:
    """Returns the attacks that count no steps, such as AutoAttack, as curves of one value."""
    return [
        Curve(
            f"{in_record(name, row['branch'])}, {setting_text('attack', row['attack'])}",
            row["branch"],
            settings(row),
            [0.0],
            [row["accuracy"]],
            *([end] for end in row["ci95"]),
            name,
        )
        for record, name in zip(records, names, strict=True)
        for row in record["attacks"]
        if not row.get("steps") and not row.get("after")
    ]


def _series(records: Sequence[Mapping], names: Sequence[str]) -> list[tuple[str, str]]:
    """Returns what has a colour of its own: every branch of every record."""
    pairs = zip(records, names, strict=True)
    return [(name, branch) for record, name in pairs for branch in branches(record)]


def _height(height: float, lines: Sequence[Curve]) -> float:
    return height + _LEGEND_LINE * max(0, len(lines) - _IN_LEGEND)


def _draw(
    axes: Axes, theme: Theme, lines: Sequence[Curve], series: Sequence[tuple[str, str]]
) -> None:
    """Draws curves with their 95% bands; the first of a series has the colour of the series."""
    drawn: dict[tuple[str, str], int] = {}
    for line in lines:
        key = line.record, line.branch
        variant = drawn[key] = drawn.get(key, -1) + 1
        colour, marker = look(theme, series.index(key) + len(series) * variant)
        values = line.x, line.accuracy, line.low, line.high
        draw_interval(axes, *values, colour, marker, line.label)


def _by_kind(rows: Sequence[Mapping]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(row["corruption"], []).append(row["accuracy"])
    return found


def _mean(groups) -> float:
    return statistics.mean(value for group in groups for value in group)
