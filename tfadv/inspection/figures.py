"""Figures of a data set: how many images its classes have, and how large they are."""

import functools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator

from tfadv.inspection.survey import Survey
from tfadv.inspection.verdict import counts
from tfadv.plots.style import LIGHT, Theme, canvas, explain, name_axes
from tfadv.reports.drawings import Drawing

_BINS = 40
_HEIGHT = 3.2  # inches


def drawings(surveys: Sequence[Survey]) -> Iterator[Drawing]:
    """Yields the figures for which there is something to see."""
    by_class = {one.split: np.sort(counts(one))[::-1] for one in surveys}
    if any(len(np.unique(values)) > 1 for values in by_class.values()):
        yield Drawing(
            "classes",
            "classes.png",
            "Images by class",
            "Images that can be read of each class, the largest class first.",
            functools.partial(class_sizes, by_class),
        )
    shorter, ratios = {}, {}
    for one in surveys:
        heights, widths = one.heights[one.readable], one.widths[one.readable]
        shorter[one.split] = np.minimum(heights, widths)
        ratios[one.split] = widths / heights
    for values, file, title, caption, words, digits in (
        (
            shorter,
            "shorter_sides.png",
            "Shorter sides",
            "Images by the length of their shorter side.",
            "pixels (logarithmic)",
            0,
        ),
        (
            ratios,
            "aspects.png",
            "Width by height",
            "Images by their width divided by their height, as they are stored; 1 is a square.",
            "width / height (logarithmic)",
            2,
        ),
    ):
        if len(np.unique(np.concatenate(list(values.values())))) > 1:
            draw = functools.partial(histogram, values, title, words, digits)
            yield Drawing("sizes", file, title, caption, draw)


def class_sizes(by_class: Mapping[str, np.ndarray], theme: Theme = LIGHT) -> Figure:
    """Returns the number of images of each class, sorted.

    Args:
        by_class: images of each class, the largest first, by split.
        theme: the colours.
    """
    figure, axes = canvas(theme, "Images by class", _HEIGHT)
    for (split, values), colour in zip(by_class.items(), theme.series, strict=False):
        axes.step(np.arange(len(values)) + 1, values, where="mid", color=colour, label=split)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.xaxis.get_major_locator().set_params(integer=True)
    name_axes(axes, theme, "classes by size", "images")
    explain(figure, axes, theme)
    return figure


def histogram(
    values: Mapping[str, np.ndarray],
    title: str,
    words: str,
    digits: int,
    theme: Theme = LIGHT,
) -> Figure:
    """Returns how often values occur, as shares of each split.

    Args:
        values: all > 0, by split.
        title: of the figure.
        words: what the values are.
        digits: after the point, of the ticks.
        theme: the colours.
    """
    figure, axes = canvas(theme, title, _HEIGHT)
    everything = np.concatenate(list(values.values()))
    edges = np.geomspace(everything.min() * 0.98, everything.max() * 1.02, _BINS + 1)
    for (split, some), colour in zip(values.items(), theme.series, strict=False):
        if len(some):
            found, _ = np.histogram(some, edges)
            axes.stairs(found / len(some), edges, color=colour, fill=True, alpha=0.25)
            axes.stairs(found / len(some), edges, color=colour, label=split)
    axes.set_xscale("log")
    ticks = np.unique(np.round(np.geomspace(everything.min(), everything.max(), 5), digits))
    axes.set_xticks(ticks, [f"{tick:,.{digits}f}" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter("{x:.0%}")
    name_axes(axes, theme, words, "share of the images")
    explain(figure, axes, theme)
    return figure
