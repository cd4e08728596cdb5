"""What a run writes while it trains: metrics, curves, checkpoints, results."""

from collections.abc import Mapping, Sequence

import tensorflow as tf

from tfadv.attacks.threat_model import ThreatModel
from tfadv.data import Source
from tfadv.planning.validation_parts import Criterion
from tfadv.runs.checkpoints import Checkpoints
from tfadv.runs.chosen_step import write_best
from tfadv.runs.run_directory import RunDirectory
from tfadv.runs.tensorboard import TensorBoardWriter, validation_curves
from tfadv.strategies import Strategy


class RunWriter:
    """The record of one run; of several workers only the chief's writes.

    Args:
        directory: the run's.
        checkpoints: its checkpoints.
        is_chief: whether this worker writes.
    """

    def __init__(self, directory: RunDirectory, checkpoints: Checkpoints, is_chief: bool):
        self._directory = directory
        self._checkpoints = checkpoints
        self._is_chief = is_chief
        self._tensorboard = TensorBoardWriter(directory.path / "tensorboard") if is_chief else None

    def begin(self, step: int) -> None:
        """Forgets what was noted after a step to be done again, and what killed saves left."""
        if self._is_chief:
            self._checkpoints.remove_leftovers()
            self._directory.forget_metrics_after(step)

    def metrics(self, step: int, metrics: dict) -> None:
        """Notes the metrics of the steps up to `step`."""
        if self._is_chief:
            self._directory.append_metrics(metrics)
            self._tensorboard.scalars(step, metrics)

    def strip(
        self, step: int, images: tf.Tensor, adversarial: tf.Tensor, threat_model: ThreatModel | None
    ) -> None:
        """Draws clean and adversarial images [N, H, W, 3] and their differences."""
        if self._is_chief:
            epsilon = threat_model.epsilon if threat_model else 1.0
            self._tensorboard.strip(step, images, adversarial, epsilon)

    def save(self, sources: Mapping[str, Source], again: bool = False) -> None:
        """Saves a checkpoint, and notes which of the images were skipped so far.

        Args:
            sources: all images, by what they are for.
            again: whether a checkpoint of this step is replaced.
        """
        if self._is_chief:
            self._directory.note_skipped(sources)
            self._checkpoints.save(again)

    def validation(self, record: dict, news: Sequence[str], strategy: Strategy) -> None:
        """Notes what a validation found.

        Args:
            record: of the validation, as `Validator` makes it.
            news: lines of alarms that the validation before did not have.
            strategy: whose kinds of images name the curves beside training's.
        """
        if self._is_chief:
            self._directory.append_metrics(record, lasting=True)
            self._tensorboard.validation(record["step"], validation_curves(record, strategy))
            for line in news:
                self._tensorboard.alarm(record["step"], line)

    def best(self, criterion: Criterion, row: dict | None) -> None:
        """Says which checkpoint is the best.

        Args:
            criterion: by which it is.
            row: the record of its validation; None where there is none yet.
        """
        if self._is_chief:
            about = {"weights": criterion.weights, "branch": criterion.branch}
            names = ("step", "epoch", "criterion", "value")
            record = row and {**{name: row[name] for name in names}, **about}
            write_best(self._directory.checkpoints_path, criterion.file_name, record)

    def results(self, record: dict) -> None:
        """Writes the results."""
        if self._is_chief:
            self._directory.write_results(record)
            self._tensorboard.flush()
