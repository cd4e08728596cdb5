"""A run from its start to its results: restore, train, validate, save, stop, evaluate, write."""

import functools
from collections.abc import Callable, Sequence

import tensorflow as tf

from tfadv import digests, interruption, randomness
from tfadv.data.bad_images import BadImagesError
from tfadv.data.pipeline import some_examples
from tfadv.devices.workers import Workers
from tfadv.errors import UserError
from tfadv.evaluation.gradient_masking.evaluator import build_evaluator
from tfadv.interop.external_checks import transfer_model
from tfadv.interruption import Interrupted
from tfadv.norms import NormMode
from tfadv.planning.evaluation_parts import EvaluationParts
from tfadv.progress import Progress
from tfadv.runs import rate_factors
from tfadv.runs.checkpoints import Checkpoints
from tfadv.runs.run_directory import RunDirectory
from tfadv.runs.run_writer import RunWriter
from tfadv.runs.tracking import Tracking
from tfadv.training.average_statistics import measure_average
from tfadv.training.continuation import began_at
from tfadv.training.finite import NotFiniteError
from tfadv.training.replay import dump_of
from tfadv.training.step.replica_step import accuracy_name
from tfadv.training.trainer import Trainer
from tfadv.training.validations import Validations

STRIP_IMAGES = 8


class Session:
    """One run of a trainer, on all of its workers.

    Args:
        trainer: before its first step.
        listeners: see `Validations`.

    Attributes:
        trainer: as given.
        evaluator: of its model.
        validations: of the run so far.

    Raises:
        UserError: the replicas don't divide an evaluation's batch, the model to
            transfer from is no bundle or of other images, there is no branch to choose
            the best checkpoint by, or a tracker's package is not installed.
    """

    def __init__(self, trainer: Trainer, listeners: Sequence[Callable[[dict], object]] = ()):
        plan, distribution = trainer.plan, trainer.distribution
        self.trainer = trainer
        self._plan = plan
        self._workers = Workers(distribution)
        model, parts = trainer.model, EvaluationParts.of(plan)
        other = transfer_model(parts.checkup, parts.source)
        self.evaluator = build_evaluator(model, parts, distribution, other, plan.branches(model))
        self.validations = Validations(trainer, listeners)
        self._trackers = plan.build_trackers() if self._workers.is_chief else {}

    def run(self, directory: RunDirectory, rate_factor: float | None = None) -> dict:
        """Trains from the newest whole checkpoint to the end, then evaluates.

        Args:
            directory: the run's.
            rate_factor: of the learning rate as it is configured, from that checkpoint on;
                None leaves it as it was.

        Returns:
            The record in ``results.json``.

        Raises:
            Interrupted: SIGTERM or SIGINT came; the run can be resumed.
            WorkerLost: another worker is gone; the run can be resumed.
            UserError: a number is no longer finite, the workers differ, a tracker can't
                begin, or there are checkpoints and none is whole.
            BadImagesError: an image can't be read; put it back, and the run can be resumed.
        """
        trainer = self.trainer
        checkpoints = Checkpoints(
            directory.checkpoints_path,
            trainer.model,
            trainer.optimizer,
            trainer.average,
            directory.bound_to(),
            keep_every=self._plan.training.keep_every_epochs * self._plan.steps_per_epoch,
            best_at=self.validations.history.best_step,
        )
        tracking = Tracking(self._trackers, directory, self._plan.strategy)
        writer = RunWriter(directory, checkpoints, tracking, self._workers.is_chief)
        with self._workers.watched():
            restored = checkpoints.restore()
            self._workers.agree("step in --model_dir, which must be on a shared disk", restored)
            self._resume(directory, restored, rate_factor)
            with writer.following(restored):
                self.validations.note_best(writer)
                try:
                    self._train(writer)
                except NotFiniteError as error:
                    raise UserError(self._kept(error, directory)) from None
                except BadImagesError:
                    writer.save(self._plan.sources)
                    raise
                record = self._evaluate_all(directory, checkpoints, writer)
                writer.results(record)
        return record

    def evaluate(self) -> dict:
        """Returns the record of clean and robust accuracy on the test images.

        With an average of the weights, ``weight_average`` holds its own accuracies.
        """
        trainer = self.trainer
        trainer.share_running_statistics()
        record = {
            "model": trainer.model.describe()
            | self._plan.describe()
            | {"step": trainer.step, "weights": digests.of_model(trainer.model)}
            | self._deviations(),
            **self.evaluator.evaluate(),
        }
        average = trainer.average
        if average:
            measure_average(trainer)
            with average.in_place():
                weights, averaged = digests.of_model(trainer.model), self.evaluator.evaluate()
            record["weight_average"] = {**average.rule.describe(), "weights": weights, **averaged}
        return record

    def _deviations(self) -> dict[str, object]:
        """Returns in what the training was not as its configuration says, where it was not."""
        factors, skipped = self._plan.learning_rate.factors, self.trainer.skipped
        found: dict[str, object] = {"skipped_steps": skipped} if skipped else {}
        if factors:
            found[f"{rate_factors.KEY}s"] = [factor._asdict() for factor in factors]
        return found

    def _resume(self, directory: RunDirectory, step: int, rate_factor: float | None) -> None:
        """Takes up what of a run's first steps no checkpoint holds."""
        before = rate_factors.noted(directory)
        factors = rate_factors.with_asked(before, step, rate_factor)
        self._workers.agree("--learning_rate_factor", factors)
        if self._workers.is_chief:
            directory.note_start(steps=self._plan.steps)
        if factors != before and self._workers.is_chief:
            directory.note_start(**{rate_factors.KEY: factors[-1]._asdict()})
        self._plan.learning_rate.factors = factors
        self.trainer.skipped = self._workers.greatest(directory.skipped_steps(step))
        self.validations.resume(directory.metrics(), step, began_at(directory))

    def _kept(self, error: NotFiniteError, directory: RunDirectory) -> str:
        """Keeps the step that went wrong, and returns what there is to do, in a line."""
        if not self._workers.is_chief:
            return error.message
        try:
            folder = dump_of(self.trainer, error.fault, directory.path).write(directory.path)
        except OSError as failure:
            return f"{error.message}; the step can't be kept: {failure.strerror or failure}"
        return (
            f"{error.message}; python -m tfadv.train --replay={folder} does the step again alone, "
            "and the same command with --learning_rate_factor=0.5 goes on from the last checkpoint "
            "at half the rate"
        )

    def _train(self, writer: RunWriter) -> None:
        trainer = self.trainer
        quiet = not self._workers.is_chief
        pauses = self.validations.to_come()
        progress = Progress("train", self._plan.steps, trainer.step, quiet=quiet, pauses=pauses)
        with progress, interruption.noted(self._plan.training.grace_seconds) as asked:
            asked.leaves = f"as it was saved at step {trainer.step}"
            try:
                self._steps(writer, progress, asked)
            except Interrupted as interrupted:
                writer.save(self._plan.sources)
                raise Interrupted(interrupted.signal, f"at step {trainer.step}, saved") from None

    def _steps(self, writer: RunWriter, progress: Progress, asked: interruption.Answer) -> None:
        trainer, sources = self.trainer, self._plan.sources

        def stopping() -> int:
            # Workers stop together, whichever of them was asked to.
            return self._workers.greatest(asked.signal)

        # Where a run was killed after it was saved, and before it was validated.
        if self.validations.is_due():
            self.validations.validate(writer, progress)
        for metrics in trainer.steps(stopping) if not self.validations.stopped_early() else ():
            writer.metrics(metrics)
            self.validations.history.add(metrics)
            progress.update(trainer.step, _shown(metrics, self._plan.training.epochs))
            if number := stopping():
                raise Interrupted(number, asked.leaves)
            epoch, within = divmod(trainer.step, self._plan.steps_per_epoch)
            validates = self.validations.is_due()
            if validates or self._save_is_due(epoch, within):
                writer.save(sources)
                asked.leaves = f"as it was saved at step {trainer.step}"
            if within == 0:
                writer.strip(trainer.step, *self._strip(), self._plan.attack.threat_model)
            if validates:
                self.validations.validate(writer, progress)
                if self.validations.stopped_early():
                    return

    def _evaluate_all(
        self, directory: RunDirectory, checkpoints: Checkpoints, writer: RunWriter
    ) -> dict:
        """Returns the record of a run that has been trained."""
        stopped = self.validations.stopped_early()
        if stopped and self._workers.is_chief:
            directory.note_start(**stopped)
        with interruption.leaving("with the trained weights saved, and not yet evaluated"):
            record = self._evaluate_saved(writer) | stopped
            return record | self._evaluate_best(record, checkpoints, writer)

    def _evaluate_saved(self, writer: RunWriter) -> dict:
        """Returns the record of a step that is saved, and saves what was measured for it."""
        record = self.evaluate()
        if measure_average(self.trainer):
            writer.save(self._plan.sources, again=True)
        return record

    def _evaluate_best(
        self, last: dict, checkpoints: Checkpoints, writer: RunWriter
    ) -> dict[str, dict]:
        """Returns the record of the best checkpoint, which the test images had no part in choosing.

        Args:
            last: the record of the present step.
            checkpoints: of the run.
            writer: saves what was measured for it.
        """
        best = self.validations.history.best()
        if best is None:
            return {}
        if best["step"] == self.trainer.step:
            measured = {key: value for key, value in last.items() if key != "stopped_early"}
        else:
            with checkpoints.at(best["step"]):
                measured = self._evaluate_saved(writer)
        chosen = {name: best[name] for name in ("step", "epoch", "criterion", "value")}
        return {"best": {**measured, "chosen_by": chosen}}

    def _save_is_due(self, epoch: int, within: int) -> bool:
        training = self._plan.training
        every = (training.checkpoint_every_epochs, training.keep_every_epochs, training.epochs)
        return within == 0 and any(epochs and epoch % epochs == 0 for epochs in every)

    @functools.cached_property
    def _strip(self) -> Callable[[], tuple[tf.Tensor, tf.Tensor]]:
        """A function that returns a few test images, clean and attacked."""
        plan, model = self._plan, self.trainer.model
        batch = some_examples(plan.splits.test, STRIP_IMAGES)
        branch = next(iter(plan.strategy.attacked_kinds.values()), None)
        mode = NormMode(branch if branch in model.branches else None)

        @tf.function(autograph=False)
        def strip():
            seeds = randomness.example_seeds(plan.experiment.seed, "strip", batch["index"])
            attacked = plan.attack(model.logits_fn(mode), batch["image"], batch["label"], seeds)
            return batch["image"], attacked

        return strip


def _shown(metrics: dict, epochs: int) -> str:
    """Returns the metrics that a line of progress has room for."""
    suffix = accuracy_name("")
    words = [f"epoch {metrics['epoch']:.4g}/{epochs}"]
    words += [f"loss {metrics['loss']:.4g}"] if "loss" in metrics else []
    words += [
        f"{name.removesuffix(suffix)} {value:.1%}"
        for name, value in metrics.items()
        if name.endswith(suffix)
    ]
    return "  ".join([*words, f"{metrics['images_per_second']:.3g} images/s"])
