"""Pictures in rows, without a gap that they don't need."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from tfadv.errors import check
from tfadv.pixels import PIXEL_RANGE
from tfadv.plots.style import TEXT, WIDTH, Plot, Theme, plain

MIDDLE = sum(PIXEL_RANGE) / 2
_GAP = 0.05  # between pictures, whose width is 1
_NARROWEST = 1.2  # inches
_ABOVE, _ROUND = 0.33, 0.2  # inches: a row's title, and around all


def as_pictures(images: object, name: str) -> np.ndarray:
    """Returns images as float32 [N, H, W, C].

    Args:
        images: [N, H, W, C] of any numbers in 0..255; of C channels the first three are seen,
            or the first.
        name: of the argument, for the error.

    Raises:
        UserError: they have another shape.
    """
    pictures = np.asarray(images, np.float32)
    check(pictures.ndim == 4 and pictures.size, name, "be images [N, H, W, C]", pictures.shape)
    return pictures


def tiles(
    rows: Sequence[Sequence[np.ndarray]],
    columns: Sequence[str] = (),
    titles: Sequence[str] = (),
    sides: Sequence[str] = (),
    theme: Theme | None = None,
) -> Figure:
    """Returns pictures in rows.

    Args:
        rows: of equally many pictures each, [H, W, C] in 0..255, all of one shape; what
            is outside of that is cut off.
        columns: names beneath the last row.
        titles: of the rows, above them.
        sides: names of the rows, at their left.
        theme: the colours.
    """
    count, (height, width) = len(rows[0]), rows[0][0].shape[:2]
    ratio, right = height / width, count * (1 + _GAP) - _GAP
    wide = max(WIDTH, _NARROWEST * count)
    tall = len(rows) * (wide / right * ratio + (_ABOVE if titles else 0)) + _ROUND
    figure = Plot((wide, tall), facecolor=theme.ground, layout="constrained")
    every = figure.subplots(len(rows), 1, squeeze=False)[:, 0]
    middles = [number * (1 + _GAP) + 0.5 for number in range(count)]
    for number, (axes, row) in enumerate(zip(every, rows, strict=True)):
        for middle, picture in zip(middles, row, strict=True):
            extent = (middle - 0.5, middle + 0.5, 0, ratio)
            axes.imshow(_coloured(picture), extent=extent, interpolation="nearest")
        axes.set(xlim=(0, right), ylim=(0, ratio), xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        if titles:
            axes.set_title(plain(titles[number]), loc="left", size=TEXT, color=theme.ink, pad=4)
        if sides:
            axes.set_ylabel(sides[number], color=theme.muted, size=TEXT)
    if columns:
        every[-1].set_xticks(middles, columns, color=theme.muted, size=TEXT)
    return figure


def _coloured(picture: np.ndarray) -> np.ndarray:
    """Returns a picture of 0..255 as colours [H, W, 3] of 0..1; what is no number is black."""
    seen = picture[..., :3] if picture.shape[-1] >= 3 else picture[..., :1]
    pixels = np.nan_to_num(np.clip(seen, *PIXEL_RANGE)) / PIXEL_RANGE[1]
    return np.broadcast_to(pixels, (*picture.shape[:2], 3))
