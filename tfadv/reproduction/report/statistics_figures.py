"""Figures of norm statistics: the paper's figures 5 and 6, and the whole network by depth.

Each takes the statistics as `norm_statistics.record` returns them.
"""

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tfadv.errors import UserError
from tfadv.norms.mode import ADV
from tfadv.plots.names import branch_name
from tfadv.plots.norms import DEPTH, draw_quartiles
from tfadv.plots.style import LIGHT, TEXT, Theme, explain, name_axes, panels, plain
from tfadv.reports.drawings import Drawing
from tfadv.reproduction.norm_distance import mean_distance, variance_doublings
from tfadv.reproduction.norm_sample import Sample, norms_of, sampled

Take = Callable[[Mapping], Mapping]  # the moments of a norm
_HEIGHT = 5.0
_BARS = 0.8  # of the room that a channel has
_CLOSE = 0.15  # of the figure's width: names nearer than that would touch


def drawings(
    kind: str, statistics: Mapping, block: str | None = None, name: str = ""
) -> list[Drawing]:
    """Returns the figures of one look at norm statistics.

    Args:
        kind: ``branches`` or ``batches``, as `experiment.Statistics` has them.
        statistics: of the norms.
        block: whose channels; see `norm_sample.sampled`.
        name: that the files' names begin with.

    Raises:
        UserError: the figure can't be drawn of these statistics.
    """
    sample, images = sampled(statistics, block), statistics["batch_images"]
    if kind == "branches":
        _check_branches(statistics)
        title = f"Running statistics of the norm's branches, {sample.block}"
        draw, caption = of_branches, ""
    else:
        shown = branch_name(shown_branch(statistics))
        title = f"Statistics of two batches and running ones, {sample.block}"
        draw = of_batches
        caption = (
            f"Each batch holds {images} images of a kind, made and normalized as in training "
            f"({shown}). "
        )
    return [
        Drawing(
            "figures",
            f"{name}{kind}.png",
            title,
            f"{caption}{sample.describe()}",
            functools.partial(draw, statistics, block),
        ),
        Drawing(
            "figures",
            f"{name}{kind}_by_depth.png",
            "How far apart the statistics are, by the depth of the norm",
            f"{'; '.join(label for label, *_ in _pairs(statistics))}: medians over each norm's "
            f"channels, and bands between their quartiles; batches of {images} images of a kind. "
            "A variance that is one doubling larger is twice the other.",
            functools.partial(by_depth, statistics),
        ),
    ]


def of_branches(statistics: Mapping, block: str | None = None, theme: Theme = LIGHT) -> Figure:
    """Returns running means and variances of a block's channels, a series a branch (figure 5).

    Args:
        statistics: of the norms.
        block: whose channels; see `norm_sample.sampled`.
        theme: the colours.

    Raises:
        UserError: one branch alone was trained, no running statistic is kept, or there is
            no such block.
    """
    sample = sampled(statistics, block)
    _check_branches(statistics)
    series = {branch_name(branch): _running(branch) for branch in statistics["branches"]}
    return _bars(sample, ("Running mean", "Running variance"), series, theme)


def of_batches(
    statistics: Mapping,
    block: str | None = None,
    branch: str | None = None,
    theme: Theme = LIGHT,
) -> Figure:
    """Returns a block's statistics in two batches, beside the running ones (figure 6).

    Args:
        statistics: of the norms.
        block: whose channels; see `norm_sample.sampled`.
        branch: whose; None takes the `shown_branch`.
        theme: the colours.

    Raises:
        UserError: no batch was measured, no running statistic is kept, or there is no such
            block.
    """
    sample, shown = sampled(statistics, block), branch or shown_branch(statistics)
    series = {f"batch {number + 1}": _batch(shown, number) for number in range(2)}
    series["running"] = _running(shown)
    return _bars(sample, ("Mean", "Variance"), series, theme)


def by_depth(statistics: Mapping, theme: Theme = LIGHT) -> Figure:
    """Returns how far apart the statistics are in every norm of the network.

    With several branches it compares the running statistics of each with the first one's,
    and two batches of one branch with each other, which says how far chance alone goes. With
    one branch it compares the batches with the running statistics.

    Lines are medians over a norm's channels and bands their quartiles. Neither measure knows
    the scale of a convolution, which differs from norm to norm and means nothing (see
    `norm_distance`), and the few channels that are all but constant don't move a median.

    Raises:
        UserError: no running statistic is kept, or nothing is there to compare.
    """
    norms = norms_of(statistics)
    titles = ("Distance of the means", "Ratio of the variances")
    figure, (means, variances) = panels(theme, titles, _HEIGHT)
    for number, (label, one, other) in enumerate(_pairs(statistics)):
        colour = theme.series[number]
        for axes, measure in ((means, mean_distance), (variances, variance_doublings)):
            values = [measure(one(norm), other(norm)) for norm in norms]
            draw_quartiles(axes, values, label, colour)
    means.set_ylim(bottom=0)
    variances.axhline(0, color=theme.muted, linewidth=0.8, zorder=1)
    variances.xaxis.set_major_locator(MaxNLocator(integer=True))
    name_axes(means, theme, "", "standard deviations")
    name_axes(variances, theme, DEPTH, "doublings (log₂)")
    explain(figure, means, theme)
    return figure


def shown_branch(statistics: Mapping) -> str:
    """Returns the branch whose batches are shown: the adversarial one, or the first.

    Raises:
        UserError: no batch was measured.
    """
    if not all(norm["batches"] for norm in norms_of(statistics)):
        raise UserError(
            f"the norm of this run, '{statistics['norm']}', says nothing of its batches: define "
            "its batch_statistics(collected, branch)"
        )
    measured = statistics["norms"][0]["batches"]
    return ADV if ADV in measured else next(iter(measured))


def _check_branches(statistics: Mapping) -> None:
    if len(statistics["branches"]) < 2:
        raise UserError(
            f"figure 5 compares a norm's branches, and '{statistics['norm']}' has trained one in "
            "this run: take one of gin/mbn.gin, or figure6"
        )


def _running(branch: str) -> Take:
    return lambda norm: norm["running"][branch]


def _batch(branch: str, number: int) -> Take:
    return lambda norm: norm["batches"][branch][number]


def _pairs(statistics: Mapping) -> list[tuple[str, Take, Take]]:
    """Returns what is compared: a label and the moments of both sides."""
    shown = shown_branch(statistics)
    batches = [_batch(shown, number) for number in range(2)]
    first, *others = statistics["branches"]
    if not others:
        return [
            (f"batch {number + 1} against running", batch, _running(shown))
            for number, batch in enumerate(batches)
        ]
    pairs = [
        (f"{branch_name(branch)} against {branch_name(first)}", _running(branch), _running(first))
        for branch in others
    ]
    return [*pairs, (f"two batches of the {branch_name(shown)}", *batches)]


def _bars(
    sample: Sample, titles: Sequence[str], series: Mapping[str, Take], theme: Theme
) -> Figure:
    titles = [f"{title}, {sample.block}" for title in titles]
    figure, both = panels(theme, titles, _HEIGHT)
    width, channels = _BARS / len(series), np.arange(len(sample.places))
    for axes, what in zip(both, ("mean", "variance"), strict=True):
        for number, (label, moments) in enumerate(series.items()):
            left = channels - _BARS / 2 + number * width
            axes.bar(
                left,
                sample.values(moments, what),
                width,
                align="edge",
                color=theme.series[number],
                label=label,
            )
        axes.axhline(0, color=theme.muted, linewidth=0.8)
        axes.grid(axis="x", visible=False)
        name_axes(axes, theme, "", "value")
    _name_norms(both, sample, theme)
    name_axes(both[-1], theme, "channels", "value")
    explain(figure, both[0], theme)
    return figure


def _name_norms(both: Sequence[Axes], sample: Sample, theme: Theme) -> None:
    """Parts the channels of different norms, and writes the norms' names beneath them."""
    groups = sample.by_norm()
    edges = [0, *itertools.accumulate(len(channels) for channels in groups.values())]
    for axes in both:
        for edge in edges[1:-1]:
            axes.axvline(edge - 0.5, color=theme.muted, linewidth=0.8, dashes=(2, 2))
        axes.set_xlim(-0.5, edges[-1] - 0.5)
    middles = [(left + right - 1) / 2 for left, right in itertools.pairwise(edges)]
    names = [plain(name.removeprefix(f"{sample.block}/")) for name in groups]
    if any(right - left < _CLOSE * edges[-1] for left, right in itertools.pairwise(middles)):
        names = ["\n" * (number % 2) + name for number, name in enumerate(names)]
    both[-1].set_xticks(middles, names, size=TEXT - 1)
    for axes in both:
        axes.tick_params(axis="x", length=0)
