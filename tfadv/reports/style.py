"""One look for all figures, on a light and on a dark page."""

import io
from collections.abc import Sequence
from typing import NamedTuple

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

DOTS_PER_INCH = 200
WIDTH = 4.8  # inches: its letters are still legible on a phone
TEXT = 9
MARKERS = ("o", "s", "D", "^", "v", "P")


class Theme(NamedTuple):
    """Colours of a page: `series` can be distinguished by colour-blind readers too.

    The series are Okabe & Ito's colours (2008), lighter ones on dark ground.
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
    series=("#0072b2", "#d55e00", "#009e73", "#aa4e86", "#b07d00", "#2b8cbe"),
)
DARK = Theme(
    ground="#181b1f",
    ink="#e8eaed",
    muted="#9aa2ab",
    rule="#31363c",
    series=("#56b4e9", "#ee8a3c", "#2fbf97", "#d991b8", "#e6c229", "#a6cee3"),
)


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
    figure = Figure((WIDTH, height), facecolor=theme.ground, layout="constrained")
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
