"""What a run writes while it trains: metrics, curves, checkpoints, results."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence

import tensorflow as tf

from tfadv.attacks.threat_model import ThreatModel
from tfadv.data import Source
from tfadv.interruption import Interrupted
from tfadv.planning.validation_parts import Criterion
from tfadv.runs.checkpoints import Checkpoints
from tfadv.runs.chosen_step import write_best
from tfadv.runs.run_directory import RunDirectory
from tfadv.runs.run_files import CONFIG, NOTES
from tfadv.runs.tracking import Tracking
from tfadv.trackers.base import FAILED, FINISHED, STOPPED


class RunWriter:
    """The record of one run; of several workers only the chief's writes.

    Args:
        directory: the run's.
        checkpoints: its checkpoints.
        tracking: hands on what it writes.
        is_chief: whether this worker writes.
    """

    def __init__(
        self, directory: RunDirectory, checkpoints: Checkpoints, tracking: Tracking, is_chief: bool
    ):
        self._directory = directory
        self._checkpoints = checkpoints
        self._tracking = tracking
        self._is_chief = is_chief

    @contextlib.contextmanager
    def following(self, step: int) -> Iterator[None]:
        """Follows the run while the block lasts, from a step on.

        What was noted after that step, which is done again, is forgotten, and so is what killed
        saves left.
        """
        if not self._is_chief:
            yield
            return
        self._checkpoints.remove_leftovers()
        self._tracking.begin(step)
        self._directory.forget_metrics_after(step)
        status = FAILED
        try:
            yield
            status = FINISHED
        except Interrupted:
            status = STOPPED
            raise
        finally:
            self._tracking.end(status)

    def metrics(self, metrics: dict) -> None:
        """Notes the metrics of the steps up to their ``step``."""
        if self._is_chief:
            self._directory.append_metrics(metrics)
            self._tracking.metrics(metrics)

    def strip(
        self, step: int, images: tf.Tensor, adversarial: tf.Tensor, threat_model: ThreatModel | None
    ) -> None:
        """Draws clean and adversarial images [N, H, W, 3] and their differences."""
        if self._is_chief:
            epsilon = threat_model.epsilon if threat_model else 1.0
            self._tracking.strip(step, images, adversarial, epsilon)

    def save(self, sources: Mapping[str, Source], again: bool = False) -> None:
        """Saves a checkpoint, and notes which of the images were skipped so far.

        Args:
            sources: all images, by what they are for.
            again: whether a checkpoint of this step is replaced.
        """
        if self._is_chief:
            self._directory.note_skipped(sources)
            self._checkpoints.save(again)

    def validation(self, record: dict, news: Sequence[str]) -> None:
        """Notes what a validation found.

        Args:
            record: of the validation, as `Validator` makes it.
            news: lines of alarms that the validation before did not have.
        """
        if self._is_chief:
            self._directory.append_metrics(record, lasting=True)
            self._tracking.validation(record, news)

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
            files = (self._directory.path / name for name in (CONFIG, NOTES))
            self._tracking.results(record, [self._directory.results_path, *files])
