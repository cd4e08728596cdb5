"""Which pixels the loss depends on."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from tfadv.attacks.gradients import label_gradient
from tfadv.errors import UserError, check
from tfadv.models.classifier import Classifier
from tfadv.norms.mode import NormMode
from tfadv.plots.names import branch_name
from tfadv.plots.style import LIGHT, Theme
from tfadv.plots.tiles import MIDDLE, as_pictures, tiles

_DEVIATIONS = 3  # of a gradient's values, which are drawn as black or white


def input_gradients(
    model: Classifier,
    images: np.ndarray,
    labels: np.ndarray,
    branches: Sequence[str] | None = None,
    titles: Sequence[str] = (),
    theme: Theme = LIGHT,
) -> Figure:
    """Returns images, each beside the gradients of its loss by its pixels; grey is 0.

    A row for each image, a column for each branch. Each gradient is scaled by itself and cut
    off at three standard deviations, as Tsipras et al. (2019) show them: brightness says nothing
    of its size.

    Args:
        model: the model.
        images: float [N, H, W, C] in 0..255.
        labels: int [N].
        branches: of the norms; None takes all of the model's.
        titles: of the images, N or none.
        theme: the colours.

    Raises:
        UserError: a shape or number doesn't fit, there is no such branch, or a gradient is not
            finite.
    """
    images, labels = as_pictures(images, "images"), np.asarray(labels)
    check(labels.shape == (len(images),), "labels", f"be {len(images)} classes", labels.shape)
    check(len(titles) in (0, len(images)), "titles", f"be {len(images)}, or none", list(titles))
    branches = tuple(branches or model.branches)
    columns = [images, *(_gradients(model, branch, images, labels) for branch in branches)]
    names = ["image", *(f"gradient, {branch_name(branch)}" for branch in branches)]
    return tiles(list(zip(*columns, strict=True)), columns=names, titles=titles, theme=theme)


def _gradients(
    model: Classifier, branch: str, images: np.ndarray, labels: np.ndarray
) -> np.ndarray:
    """Returns a branch's gradients as pictures [N, H, W, C] of 0..255."""
    logits_fn = model.logits_fn(NormMode(branch))
    given = tf.constant(images), tf.constant(labels, tf.int32)
    gradients = label_gradient(logits_fn, *given)[0].numpy().astype(np.float64)
    if not np.isfinite(gradients).all():
        raise UserError(f"{branch_name(branch)}: the loss has a gradient that is not finite")
    spread = _DEVIATIONS * gradients.std(axis=(1, 2, 3), keepdims=True)
    return MIDDLE + MIDDLE * np.divide(
        gradients, spread, out=np.zeros_like(gradients), where=spread > 0
    )
