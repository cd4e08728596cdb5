"""Clean image, adversarial image and their difference."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from tfadv.errors import check
from tfadv.plots.style import LIGHT, Theme
from tfadv.plots.tiles import MIDDLE, as_pictures, tiles


def adversarial_strip(
    images: np.ndarray,
    adversarial: np.ndarray,
    epsilon: float | None = None,
    titles: Sequence[str] = (),
    theme: Theme = LIGHT,
) -> Figure:
    """Returns clean images, adversarial ones and what differs, amplified; grey is no change.

    With titles each image has a row of its own; without, the images stand side by side.

    Args:
        images: float [N, H, W, C] in 0..255.
        adversarial: the same, attacked.
        epsilon: the difference, in pixels of 0..255, that is drawn as black or white; None
            amplifies as much as all the colours allow.
        titles: of the images, N or none.
        theme: the colours.

    Raises:
        UserError: the images are not of one shape, ε is not positive, or there are more or
            fewer titles than images.
    """
    images, adversarial = as_pictures(images, "images"), as_pictures(adversarial, "adversarial")
    same = images.shape == adversarial.shape
    check(same, "adversarial", f"have the shape of images, {images.shape}", adversarial.shape)
    check(epsilon is None or epsilon > 0, "epsilon", "be > 0 (pixels of 0..255)", epsilon)
    check(len(titles) in (0, len(images)), "titles", f"be {len(images)}, or none", list(titles))
    gain = amplification(images, adversarial) if epsilon is None else MIDDLE / epsilon
    differences = MIDDLE + gain * (adversarial - images)
    names = ["clean", "adversarial", f"difference × {gain:.3g}"]
    if titles:
        rows = list(zip(images, adversarial, differences, strict=True))
        return tiles(rows, columns=names, titles=titles, theme=theme)
    return tiles([images, adversarial, differences], sides=names, theme=theme)


def amplification(images: np.ndarray, adversarial: np.ndarray) -> int:
    """Returns the largest whole factor that keeps all differences within the colours, or 1.

    Args:
        images: float [N, H, W, C] in 0..255.
        adversarial: the same, attacked.
    """
    difference = np.nan_to_num(np.asarray(adversarial) - np.asarray(images))
    largest = float(np.abs(difference).max())
    return max(1, int(MIDDLE / largest)) if largest else 1
