"""TensorBoard: curves, and strips of clean, adversarial and difference images."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfadv.pixels import PIXEL_RANGE


class TensorBoardWriter:
    """Writes one run's TensorBoard files.

    Args:
        folder: of the event files.
    """

    def __init__(self, folder: Path):
        self._writer = tf.summary.create_file_writer(str(folder))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Adds a point to each curve."""
        # As arrays: TensorFlow keeps every Python number that it ever made a tensor of.
        with self._writer.as_default(np.asarray(step)):
            for name, value in values.items():
                tf.summary.scalar(name, np.asarray(value, np.float32))

    def strip(self, step: int, clean: tf.Tensor, adversarial: tf.Tensor, epsilon: float) -> None:
        """Adds an image of three rows: clean, adversarial and their difference.

        Args:
            step: the optimizer step.
            clean: float32 [N, H, W, C] in 0..255.
            adversarial: the same images, attacked.
            epsilon: the difference that is drawn as black or white.
        """
        middle = sum(PIXEL_RANGE) / 2
        difference = (adversarial - clean) * middle / max(epsilon, 1e-6) + middle
        rows = [tf.concat(tf.unstack(row), 1) for row in (clean, adversarial, difference)]
        picture = tf.clip_by_value(tf.concat(rows, 0), *PIXEL_RANGE) / PIXEL_RANGE[1]
        with self._writer.as_default(np.asarray(step)):
            tf.summary.image("clean, adversarial, difference", picture[None])

    def flush(self) -> None:
        """Brings everything to disk."""
        self._writer.flush()
