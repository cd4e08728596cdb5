"""TensorBoard: curves, and strips of clean, adversarial and difference images."""

import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfadv.plots import adversarial_strip
from tfadv.plots.style import pixels
from tfadv.strategies import Strategy


class TensorBoardWriter:
    """Writes one run's TensorBoard files.

    Args:
        folder: of the event files.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._writer = tf.summary.create_file_writer(str(folder))

    @functools.cached_property
    def _validation(self):
        """The writer of a run beside training's, whose curves of one name share a chart."""
        return tf.summary.create_file_writer(str(self._folder / "validation"))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Adds a point to each curve."""
        _draw(self._writer, step, values)

    def validation(self, step: int, values: Mapping[str, float]) -> None:
        """Adds a point to each curve of the validation images."""
        _draw(self._validation, step, values)

    def alarm(self, step: int, line: str) -> None:
        """Adds a text."""
        with self._writer.as_default(np.asarray(step)):
            tf.summary.text("alarms", line)

    def strip(self, step: int, clean: tf.Tensor, adversarial: tf.Tensor, epsilon: float) -> None:
        """Adds an image of three rows: clean, adversarial and their difference.

        Args:
            step: the optimizer step.
            clean: float32 [N, H, W, C] in 0..255.
            adversarial: the same images, attacked.
            epsilon: the difference that is drawn as black or white; 0 amplifies as plots do.
        """
        figure = adversarial_strip(clean.numpy(), adversarial.numpy(), epsilon or None)
        with self._writer.as_default(np.asarray(step)):
            tf.summary.image("clean, adversarial, difference", pixels(figure)[None])

    def flush(self) -> None:
        """Brings everything to disk."""
        self._writer.flush()
        if "_validation" in self.__dict__:
            self._validation.flush()


def validation_curves(record: Mapping, strategy: Strategy) -> dict[str, float]:
    """Returns the points of a validation's curves, by their names.

    Where training has a curve of a kind of images, validation's has the same name: the clean
    accuracy of its branch, or the accuracy under the first attack.

    Args:
        record: of the validation, as `Validator` makes it.
        strategy: says the branch of each kind.
    """
    trained = record["accuracy"]["trained"]
    found = {}
    for kind, branch in strategy.kinds.items():
        clean, *attacked = trained.get(branch, next(iter(trained.values()))).values()
        of_kind = attacked[:1] if kind in strategy.attacked_kinds else [clean]
        found |= {f"{kind}_accuracy": value for value in of_kind}
    for weights, branches in record["accuracy"].items():
        for branch, values in branches.items():
            found |= {f"{weights}/{branch}/{what}": value for what, value in values.items()}
    return found


def _draw(writer, step: int, values: Mapping[str, float]) -> None:
    # As arrays: TensorFlow keeps every Python number that it ever made a tensor of.
    with writer.as_default(np.asarray(step)):
        for name, value in values.items():
            tf.summary.scalar(name, np.asarray(value, np.float32))
