"""Checkpoints that are either whole or passed over."""

import logging
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfadv.errors import UserError
from tfadv.optimization.weight_average import WeightAverage

# What each of `WEIGHTS` is called in a checkpoint.
_NAMES = {"trained": "model", "average": "average"}


class Checkpoints:
    """The newest checkpoints of a run, by optimizer step.

    Args:
        folder: where they are kept.
        model: the model.
        optimizer: its built optimizer, whose `iterations` count the steps.
        average: the moving average of its weights, if there is one.
        keep: how many to keep; the one before the newest is the fallback.
    """

    def __init__(
        self, folder: Path, model, optimizer, average: WeightAverage | None = None, keep: int = 2
    ):
        self._optimizer = optimizer
        tracked = {
            "model": _by_path(model.variables),
            "optimizer": _by_path(optimizer.variables),
        }
        if average:
            tracked["average"] = average.by_path()
        self._checkpoint = tf.train.Checkpoint(**tracked)
        self._manager = tf.train.CheckpointManager(
            self._checkpoint, str(folder), max_to_keep=keep, checkpoint_name="step"
        )

    def save(self) -> None:
        """Saves the current step."""
        self._manager.save(checkpoint_number=int(self._optimizer.iterations.numpy()))

    def restore(self) -> int:
        """Restores the newest whole checkpoint.

        Returns:
            Its step, or 0 where there is none.

        Raises:
            UserError: there are checkpoints and none can be read.
        """
        reasons = []
        for path in reversed(self._manager.checkpoints):
            try:
                self._checkpoint.restore(path).assert_consumed()
                return int(self._optimizer.iterations.numpy())
            except (tf.errors.OpError, AssertionError, ValueError, IndexError) as error:
                reasons.append(f"{path}: {str(error).splitlines()[0]}")
                logging.warning("passed over a checkpoint: %s", reasons[-1])
        if reasons:
            raise UserError(f"no checkpoint can be restored: {reasons[0]}")
        return 0


def _by_path(variables) -> dict[str, tf.Variable]:
    """Returns variables by their paths, which are their names in a checkpoint.

    TensorFlow's own tracking of a Keras object loses the layers that it keeps
    in lists: their variables would be neither saved nor missed.
    """
    found = {variable.path: variable.value for variable in variables}
    if len(found) != len(variables):
        raise ValueError("two variables have the same path: give their layers names")
    return found


def read_model(folder: Path, weights: str = "trained") -> dict[str, np.ndarray]:
    """Returns the values of a model's variables in the newest checkpoint, by path.

    Args:
        folder: the checkpoints of a run.
        weights: of `WEIGHTS`: those that were trained, or their moving average.

    Raises:
        UserError: there is no checkpoint, or no average in it.
    """
    newest = tf.train.latest_checkpoint(str(folder))
    if newest is None:
        raise UserError(f"no checkpoint in '{folder}'")
    reader = tf.train.load_checkpoint(newest)
    before, after = f"{_NAMES[weights]}/", "/.ATTRIBUTES/VARIABLE_VALUE"
    found = {
        key.removeprefix(before).removesuffix(after).replace(".S", "/"): reader.get_tensor(key)
        for key in reader.get_variable_to_shape_map()
        if key.startswith(before) and key.endswith(after)
    }
    if not found:
        raise UserError(
            f"the run of '{folder}' keeps no {weights} weights: Training.average_decay makes a run "
            "keep a moving average"
        )
    return found
