"""Figures of classes and of images."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from tfadv.reports.outcomes import Judged, Shown, class_name
from tfadv.reports.style import LIGHT, TEXT, WIDTH, Theme, canvas, name_axes, plain, shortened

NAMED_CLASSES = 25  # so many names stand side by side
NUMBERED_CLASSES = 12  # and so many numbers
CELLS = 100  # of a heat map's side
_MIDDLE = 127.5
_GAP = 0.05  # between images, whose width is 1
_LEFT = (0, 1 + _GAP, 2 + 2 * _GAP)


def confusion_matrix(judged: Judged, class_names: Sequence[str], theme: Theme = LIGHT) -> Figure:
    """Returns the predictions of each class's images as shares of them.

    More than `NAMED_CLASSES` classes make a heat map without names, of at most
    `CELLS` groups of neighbouring classes.
    """
    shares = confusion(judged, len(class_names))
    count = len(shares)
    title = f"{judged.title}: {judged.accuracy:.1%} right"
    figure, axes = canvas(theme, title, WIDTH)
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
        _add_scale(figure, image, theme)
    name_axes(axes, theme, "predicted", "true class")
    return figure


def _add_scale(figure: Figure, image: AxesImage, theme: Theme) -> None:
    bar = figure.colorbar(image, shrink=0.7, aspect=30, ticks=[0, 0.05, 0.25, 0.5, 1])
    bar.ax.set_yticklabels(["0%", "5%", "25%", "50%", "100%"], color=theme.muted, size=TEXT - 1)
    bar.ax.tick_params(length=0)
    bar.outline.set_visible(False)


def confusion(judged: Judged, classes: int) -> np.ndarray:
    """Returns each class's predictions as shares, [K, K]; NaN for a class without images."""
    labels, predictions = (np.asarray(a, np.int64) for a in (judged.labels, judged.predictions))
    classes = max(classes, labels.max() + 1, predictions.max() + 1)
    cells = min(classes, CELLS)
    counts = np.zeros((cells, cells))
    np.add.at(counts, (labels * cells // classes, predictions * cells // classes), 1)
    totals = counts.sum(1, keepdims=True)
    return np.divide(counts, totals, out=np.full_like(counts, np.nan), where=totals > 0)


def worst_images(
    shown: Sequence[Shown], class_names: Sequence[str], theme: Theme = LIGHT
) -> Figure:
    """Returns a row of clean image, adversarial image and amplified difference for each."""
    gain = amplification(shown)
    height, width = shown[0].image.shape[:2]
    ratio, right = height / width, 3 + 2 * _GAP
    size = (WIDTH, len(shown) * (WIDTH / right * ratio + 0.33) + 0.2)
    figure = Figure(size, facecolor=theme.ground, layout="constrained")
    rows = figure.subplots(len(shown), 1, squeeze=False)[:, 0]
    for axes, one in zip(rows, shown, strict=True):
        difference = _MIDDLE + gain * (one.adversarial - one.image)
        for left, pixels in zip(_LEFT, (one.image, one.adversarial, difference), strict=True):
            shown_pixels = np.clip(np.broadcast_to(pixels, (*pixels.shape[:2], 3)), 0, 255) / 255
            axes.imshow(shown_pixels, extent=(left, left + 1, 0, ratio), interpolation="nearest")
        axes.set(xlim=(0, right), ylim=(0, ratio), xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        words = plain(caption(one, class_names))
        axes.set_title(words, loc="left", size=TEXT, color=theme.ink, pad=4)
    names = ["clean", "adversarial", f"difference × {gain}"]
    rows[-1].set_xticks([left + 0.5 for left in _LEFT], names, color=theme.muted, size=TEXT)
    rows[-1].tick_params(length=0)
    return figure


def caption(one: Shown, class_names: Sequence[str]) -> str:
    """Returns ``label → prediction (confidence)``."""
    true, wrong = (
        shortened(class_name(label, class_names), 22) for label in (one.label, one.prediction)
    )
    return f"{true} → {wrong} ({one.confidence:.0%})"


def amplification(shown: Sequence[Shown]) -> int:
    """Returns the largest factor that keeps all the differences within the colours, or 1."""
    largest = max(float(np.abs(one.adversarial - one.image).max()) for one in shown)
    return max(1, int(_MIDDLE / largest)) if largest else 1


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
