"""A run that goes on in another folder under another configuration: ``--resume_as``.

The new run begins with a checkpoint: weights, running statistics, what the optimizer keeps and
the average are those of the old run's newest whole one. From there on it is a run like others.
The old run is only read.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf

from tfadv import digests
from tfadv.config import Config
from tfadv.errors import UserError
from tfadv.optimization.schedules import RateFactor
from tfadv.planning.plan import Plan
from tfadv.registry import MODELS, NORMS
from tfadv.runs import rate_factors
from tfadv.runs.checkpoints import Checkpoints, read_tensors, values_of
from tfadv.runs.run_directory import RunDirectory, changed
from tfadv.training.trainer import Trainer

KEY = "resumed_from"
# Bindings that say what the saved numbers are of.
_FIXED = ("Experiment.model", "Experiment.norm", "Experiment.optimizer", "momentum_sgd.rate_in")


class Continuation:
    """What a new run takes over of an old one.

    Args:
        old: the run that is read.
        new: where it goes on.
        read: the new run's configuration.

    Attributes:
        old: as given.

    Raises:
        UserError: the new folder is the old one, or holds a run that began otherwise.
    """

    def __init__(self, old: RunDirectory, new: RunDirectory, read: Config):
        self.old = old
        self._new = new
        written = (old.path / "config.gin").read_text(encoding="utf-8")
        self._changed = changed(written, read.text())
        if old.path.resolve() == new.path.resolve():
            raise UserError(f"--resume_as must be another folder than --model_dir, '{old.path}'")
        begun = [start[KEY]["path"] for start in new.starts() if KEY in start]
        if new.has_begun and begun[-1:] != [str(old.path.resolve())]:
            raise UserError(
                f"'{new.path}' holds a run that did not begin from '{old.path}': choose another "
                "--resume_as"
            )

    @property
    def begins(self) -> bool:
        """Whether the new run has yet to be saved for the first time."""
        return not self._new.has_begun

    def check(self, plan: Plan) -> None:
        """Raises `UserError` if the new plan gives the saved numbers another meaning."""
        for key, (before, now) in self._changed.items():
            if key in _FIXED or key in _fixed_by_parts(self._changed, plan):
                raise self._refusal(f"with another {key} ({before} → {now})")

    def take_over(self, trainer: Trainer) -> dict[str, object]:
        """Sets everything that a trainer keeps to what the old run's newest checkpoint has.

        Returns:
            What the record of the new run's start says of it: JSON values.

        Raises:
            UserError: the trainer keeps other variables, the new plan is at its end already,
                or its epochs have other steps and the old run is within one. Nothing is set.
        """
        self.check(trainer.plan)
        step, tensors = read_tensors(self.old.checkpoints_path, self.old.bound_to())
        now = self._step_of(trainer.plan, step)
        model, optimizer = values_of(tensors, "model"), values_of(tensors, "optimizer")
        average = values_of(tensors, "average") if trainer.average else {}
        assigned = [
            *self._fitting(_by_path(trainer.model.variables), model),
            *self._fitting(_by_path(trainer.optimizer.variables), optimizer),
            *self._fitting(trainer.average.by_path() if average else {}, average),
        ]
        for variable, value in assigned:
            variable.assign(value)
        trainer.optimizer.iterations.assign(now)
        if trainer.average and not average:
            trainer.average.restart()
        taken = {
            "path": str(self.old.path.resolve()),
            "step": step,
            "as_step": now,
            "steps_per_epoch": trainer.plan.steps_per_epoch,
            "weights": digests.of_arrays(model),
            "changed": {key: list(values) for key, values in self._changed.items()},
        }
        factors = [one for one in rate_factors.noted(self.old) if one.from_step <= step]
        if not factors:
            return {KEY: taken}
        return {KEY: taken, rate_factors.KEY: RateFactor(now, factors[-1].factor)._asdict()}

    def save(self, trainer: Trainer) -> None:
        """Writes the new run's first checkpoint, once its folder is claimed."""
        Checkpoints(
            self._new.checkpoints_path,
            trainer.model,
            trainer.optimizer,
            trainer.average,
            self._new.bound_to(),
        ).save()

    def _step_of(self, plan: Plan, step: int) -> int:
        """Returns the step of the new plan at which the old run's epochs are done."""
        before, now = _steps_per_epoch(self.old), plan.steps_per_epoch
        epochs, within = divmod(step, before)
        if now != before and within:
            raise self._refusal(
                f"within an epoch with other steps ({before:,} an epoch → {now:,}), and it is at "
                f"step {within:,} of epoch {epochs}: let it come to that epoch's end"
            )
        found = step if now == before else epochs * now
        if found >= plan.steps:
            raise UserError(
                f"Training.epochs = {plan.training.epochs} leave nothing to train: "
                f"'{self.old.path}' has done {step / before:g}",
                "Training.epochs",
            )
        return found

    def _fitting(
        self, variables: Mapping[str, tf.Variable], values: Mapping[str, np.ndarray]
    ) -> Iterator[tuple[tf.Variable, np.ndarray]]:
        for path in sorted(variables.keys() ^ values.keys()):
            lacks = "has no" if path in variables else "has"
            raise self._refusal(f"here: it {lacks} '{path}'")
        for path, variable in variables.items():
            here, there = tuple(variable.shape), values[path].shape
            if here != there:
                raise self._refusal(f"here: its '{path}' is of the shape {there}, not {here}")
            yield variable, values[path]

    def _refusal(self, why: str) -> UserError:
        return UserError(
            f"--resume_as: '{self.old.path}' can't go on {why}; to begin anew from its weights, "
            f"bind Experiment.initial_weights = '{self.old.path}'"
        )


def began_at(directory: RunDirectory) -> int:
    """Returns a run's first step: 0, or that at which it took over another run."""
    begun = [start[KEY]["as_step"] for start in directory.starts() if KEY in start]
    return begun[-1] if begun else 0


def check_begun(directory: RunDirectory) -> None:
    """Raises `UserError` if a run was to begin from another one, and was stopped before."""
    begun = [start[KEY]["path"] for start in directory.starts() if KEY in start]
    if begun and not directory.has_begun:
        raise UserError(
            f"'{directory.path}' was to go on from '{begun[-1]}', and was stopped before it was "
            f"saved: give --model_dir={begun[-1]} --resume_as={directory.path} once more"
        )


def _fixed_by_parts(keys: Mapping[str, object], plan: Plan) -> set[str]:
    """Returns those of some bindings that are the network's and the norm's own."""
    model, norm = (
        registry.get(spec.rpartition("/")[2]).__name__
        for registry, spec in ((MODELS, plan.experiment.model), (NORMS, plan.experiment.norm))
    )
    own = {key: key.rpartition("/")[2] for key in keys}
    of_parts = {key for key, name in own.items() if name.startswith((f"{model}.", f"{norm}."))}
    return of_parts - {key for key in of_parts if own[key].endswith(".momentum")}


def _steps_per_epoch(run: RunDirectory) -> int:
    """Returns the steps of an epoch, as a run's metrics tell, or the start that began it."""
    for metrics in reversed(run.metrics()):
        if metrics.get("epoch"):
            return round(metrics["step"] / metrics["epoch"])
    begun = [start[KEY] for start in run.starts() if KEY in start]
    if not begun:
        raise UserError(
            f"'{run.path / 'metrics.jsonl'}' is empty or gone, which tells the steps of an epoch"
        )
    return begun[-1]["steps_per_epoch"]


def _by_path(variables) -> dict[str, tf.Variable]:
    return {variable.path: variable.value for variable in variables}
