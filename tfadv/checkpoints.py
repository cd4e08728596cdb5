"""Checkpoints that are either whole or passed over."""

import logging
from pathlib import Path

import tensorflow as tf

from tfadv.errors import UserError


class Checkpoints:
    """The newest checkpoints of a run, by optimizer step.

    Args:
        folder: where they are kept.
        model: the model.
        optimizer: its built optimizer, whose `iterations` count the steps.
        keep: how many to keep; the one before the newest is the fallback.
    """

    def __init__(self, folder: Path, model, optimizer, keep: int = 2):
        self._optimizer = optimizer
        self._checkpoint = tf.train.Checkpoint(
            model=_by_path(model.variables), optimizer=_by_path(optimizer.variables)
        )
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
    """Returns the variables by their paths.

    TensorFlow's own tracking of a Keras object loses the layers that it keeps
    in lists: their variables would be neither saved nor missed.
    """
    found = {variable.path: variable.value for variable in variables}
    if len(found) != len(variables):
        raise ValueError("two variables have the same path: give their layers names")
    return found
