"""Whether a model that was trained elsewhere is fed as it was trained, told by its accuracy."""

from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from tfadv.errors import UserError
from tfadv.pixels import LogitsFn

IMAGES = 64
# Another form must do better by this share of the images to be right, and be as much above what
# the commonest class comes to, which is what an untrained model may answer throughout.
MARGIN = 0.15


def check_accuracy(
    name: str,
    images: tf.Tensor,
    labels: np.ndarray,
    stated: LogitsFn,
    trials: Iterable[tuple[str, LogitsFn]],
) -> None:
    """Raises `UserError` if a model classifies far better when it is fed otherwise.

    Args:
        name: the model's, for the error.
        images: float32 [N, H, W, C] in 0..255.
        labels: integers [N].
        stated: the model, fed as its user says.
        trials: what else could be stated, in words for the error, and the model so fed.
    """
    accuracy = _accuracy(stated, images, labels)
    least = max(accuracy, np.bincount(labels).max() / len(labels)) + MARGIN
    for remedy, model in trials:
        found = _accuracy(model, images, labels)
        if found > least:
            raise UserError(
                f"{name} classifies {accuracy:.0%} of {len(labels)} images as stated, and "
                f"{found:.0%} fed otherwise: {remedy}"
            )


def _accuracy(logits_fn: LogitsFn, images: tf.Tensor, labels: np.ndarray) -> float:
    return float(np.mean(np.argmax(logits_fn(images), 1) == labels))
