"""Checkpoints of a run: saved, restored, and read without one."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfadv.config.settings import LAST
from tfadv.errors import UserError
from tfadv.files import refused
from tfadv.optimization.weight_average import WeightAverage
from tfadv.runs import saved_steps
from tfadv.runs.chosen_step import chosen
from tfadv.runs.saved_steps import SavedStep

# What each of `WEIGHTS` is called in a checkpoint.
_NAMES = {"trained": "model", "average": "average"}
# Says after how many steps norm statistics of the average were measured.
_MEASURED = "average_measured"
_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"


class Checkpoints:
    """The checkpoints of a run, by optimizer step.

    Args:
        folder: where they are kept.
        model: the model.
        optimizer: its built optimizer, whose `iterations` count the steps.
        average: the moving average of its weights, if there is one.
        bound_to: digests of what the run is bound to, by name: a checkpoint with others
            is another run's.
        keep: how many of the newest to keep; the one before the newest is the fallback.
        keep_every: keeps those of every so many steps as well; 0 stands for none.
        best_at: returns the step of the best one as of a step, if there is one, which is
            kept as well.
    """

    def __init__(
        self,
        folder: Path,
        model,
        optimizer,
        average: WeightAverage | None = None,
        bound_to: Mapping[str, str] | None = None,
        *,
        keep: int = 2,
        keep_every: int = 0,
        best_at: Callable[[int], int | None] = lambda step: None,
    ):
        self._folder = folder
        self._optimizer = optimizer
        self._bound_to = bound_to or {}
        self._keep, self._keep_every, self._best_at = keep, keep_every, best_at
        self._known: set[SavedStep] = set()  # to be whole
        tracked = {
            "model": _by_path(model.variables),
            "optimizer": _by_path(optimizer.variables),
        }
        if average:
            tracked["average"] = average.by_path()
        if average and average.measured_at is not None:
            tracked[_MEASURED] = {"steps": average.measured_at}
        self._checkpoint = tf.train.Checkpoint(**tracked)
        # TensorFlow's counter of saves: checkpoints of before have it, so all have.
        self._checkpoint.save_counter.assign(0)

    def save(self, again: bool = False) -> None:
        """Saves the current step, and removes what is not to be kept.

        Args:
            again: whether a whole checkpoint of this step is replaced.

        Raises:
            UserError: it can't be written; what was saved before stays.
        """
        saved = SavedStep(self._step, True, self._folder)
        if again or saved not in self._known:
            try:
                saved_steps.write(saved, self._bound_to, self._checkpoint.write)
            except (OSError, tf.errors.OpError) as error:
                raise UserError(self._not_saved(saved, error)) from None
            self._known.add(saved)
        keeping = self._keep, self._keep_every, self._best_at
        saved_steps.keep_newest(self._folder, self._bound_to, self._known, *keeping)

    def restore(self) -> int:
        """Restores the newest whole checkpoint.

        Returns:
            Its step, or 0 where the run was never saved.

        Raises:
            UserError: there are checkpoints and none is whole, or it is of another model.
        """
        saved = saved_steps.newest_whole(self._folder, self._bound_to)
        if saved is None:
            return 0
        self._restore(saved)
        return self._step

    @contextlib.contextmanager
    def at(self, step: int) -> Iterator[None]:
        """Goes back to a step that is saved, and at the end to the present one, which is too.

        Raises:
            UserError: that step is not saved, or not whole.
        """
        now = str(self._step)
        self._restore(chosen(self._folder, self._bound_to, str(step)))
        try:
            yield
        finally:
            self._restore(chosen(self._folder, self._bound_to, now))

    def _restore(self, saved: SavedStep) -> None:
        try:
            self._checkpoint.restore(saved.prefix).assert_consumed()
        except (tf.errors.OpError, AssertionError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"'{saved.path}' is whole and can't be restored: {reason}") from None
        self._known.add(saved)

    def remove_leftovers(self) -> None:
        """Removes what saves that were killed have left."""
        saved_steps.remove_leftovers(self._folder)

    def _not_saved(self, saved: SavedStep, error: Exception) -> str:
        """Makes room again, as far as that goes; returns what is to be said."""
        with contextlib.suppress(OSError):  # the next start removes what is left
            self.remove_leftovers()
        steps = [known.step for known in self._known if known.path.exists()]
        before = (
            f"resumes from step {max(steps)}, the newest that is saved" if steps else "begins anew"
        )
        number = refused(error)
        reason = os.strerror(number) if number else str(error).strip().splitlines()[0]
        return (
            f"step {saved.step} can't be saved in '{self._folder}' ({reason}): mend that, and the "
            f"same command {before}"
        )

    @property
    def _step(self) -> int:
        return int(self._optimizer.iterations.numpy())


def _by_path(variables) -> dict[str, tf.Variable]:
    """Returns variables by their paths, which are their names in a checkpoint.

    TensorFlow's own tracking of a Keras object loses the layers that it keeps
    in lists: their variables would be neither saved nor missed.
    """
    found = {variable.path: variable.value for variable in variables}
    if len(found) != len(variables):
        raise ValueError("two variables have the same path: give their layers names")
    return found


def read_model(
    folder: Path,
    weights: str = "trained",
    bound_to: Mapping[str, str] | None = None,
    checkpoint: str = LAST,
) -> dict[str, np.ndarray]:
    """Returns the values of a model's variables in a checkpoint, by path; see `read_step`."""
    return read_step(folder, weights, bound_to, checkpoint)[1]


def read_step(
    folder: Path,
    weights: str = "trained",
    bound_to: Mapping[str, str] | None = None,
    checkpoint: str = LAST,
) -> tuple[int, dict[str, np.ndarray]]:
    """Returns the step of a whole checkpoint, and the values of a model's variables by path.

    Args:
        folder: the checkpoints of a run.
        weights: of `WEIGHTS`: those that were trained, or their moving average.
        bound_to: digests of what the run is bound to, by name.
        checkpoint: which, as `chosen` takes it; by default the newest that is whole.

    Raises:
        UserError: there is no such checkpoint, it is not whole, or it has no average.
    """
    try:
        step, tensors = read_tensors(folder, bound_to or {}, checkpoint)
    except tf.errors.OpError:  # a training that goes on has just removed it
        step, tensors = read_tensors(folder, bound_to or {}, checkpoint)
    found = values_of(tensors, _NAMES[weights])
    if not found:
        raise UserError(
            f"the run of '{folder}' keeps no {weights} weights: Training.average_decay or "
            "Training.average_from_epoch makes a run keep an average"
        )
    measured = tensors.get(f"{_MEASURED}/steps{_VALUE}")
    if weights == "average" and measured is not None and measured != step:
        raise UserError(
            f"the norm statistics of the average in '{folder}' are measured when its run is "
            f"evaluated, and step {step} is not: let it end, or take the trained weights"
        )
    return step, found


def values_of(tensors: Mapping[str, np.ndarray], part: str) -> dict[str, np.ndarray]:
    """Returns the values of a part of a checkpoint, such as ``optimizer``, by their paths."""
    before = f"{part}/"
    return {
        key.removeprefix(before).removesuffix(_VALUE).replace(".S", "/"): tensor
        for key, tensor in tensors.items()
        if key.startswith(before) and key.endswith(_VALUE)
    }


def read_tensors(
    folder: Path, bound_to: Mapping[str, str], checkpoint: str = LAST
) -> tuple[int, dict[str, np.ndarray]]:
    """Returns the step of a whole checkpoint, and everything in it by TensorFlow's names.

    Args:
        folder: the checkpoints of a run.
        bound_to: digests of what the run is bound to, by name.
        checkpoint: which, as `chosen` takes it.

    Raises:
        UserError: there is no such checkpoint, or it is not whole.
    """
    saved = chosen(folder, bound_to, checkpoint)
    if saved is None:
        raise UserError(f"no checkpoint in '{folder}'")
    reader = tf.train.load_checkpoint(saved.prefix)
    keys = reader.get_variable_to_shape_map()
    return saved.step, {key: reader.get_tensor(key) for key in keys}
