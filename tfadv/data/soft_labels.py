"""Images that belong to several classes in part, such as those that a model has labelled."""

from collections.abc import Sequence

import numpy as np

from tfadv import digests
from tfadv.data.plausibility import UnfitError
from tfadv.data.source import ArraySource

# By how much the sum of a row may miss 1.
_TOLERANCE = 1e-2


class SoftlyLabelledImages(ArraySource):
    """Images held in memory, each with shares of the classes.

    Args:
        name: where the images are from, for messages.
        images: see `ArraySource`.
        soft_labels: shares of the classes, real [N, K], none negative, whose rows sum to 1;
            `labels` are the classes with the largest ones.
        class_names: K names.
        channels: of the images, 1..4.

    Raises:
        UserError: a share is not one, or an image or name is wrong.
    """

    def __init__(
        self,
        name: str,
        images: np.ndarray,
        soft_labels: np.ndarray,
        class_names: Sequence[str],
        channels: int = 3,
    ):
        self.soft_labels = _checked_shares(name, soft_labels, len(class_names))
        super().__init__(name, images, self.soft_labels.argmax(-1), class_names, channels)

    def stored(self, way: str) -> dict[str, str]:
        """Returns digests of images and shares; see `Source.stored`."""
        return super().stored(way) | {"soft_labels": digests.of_array(self.soft_labels)}


def are_soft(labels: np.ndarray) -> bool:
    """Returns whether labels are shares of classes, real [N, K], rather than classes."""
    return labels.ndim == 2 and np.issubdtype(labels.dtype, np.floating) and labels.shape[1] > 1


def _checked_shares(name, shares, classes):
    if shares.shape[1] != classes:
        raise UnfitError(
            f"{name}: soft labels are of {shares.shape[1]} classes, and there are {classes}"
        )
    sums = shares.sum(-1, dtype=np.float64)
    fine = np.isfinite(shares).all(-1) & (shares >= 0).all(-1) & (np.abs(sums - 1) <= _TOLERANCE)
    wrong = np.flatnonzero(~fine)
    if len(wrong):
        raise UnfitError(
            f"{name}: the soft labels of example {wrong[0]} are no shares of the classes, in 0..1 "
            f"with the sum 1 ({len(wrong)} such examples): take the softmax of logits"
        )
    return np.float32(shares / sums[:, np.newaxis])
