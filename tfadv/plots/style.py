"""One look for all figures, on a light and on a dark page."""

import io
from collections.abc import Sequence
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, PercentFormatter

DOTS_PER_INCH = 200
NOTEBOOK_DOTS = 120  # an inch, of which a screen shows two dots or more each
WIDTH = 4.8  # inches: its letters are still legible on a phone
TEXT = 9
MARKERS = ("o", "s", "D", "^", "v", "P")


class Theme(NamedTuple):
    """Colours of a page: `series` can be distinguished by colour-blind readers too.

    The first are Okabe & Ito's (2008), lighter on dark ground. Any two are 15 or more apart in
    CIELAB, also as readers without one kind of cones see them (Machado et al., 2009).
    """

    ground: str
    ink: str
    muted: str
    rule: str
    series: tuple[str, ...]


LIGHT = Theme(
    ground="#ffffff",
    ink="#1c2024",
    muted="#646b73",
    rule="#e3e6e9",
    series=("#0072b2", "#d55e00", "#009e73", "#9a50f3", "#713010", "#173d3e"),
)
DARK = Theme(
    ground="#181b1f",
    ink="#e8eaed",
    muted="#9aa2ab",
    rule="#31363c",
    series=("#56b4e9", "#ee8a3c", "#9fdb8d", "#8d74f2", "#95805e", "#ecd90d"),
)


class Plot(Figure):
    """A figure that a notebook shows, though pyplot knows nothing of it."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        width, height = self.get_size_inches() * NOTEBOOK_DOTS
        return png(self), {"width": round(width), "height": round(height)}


def canvas(theme: Theme, title: str, height: float) -> tuple[Figure, Axes]:
    """Returns an empty figure and its axes: a grid, no box.

    Args:
        theme: the colours.
        title: stands above, on the left.
        height: in inches.
    """
    figure, (axes,) = panels(theme, [title], height)
    return figure, axes


def panels(theme: Theme, titles: Sequence[str], height: float) -> tuple[Figure, list[Axes]]:
    """Returns an empty figure and its axes, one below the other, with one x axis.

    Args:
        theme: the colours.
        titles: of the axes.
        height: of the whole, in inches.
    """
    figure = Plot((WIDTH, height), facecolor=theme.ground, layout="constrained")
    column = figure.subplots(len(titles), 1, sharex=True, squeeze=False)[:, 0]
    for axes, title in zip(column, titles, strict=True):
        axes.set_facecolor(theme.ground)
        words = plain(title)
        axes.set_title(words, loc="left", color=theme.ink, size=TEXT + 1, weight="bold", pad=10)
        axes.grid(color=theme.rule, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(which="both", color=theme.rule, labelcolor=theme.muted, labelsize=TEXT)
        for side, spine in axes.spines.items():
            spine.set_visible(side == "bottom")
            spine.set_color(theme.muted)
    return figure, list(column)


def look(theme: Theme, number: int) -> tuple[str, str]:
    """Returns the colour and the marker of the series of that number, counted from 0."""
    return theme.series[number % len(theme.series)], MARKERS[number % len(MARKERS)]


def draw_interval(
    axes: Axes,
    x: Sequence[float],
    values: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    colour: str,
    marker: str,
    label: str,
) -> None:
    """Draws a line within the band of its intervals; a single point has a bar instead."""
    if len(x) == 1:
        bar = [[values[0] - low[0]], [high[0] - values[0]]]
        axes.errorbar(x, values, bar, color=colour, elinewidth=1.2, capsize=3)
    else:
        axes.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0)
    axes.plot(x, values, color=colour, linewidth=1.8, marker=marker, markersize=4.5, label=label)


def logarithmic_steps(axes: Axes, steps: Sequence[float]) -> None:
    """Makes the x axis one of an attack's steps, with their numbers beneath it."""
    axes.set_xscale("log")
    axes.set_xticks(ticks_apart(steps, 1.4), minor=False)
    axes.xaxis.set_major_formatter(lambda step, _: f"{step:g}")
    axes.xaxis.set_minor_locator(NullLocator())


def name_axes(axes: Axes, theme: Theme, x: str, y: str) -> None:
    """Writes what the axes mean."""
    axes.set_xlabel(x, color=theme.ink, size=TEXT)
    axes.set_ylabel(y, color=theme.ink, size=TEXT)


def in_percent(axis) -> None:
    """Makes an axis of shares run from 0% to 100%."""
    axis.axes.set(**{f"{axis.axis_name}lim": (-0.02, 1.02)})
    axis.set_ticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    axis.set_major_formatter(PercentFormatter(1, decimals=0))


def explain(figure: Figure, axes: Axes, theme: Theme) -> None:
    """Puts the legend under the axes, where it covers nothing."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles,
        [plain(label) for label in labels],
        loc="outside lower left",
        frameon=False,
        labelcolor=theme.ink,
        fontsize=TEXT,
        handlelength=2.4,
    )


def add_scale(figure: Figure, image: ScalarMappable, theme: Theme) -> Axes:
    """Adds the scale of a heat map's colours at its right; returns its axes, for its ticks."""
    bar = figure.colorbar(image, shrink=0.7, aspect=30)
    bar.ax.tick_params(length=0, labelcolor=theme.muted, labelsize=TEXT - 1)
    bar.outline.set_visible(False)
    return bar.ax


def plain(text: str) -> str:
    """Returns a text in which matplotlib sees no formula."""
    return text.replace("$", r"\$")


def shortened(text: str, length: int) -> str:
    """Returns a text of at most `length` letters."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def png(figure: Figure) -> bytes:
    """Returns the figure as PNG: the same bytes for the same figure."""
    file = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(
        file,
        format="png",
        dpi=DOTS_PER_INCH,
        facecolor=figure.get_facecolor(),
        metadata={"Software": None},
    )
    return file.getvalue()


def pixels(figure: Figure) -> np.ndarray:
    """Returns the figure as uint8 [H, W, 3]: what TensorBoard takes."""
    figure.set_dpi(DOTS_PER_INCH)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def svg(figure: Figure) -> bytes:
    """Returns the figure as SVG: the same bytes for the same figure."""
    file = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "tfadv"}):
        figure.savefig(
            file, format="svg", facecolor=figure.get_facecolor(), metadata={"Date": None}
        )
    return file.getvalue()


def ticks_apart(values: Sequence[float], ratio: float) -> list[float]:
    """Returns the values that can be written on a logarithmic axis side by side."""
    kept: list[float] = []
    for value in sorted(values):
        if not kept or value >= ratio * kept[-1]:
            kept.append(value)
    return kept
