"""An evaluation's figures: each a function from data to a matplotlib `Figure`."""

import itertools
import statistics
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from tfadv.reports.curves import Curve, curves, from_clean
from tfadv.reports.outcomes import branch_name, branches
from tfadv.reports.paper_curve import paper_curves
from tfadv.reports.style import (
    LIGHT,
    MARKERS,
    Theme,
    canvas,
    explain,
    in_percent,
    name_axes,
    plain,
    ticks_apart,
)

DASHES = ((5, 2), (2, 2), (6, 2, 1, 2), (1, 2))  # of the paper's curves, one a branch


def robustness_curve(record: Mapping, theme: Theme = LIGHT) -> Figure:
    """Returns accuracy by the attack's steps, beside the paper's of the same recipe and branch."""
    lines = curves(record, "steps")
    figure, axes = canvas(theme, "Accuracy by the attack's steps", 3.9)
    axes.set_xscale("log")
    _draw(axes, theme, lines, branches(record))
    steps = {step for line in lines for step in line.x}
    for line, dashes in zip(paper_curves(record, lines), itertools.cycle(DASHES), strict=False):
        axes.plot(
            line.steps,
            line.accuracy,
            color=theme.muted,
            linewidth=1.2,
            dashes=dashes,
            label=line.label,
        )
    axes.set_xticks(ticks_apart(list(steps), 1.4), minor=False)
    axes.xaxis.set_major_formatter(lambda step, _: f"{step:g}")
    axes.xaxis.set_minor_locator(NullLocator())
    in_percent(axes.yaxis)
    name_axes(axes, theme, "steps of the attack (logarithmic)", "accuracy")
    explain(figure, axes, theme)
    return figure


def accuracy_by_epsilon(record: Mapping, theme: Theme = LIGHT) -> Figure:
    """Returns accuracy by the radius of the attack's ball; ε = 0 are the clean images."""
    lines = [from_clean(record, line) for line in curves(record, "epsilon")]
    figure, axes = canvas(theme, "Accuracy by the attack's radius", 3.6)
    _draw(axes, theme, lines, branches(record))
    in_percent(axes.yaxis)
    low, high = record["pixel_range"]
    name_axes(axes, theme, f"ε, in pixels of {low:g}..{high:g}", "accuracy")
    explain(figure, axes, theme)
    return figure


def reliability(record: Mapping, theme: Theme = LIGHT) -> Figure:
    """Returns how often the clean images' predictions are right, by their confidence."""
    figure, axes = canvas(theme, "Confidence and accuracy, clean images", 4.9)
    axes.plot([0, 1], [0, 1], color=theme.muted, linewidth=1, dashes=(5, 2), label="calibrated")
    for number, (branch, clean) in enumerate(record["clean"].items()):
        bins = [one for one in clean.get("reliability", ()) if one["examples"]]
        if not bins:
            continue
        x, y = ([one[key] for one in bins] for key in ("confidence", "accuracy"))
        share = np.array([one["examples"] for one in bins]) / sum(one["examples"] for one in bins)
        label = branch_name(branch)
        if "calibration_error" in clean:
            label += f": calibration error {clean['calibration_error']:.1%}"
        colour, marker = _look(theme, number)
        axes.plot(x, y, color=colour, linewidth=1.2, marker=marker, markersize=3, label=label)
        axes.scatter(x, y, 400 * share, color=colour, marker=marker, alpha=0.35, linewidths=0)
    in_percent(axes.xaxis)
    in_percent(axes.yaxis)
    name_axes(axes, theme, "confidence in the predicted class", "share predicted right")
    explain(figure, axes, theme)
    return figure


def corruptions(record: Mapping, theme: Theme = LIGHT) -> Figure:
    """Returns accuracy by kind of corruption: means, and ranges over the severities."""
    found = {branch: _by_kind(rows) for branch, rows in record["corruptions"].items()}
    kinds = list(dict.fromkeys(kind for by_kind in found.values() for kind in by_kind))
    kinds.sort(key=lambda kind: _mean(b[kind] for b in found.values() if kind in b))
    figure, axes = canvas(theme, "Accuracy by corruption", 1.5 + 0.26 * len(kinds))
    for number, (branch, by_kind) in enumerate(found.items()):
        colour, marker = _look(theme, number)
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


def _draw(axes: Axes, theme: Theme, lines: Sequence[Curve], branches: Sequence[str]) -> None:
    """Draws curves with their 95% bands; a branch's first one has the branch's colour."""
    drawn: dict[str, int] = {}
    for line in lines:
        variant = drawn[line.branch] = drawn.get(line.branch, -1) + 1
        colour, marker = _look(theme, branches.index(line.branch) + len(branches) * variant)
        axes.fill_between(line.x, line.low, line.high, color=colour, alpha=0.16, linewidth=0)
        axes.plot(
            line.x,
            line.accuracy,
            color=colour,
            linewidth=1.8,
            marker=marker,
            markersize=4.5,
            label=line.label,
        )


def _look(theme: Theme, number: int) -> tuple[str, str]:
    return theme.series[number % len(theme.series)], MARKERS[number % len(MARKERS)]


def _by_kind(rows: Sequence[Mapping]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(row["corruption"], []).append(row["accuracy"])
    return found


def _mean(groups) -> float:
    return statistics.mean(value for group in groups for value in group)
