"""The training loop: Python outside, one traced call of several steps inside."""

import contextlib
import functools
import math
import signal
import time
from collections.abc import Callable, Iterator

import keras
import tensorflow as tf

from tfadv import digests, initial_weights, randomness
from tfadv.checkpoints import Checkpoints
from tfadv.data.pipeline import Shares, some_examples, train_batches
from tfadv.distribution import Workers
from tfadv.errors import UserError
from tfadv.evaluator import Evaluator
from tfadv.experiment import Plan
from tfadv.journal import Journal
from tfadv.norms import NormMode
from tfadv.progress import Progress
from tfadv.run_directory import RunDirectory
from tfadv.strategies import ADV
from tfadv.training_step import TrainingStep, accuracy_name
from tfadv.weight_average import WeightAverage

STRIP_IMAGES = 8


class Interrupted(Exception):  # noqa: N818  (nothing went wrong)
    """A signal asked the run to stop; its checkpoint is saved.

    Attributes:
        signal: the signal's number.
    """

    def __init__(self, number: int, step: int):
        super().__init__(f"stopped by {signal.Signals(number).name} at step {step}")
        self.signal = number


class Trainer:
    """One run: a model, its optimizer and the steps between them.

    Args:
        plan: what to train, on what, and how.
        distribution: the devices.

    Raises:
        UserError: the replicas don't divide a batch, or the norm has other
            branches than the strategy's.
    """

    def __init__(self, plan: Plan, distribution: tf.distribute.Strategy):
        self.plan = plan
        self.distribution = distribution
        self.replicas = distribution.num_replicas_in_sync
        self.workers = Workers(distribution)
        keras.utils.set_random_seed(plan.experiment.seed)
        if plan.experiment.deterministic:
            tf.config.experimental.enable_op_determinism()
        with distribution.scope():
            self.model = plan.experiment.build_model(plan.splits)
            plan.strategy.check_branches(self.model.branches)
            self.optimizer = plan.build_optimizer()
            self.optimizer.build(self.model.trainable_variables)
        decay = plan.training.average_decay
        self.average = None
        if decay is not None:
            self.average = WeightAverage(self.model.variables, decay, distribution)
        self.train_step = TrainingStep(
            plan, self.model, self.optimizer, self.replicas, self.average
        )
        self.evaluator = Evaluator(
            self.model,
            plan.splits.test,
            plan.evaluation,
            plan.evaluation_attacks,
            distribution,
            plan.experiment.seed,
            checkup=plan.checkup,
        )

    @property
    def devices(self) -> list[str]:
        """Names of the devices that TensorFlow sees."""
        return [device.name for device in tf.config.list_logical_devices()]

    @property
    def step(self) -> int:
        """Optimizer steps done so far."""
        return int(self.optimizer.iterations.numpy())

    def run(self, directory: RunDirectory) -> dict:
        """Trains from the newest checkpoint to the end, then evaluates.

        Returns:
            The record in ``results.json``.

        Raises:
            Interrupted: SIGTERM or SIGINT came; the run can be resumed.
            WorkerLost: another worker is gone; the run can be resumed.
            UserError: the loss is no longer finite, or the workers differ.
        """
        checkpoints = Checkpoints(
            directory.checkpoints_path, self.model, self.optimizer, self.average
        )
        journal = Journal(directory, checkpoints, self.workers.is_chief)
        with self.workers.watched():
            restored = checkpoints.restore()
            self.workers.agree("step in --model_dir, which must be on a shared disk", restored)
            journal.begin(restored)
            self._train(journal)
            record = self.evaluate()
        journal.results(record)
        return record

    def _train(self, journal: Journal) -> None:
        with self._progress() as progress, _signals() as received:
            for metrics in self.steps():
                journal.metrics(self.step, metrics)
                progress.update(self.step, **_shown(metrics))
                epoch, within = divmod(self.step, self.plan.steps_per_epoch)
                if within == 0:
                    self._draw_strip(journal)
                # Workers stop together, whichever of them was asked to.
                stopping = self.workers.greatest(received[0] if received else 0)
                if self._save_is_due(epoch, within) or stopping:
                    journal.save()
                if stopping:
                    raise Interrupted(stopping, self.step)

    def _progress(self) -> Progress:
        return Progress("train", self.plan.steps, self.step, quiet=not self.workers.is_chief)

    def steps(self) -> Iterator[dict]:
        """Trains to the end of the plan; yields the means of every traced call."""
        plan, spe = self.plan, self.plan.steps_per_epoch
        batches = iter(self._train_batches(start=self.step))
        while self.step < plan.steps:
            began, epoch = time.monotonic(), self.step // spe
            late = plan.is_late(epoch)
            rate = float(plan.learning_rate(self.step))
            count = min(plan.training.steps_per_call, (epoch + 1) * spe - self.step)
            means = self._train_call(late)(batches, tf.constant(count))
            metrics = {name: float(value) for name, value in means.items()}
            if not math.isfinite(metrics["loss"]):
                raise UserError(
                    f"the loss became {metrics['loss']} by step {self.step} (learning rate "
                    f"{rate:g}): nothing after the last checkpoint is saved"
                )
            seconds = time.monotonic() - began
            yield {
                "step": self.step,
                "epoch": self.step / spe,
                "frozen_statistics": plan.norm_policy.freezes_statistics(late),
                "learning_rate": rate,
                **metrics,
                "images_per_second": count * plan.training.batch_size / seconds,
            }

    def load_initial_weights(self) -> None:
        """Starts from the weights that the experiment names, if it names some.

        Raises:
            UserError: they aren't of this model.
        """
        if self.plan.experiment.initial_weights:
            initial_weights.load(self.model, self.plan.experiment.initial_weights)
            if self.average:
                self.average.restart()

    def evaluate(self) -> dict:
        """Returns the record of clean and robust accuracy on the test images.

        With a moving average of the weights, ``weight_average`` holds its own
        accuracies.
        """
        experiment = self.plan.experiment
        record = {
            "model": self.model.describe()
            | {
                "norm": experiment.norm,
                "strategy": experiment.strategy,
                "scale": experiment.scale,
                "step": self.step,
                "weights": digests.of_model(self.model),
            },
            "epsilon": self.plan.attack.describe().get("epsilon"),
            **self.evaluator.evaluate(),
        }
        if self.average:
            with self.average.in_place():
                weights, averaged = digests.of_model(self.model), self.evaluator.evaluate()
            decay = self.average.decay
            record["weight_average"] = {"decay": decay, "weights": weights, **averaged}
        return record

    @functools.cache  # noqa: B019  (one function a phase, as long as the trainer)
    def _train_call(self, late: bool) -> Callable:
        def step(iterator):
            values = self.distribution.run(self.train_step, (next(iterator), late))
            return {
                name: self.distribution.reduce(tf.distribute.ReduceOp.MEAN, value, axis=None)
                for name, value in values.items()
            }

        names = ["loss", *(accuracy_name(branch) for branch in self.plan.strategy.branches)]

        # Without autograph, which would convert every layer's code and trace many times as long.
        @tf.function(autograph=False)
        def call(iterator, count):
            def body(done, totals):
                values = step(iterator)
                return done + 1, {name: totals[name] + values[name] for name in names}

            _, totals = tf.while_loop(
                lambda done, _: done < count,
                body,
                (tf.constant(0), {name: tf.zeros(()) for name in names}),
                parallel_iterations=1,
            )
            return {name: total / tf.cast(count, tf.float32) for name, total in totals.items()}

        return call

    def _train_batches(self, start: int):
        plan = self.plan
        return self.distribution.distribute_datasets_from_function(
            lambda context: train_batches(
                plan.splits.train,
                plan.augmentation,
                plan.training.batch_size,
                Shares.of(context),
                plan.experiment.seed,
                start,
            )
        )

    def _save_is_due(self, epoch: int, within: int) -> bool:
        every = self.plan.training.checkpoint_every_epochs
        return within == 0 and (epoch % every == 0 or epoch == self.plan.training.epochs)

    def _draw_strip(self, journal: Journal) -> None:
        images, adversarial = self._strip()
        epsilon = self.plan.attack.describe().get("epsilon", 1.0)
        journal.strip(self.step, images, adversarial, epsilon)

    @functools.cached_property
    def _strip(self) -> Callable[[], tuple[tf.Tensor, tf.Tensor]]:
        plan = self.plan
        batch = some_examples(plan.splits.test, STRIP_IMAGES)

        @tf.function(autograph=False)
        def strip():
            seeds = randomness.example_seeds(plan.experiment.seed, "strip", batch["index"])
            logits_fn = self.model.logits_fn(NormMode(ADV))
            return batch["image"], plan.attack(logits_fn, batch["image"], batch["label"], seeds)

        return strip


def _shown(metrics: dict) -> dict[str, float]:
    names = {"loss": "loss", "clean_accuracy": "clean", "adv_accuracy": "adv"}
    shown = {label: metrics[name] for name, label in names.items() if name in metrics}
    return shown | {"images/s": metrics["images_per_second"]}


@contextlib.contextmanager
def _signals():
    """Collects SIGTERM and SIGINT; a second one acts at once."""
    received: list[int] = []
    before = {}

    def note(number, _):
        received.append(number)
        signal.signal(number, before[number])

    for number in (signal.SIGTERM, signal.SIGINT):
        before[number] = signal.signal(number, note)
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
