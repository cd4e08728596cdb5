"""Which classes a model takes for which."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure

from tfadv.errors import check
from tfadv.plots.names import class_name
from tfadv.plots.style import (
    LIGHT,
    TEXT,
    WIDTH,
    Theme,
    add_scale,
    canvas,
    name_axes,
    plain,
    shortened,
)

NAMED_CLASSES = 25  # so many names stand side by side
NUMBERED_CLASSES = 12  # and so many numbers
CELLS = 100  # of a heat map's side
_TICKS = (0, 0.05, 0.25, 0.5, 1)


def confusion(
    labels: np.ndarray,
    predictions: np.ndarray,
    class_names: Sequence[str] = (),
    title: str = "Predictions",
    theme: Theme = LIGHT,
) -> Figure:
    """Returns the predictions of each class's images as shares of them.

    More than `NAMED_CLASSES` classes make a heat map without names, of at most
    `CELLS` groups of neighbouring classes.

    Args:
        labels: the true classes, int [N], N > 0.
        predictions: int [N].
        class_names: K names; none for numbers.
        title: what was predicted.
        theme: the colours.

    Raises:
        UserError: the two are not of the same N images.
    """
    shares = confusion_shares(labels, predictions, len(class_names))
    count = len(shares)
    right = np.mean(np.asarray(labels) == np.asarray(predictions))
    figure, axes = canvas(theme, f"{title}: {right:.1%} right", WIDTH)
    shades = LinearSegmentedColormap.from_list("shares", [theme.ground, theme.series[0]])
    # The root shows small shares of mistakes beside the large ones on the diagonal.
    norm = PowerNorm(0.5, 0, 1)
    image = axes.imshow(shares, cmap=shades, norm=norm, interpolation="nearest")
    axes.grid(visible=False)
    if max(count, len(class_names)) <= NAMED_CLASSES:
        names = [shortened(class_name(label, class_names), 14) for label in range(count)]
        _name_classes(axes, [plain(name) for name in names])
    else:
        axes.set(xticks=[], yticks=[])
    if count <= NUMBERED_CLASSES:
        _write_percents(axes, shares, theme)
    else:
        scale = add_scale(figure, image, theme)
        scale.set_yticks(_TICKS, [f"{tick:.0%}" for tick in _TICKS])
    name_axes(axes, theme, "predicted", "true class")
    return figure


def confusion_shares(labels: np.ndarray, predictions: np.ndarray, classes: int = 0) -> np.ndarray:
    """Returns each class's predictions as shares, [K, K]; NaN for a class without images.

    Args:
        labels: int [N], N > 0.
        predictions: int [N].
        classes: K, if it is more than the largest class there is.

    Raises:
        UserError: the two are not of the same N images.
    """
    labels, predictions = (np.asarray(values, np.int64) for values in (labels, predictions))
    same = labels.ndim == 1 and labels.size > 0 and labels.shape == predictions.shape
    shapes = labels.shape, predictions.shape
    check(same, "labels and predictions", "be classes of the same images, [N] both", shapes)
    classes = max(classes, labels.max() + 1, predictions.max() + 1)
    cells = min(classes, CELLS)
    counts = np.zeros((cells, cells))
    np.add.at(counts, (labels * cells // classes, predictions * cells // classes), 1)
    totals = counts.sum(1, keepdims=True)
    return np.divide(counts, totals, out=np.full_like(counts, np.nan), where=totals > 0)


def _name_classes(axes: Axes, names: Sequence[str]) -> None:
    size = TEXT if len(names) <= NUMBERED_CLASSES else TEXT - 3
    long = max(map(len, names)) > 2
    axes.set_xticks(range(len(names)), names, rotation=90 if long else 0, size=size)
    axes.set_yticks(range(len(names)), names, size=size)
    axes.tick_params(length=0)


def _write_percents(axes: Axes, shares: np.ndarray, theme: Theme) -> None:
    for (row, column), share in np.ndenumerate(shares):
        if share >= 0.005:
            colour = theme.ground if share > 0.45 else theme.ink
            text = f"{100 * share:.0f}"
            axes.text(column, row, text, ha="center", va="center", color=colour, size=TEXT - 2)
