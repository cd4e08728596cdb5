"""A trajectory's rows, and what becomes of an image."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfadv.devices.replicas import Replicas
from tfadv.evaluation.trajectory.rolling import Finished

# The prediction of a length that an image has not come to yet.
UNKNOWN = -1


class Outcome(NamedTuple):
    """What became of one image.

    Attributes:
        index: of the image.
        label: its class.
        target: where it was driven to; the label, untargeted.
        predictions: int32 [lengths], the class of each length's iterate.
        final: float32 [H, W, C], the longest run's iterate; in the worst case the
            first that was misclassified, if any was.
        period: of its cycle; 0 if none was found.
        passes: forward and backward passes that were spent on it.
    """

    index: int
    label: int
    target: int
    predictions: np.ndarray
    final: np.ndarray
    period: int
    passes: int


class RollingBatch(NamedTuple):
    """The images in the batch, a row each."""

    index: tf.Tensor
    images: tf.Tensor
    labels: tf.Tensor
    draw: tf.Tensor
    target: tf.Tensor
    x: tf.Tensor
    steps: tf.Tensor
    passes: tf.Tensor
    prints: tf.Tensor
    kept: tf.Tensor
    kept_at: tf.Tensor
    kept_print: tf.Tensor
    period: tf.Tensor
    stops: tf.Tensor
    predictions: tf.Tensor
    final: tf.Tensor


def outcomes(finished: Finished[RollingBatch], replicas: Replicas) -> Iterator[Outcome]:
    """Yields the outcomes of images that are done."""
    slots, rows = finished
    taken = {
        name: replicas.take(getattr(slots, "labels" if name == "label" else name), rows)
        for name in Outcome._fields
    }
    for row in range(len(rows)):
        values = {name: value[row] for name, value in taken.items()}
        yield Outcome(
            **{k: v if np.ndim(v) else int(v) for k, v in values.items()},
        )
