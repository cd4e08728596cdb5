"""What the norms of a model have collected, branch by branch."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tfadv.errors import UserError
from tfadv.models.classifier import Trainable
from tfadv.norms.base import Norm
from tfadv.norms.mode import chosen_branch
from tfadv.plots.names import branch_name
from tfadv.plots.style import LIGHT, Theme, explain, look, name_axes, panels

DEPTH = "norm, from the images to the logits"
_HEIGHT = 5.0
_MARKED = 60  # so many norms have room for a mark each


def norm_statistics(
    model: Trainable, branches: Sequence[str] | None = None, theme: Theme = LIGHT
) -> Figure:
    """Returns running means and variances of every norm by its depth, a line for each branch.

    Lines are medians over a norm's channels and bands their quartiles. Where the branches of a
    mixture batch norm part, clean and adversarial images have different statistics (Xie &
    Yuille, 2020, figure 5).

    Args:
        model: the model.
        branches: of its norms; None takes all.
        theme: the colours.

    Raises:
        UserError: there is no such branch, or no norm keeps running statistics.
    """
    known = model.branches
    branches = [chosen_branch(b, known, known[0], "branches") for b in branches or known]
    norms = _with_statistics(model, branches[0])
    figure, (means, variances) = panels(theme, ("Running mean", "Running variance"), _HEIGHT)
    for number, branch in enumerate(branches):
        moments = [norm.running_statistics(branch) for norm in norms]
        for axes, part in ((means, 0), (variances, 1)):
            values = [np.asarray(both[part], np.float64) for both in moments]
            draw_quartiles(axes, values, branch_name(branch), look(theme, number)[0])
    variances.set_yscale("log", nonpositive="clip")
    variances.xaxis.set_major_locator(MaxNLocator(integer=True))
    name_axes(means, theme, "", "of the channels")
    name_axes(variances, theme, DEPTH, "of the channels (logarithmic)")
    explain(figure, means, theme)
    return figure


def draw_quartiles(axes: Axes, by_norm: Sequence[np.ndarray], label: str, colour: str) -> None:
    """Draws the median of each norm's channels, and a band between their quartiles.

    Args:
        axes: to draw in.
        by_norm: values of the channels of each norm, in order of depth; a gap where there is none.
        label: in the legend.
        colour: of the line.
    """
    quartiles = [
        np.quantile(values, (0.25, 0.5, 0.75)) if len(values) else [np.nan] * 3
        for values in by_norm
    ]
    low, middle, high = np.transpose(quartiles)
    x = range(1, len(by_norm) + 1)
    axes.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0)
    marks = {"marker": "o", "markersize": 2.5} if len(by_norm) <= _MARKED else {}
    axes.plot(x, middle, color=colour, linewidth=1.8, label=label, **marks)


def _with_statistics(model: Trainable, branch: str) -> list[Norm]:
    """Returns the norms that keep running statistics, in order of depth."""
    places = model.norm_places if model.norms else []
    kept = [one.norm for one in places if one.norm.running_statistics(branch) is not None]
    if not kept:
        raise UserError(
            f"no norm of '{model.name}' keeps running statistics: there is nothing to draw; "
            "'batch_norm' and 'mixture_batch_norm' keep some"
        )
    return kept
