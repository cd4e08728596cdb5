"""TensorBoard: curves, pictures and texts in the run's folder."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfadv.registry import TRACKERS
from tfadv.trackers.base import TrackedRun, Tracker

# TensorBoard's axis is the step, of which the epoch would be a straight line.
_NO_CURVES = ("epoch",)


@TRACKERS.register("tensorboard")
class TensorBoard(Tracker):
    """Writes event files for ``tensorboard --logdir=runs``."""

    def begin(self, run: TrackedRun) -> None:
        """Opens the folder ``tensorboard`` of the run."""
        self._folder = run.folder / "tensorboard"
        self._writer = tf.summary.create_file_writer(str(self._folder))

    @functools.cached_property
    def _validation(self):
        """The writer of a run beside training's, whose curves of one name share a chart."""
        return tf.summary.create_file_writer(str(self._folder / "validation"))

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Adds a point to each curve."""
        _draw(self._writer, step, values)

    def validation(self, step: int, values: Mapping[str, float]) -> None:
        """Adds a point to each curve of the validation images."""
        _draw(self._validation, step, values)

    def alarm(self, step: int, line: str) -> None:
        """Adds a text."""
        with self._writer.as_default(np.asarray(step)):
            tf.summary.text("alarms", line)

    def image(self, step: int, title: str, picture: np.ndarray) -> None:
        """Adds a picture."""
        with self._writer.as_default(np.asarray(step)):
            tf.summary.image(title, picture[None])
        self._writer.flush()

    def results(self, values: Mapping[str, float], files: Sequence[Path]) -> None:
        """Adds a table: one point would be no curve."""
        rows = [f"| {name} | {100 * value:.2f} |" for name, value in values.items()]
        with self._writer.as_default(np.asarray(0)):
            tf.summary.text(
                "results", "\n".join(["| accuracy on test images | % |", "|---|---|", *rows])
            )

    def end(self, status: str) -> None:
        """Brings everything to disk."""
        self._writer.close()
        if "_validation" in self.__dict__:
            self._validation.close()


def _draw(writer, step: int, values: Mapping[str, float]) -> None:
    # As arrays: TensorFlow keeps every Python number that it ever made a tensor of.
    with writer.as_default(np.asarray(step)):
        for name, value in values.items():
            if name not in _NO_CURVES:
                tf.summary.scalar(name, np.asarray(value, np.float32))
    writer.flush()  # a killed run is not to lose what its metrics.jsonl has
