"""A trained model, from the folder of its run."""

import dataclasses
from pathlib import Path

import keras
import tensorflow as tf

from tfadv.config.settings import LAST
from tfadv.errors import UserError
from tfadv.models import Model, given_weights
from tfadv.planning.plan import Plan
from tfadv.planning.precision import settled
from tfadv.runs import noted_precision
from tfadv.runs.checkpoints import read_step
from tfadv.runs.chosen_step import usual_weights
from tfadv.runs.run_directory import RunDirectory


@dataclasses.dataclass(frozen=True)
class TrainedRun:
    """A run's model with the weights of one of its checkpoints, and what made it.

    Attributes:
        path: the run's folder.
        plan: everything that its configuration names, with the dtypes that the run took.
        model: the model.
        config_text: the configuration, as gin.
        results: its results record, of this checkpoint, or None while there is none.
        commit: the commit that trained it, or None if that isn't known.
        weights: which of the run's they are, ``trained`` or ``average``.
        data: manifests of its images by split, none if they were not recorded.
        checkpoint: which of the run's it is: ``last``, ``best`` or the number of a step.
        step: of the checkpoint.
    """

    path: Path
    plan: Plan
    model: Model
    config_text: str
    results: dict | None
    commit: str | None
    weights: str = "trained"
    data: dict[str, dict] = dataclasses.field(default_factory=dict)
    checkpoint: str = LAST
    step: int | None = None

    @property
    def branches(self) -> tuple[str, ...]:
        """The norm branches that were trained."""
        return self.plan.branches(self.model)

    def describe(self) -> dict[str, object]:
        """Returns what a record says of the model."""
        chosen = {"weights_kind": self.weights, "checkpoint": self.checkpoint, "step": self.step}
        return self.model.describe() | self.plan.describe() | chosen


def config_file(path: Path) -> str:
    """Returns the gin file that a run in the folder `path` left.

    Raises:
        UserError: it is no run with checkpoints.
    """
    if not RunDirectory(path).has_checkpoint:
        raise UserError(f"--model_dir: '{path}' is no folder of a run with checkpoints")
    return str((path / "config.gin").resolve())


def load(
    path: Path,
    plan: Plan,
    distribution: tf.distribute.Strategy | None = None,
    weights: str | None = None,
    checkpoint: str = LAST,
) -> TrainedRun:
    """Rebuilds a run's model and loads its weights.

    Args:
        path: the run's folder.
        plan: of its configuration, `config_file`.
        distribution: the devices that the model is to live on; None takes the
            default one, as an export must.
        weights: those that were ``trained``, or their moving ``average``; None takes the trained
            ones, and of the best checkpoint those that it was chosen by.
        checkpoint: ``last``, ``best``, or the number of a step.

    Raises:
        UserError: the data is not here, there is no such checkpoint, it is not whole, or a
            weight is missing or not finite.
    """
    directory = RunDirectory(path)
    plan.splits.test.check_present()
    keras.utils.set_random_seed(plan.experiment.seed)
    with (distribution or tf.distribute.get_strategy()).scope():
        model = plan.build_model()
    folder, bound_to = directory.checkpoints_path, directory.bound_to()
    weights = weights or usual_weights(folder, checkpoint)
    step, values = read_step(folder, weights, bound_to, checkpoint)
    given_weights.assign(model, values, str(path), "--model_dir")
    starts, results = directory.starts(), _results_of(directory, step, checkpoint)
    if results and weights == "average":
        results = {**results, **results["weight_average"]}
    return TrainedRun(
        path,
        settled(plan, noted_precision.of_run(directory)),
        model,
        (path / "config.gin").read_text(encoding="utf-8"),
        results,
        starts[-1]["git_commit"] if starts else None,
        weights,
        directory.identity().get("data", {}),
        checkpoint,
        step,
    )


def _results_of(directory: RunDirectory, step: int, checkpoint: str) -> dict | None:
    """Returns what a run's results say of a checkpoint; None where that is nothing.

    The last one's are the run's own, whatever they were measured with: see
    `identity.check_results`.
    """
    results = directory.results()
    if results is None:
        return None
    best = results.pop("best", None)
    if checkpoint == LAST:
        return results
    found = [record for record in (results, best) if record]
    of_step = [record for record in found if record.get("model", {}).get("step", step) == step]
    return of_step[0] if of_step else None
