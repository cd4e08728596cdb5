"""The training loop: Python outside, one traced call of several steps inside."""

import contextlib
import functools
import signal
import time
from collections.abc import Callable, Iterator

import keras
import tensorflow as tf

from tfadv import digests, randomness
from tfadv.data.pipeline import Shares, some_examples, train_batches
from tfadv.devices.workers import Workers, share_the_first
from tfadv.evaluation.evaluator import Evaluator
from tfadv.norms import NormMode
from tfadv.optimization.weight_average import WeightAverage
from tfadv.planning.plan import Plan
from tfadv.progress import Progress
from tfadv.runs import initial_weights
from tfadv.runs.checkpoints import Checkpoints
from tfadv.runs.run_directory import RunDirectory
from tfadv.runs.run_writer import RunWriter
from tfadv.strategies import CLEAN
from tfadv.training.finite import require_finite
from tfadv.training.training_step import TrainingStep, accuracy_name

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
            plan.branches(self.model),
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
            UserError: a number is no longer finite, or the workers differ.
        """
        checkpoints = Checkpoints(
            directory.checkpoints_path, self.model, self.optimizer, self.average
        )
        journal = RunWriter(directory, checkpoints, self.workers.is_chief)
        with self.workers.watched():
            restored = checkpoints.restore()
            self.workers.agree("step in --model_dir, which must be on a shared disk", restored)
            journal.begin(restored)
            self._train(journal)
            record = self.evaluate()
        journal.results(record)
        return record

    def _train(self, journal: RunWriter) -> None:
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
            means, not_finite = self._train_call(late)(batches, tf.constant(count))
            require_finite(not_finite.numpy(), self.train_step.watched(late), self.step)
            metrics = {name: float(value) for name, value in means.items()}
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
        experiment = self.plan.experiment
        if experiment.initial_weights:
            initial_weights.load(
                self.model, experiment.initial_weights, experiment.initial_weights_kind
            )
            if self.average:
                self.average.restart()

    def evaluate(self) -> dict:
        """Returns the record of clean and robust accuracy on the test images.

        With a moving average of the weights, ``weight_average`` holds its own
        accuracies.
        """
        if self.plan.norm_policy.across_replicas == "local":
            # A checkpoint keeps these: what is told here can be had again.
            share_the_first(self.distribution, self._running_statistics)
        record = {
            "model": self.model.describe()
            | self.plan.describe()
            | {"step": self.step, "weights": digests.of_model(self.model)},
            **self.evaluator.evaluate(),
        }
        if self.average:
            with self.average.in_place():
                weights, averaged = digests.of_model(self.model), self.evaluator.evaluate()
            decay = self.average.decay
            record["weight_average"] = {"decay": decay, "weights": weights, **averaged}
        return record

    @property
    def _running_statistics(self) -> list:
        averages = self.average.averages if self.average else []
        return [*self.model.non_trainable_variables, *averages]

    @functools.cache  # noqa: B019  (one function a phase, as long as the trainer)
    def _train_call(self, late: bool) -> Callable:
        def step(iterator):
            values = self.distribution.run(self.train_step, (next(iterator), late))
            return tf.nest.map_structure(
                lambda value: self.distribution.reduce(
                    tf.distribute.ReduceOp.MEAN, value, axis=None
                ),
                values,
            )

        names = ["loss", *(accuracy_name(kind) for kind in self.plan.strategy.kinds)]
        watched = len(self.train_step.watched(late))

        # Without autograph, which would convert every layer's code and trace many times as long.
        @tf.function(autograph=False)
        def call(iterator, count):
            def body(done, totals, _):
                values, not_finite = step(iterator)
                totals = {name: totals[name] + values[name] for name in names}
                return done + 1, totals, not_finite

            _, totals, not_finite = tf.while_loop(
                lambda done, _, not_finite: (done < count) & tf.reduce_all(not_finite == 0),
                body,
                (tf.constant(0), {name: tf.zeros(()) for name in names}, tf.zeros([watched])),
                parallel_iterations=1,
            )
            means = {name: total / tf.cast(count, tf.float32) for name, total in totals.items()}
            return means, not_finite

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

    def _draw_strip(self, journal: RunWriter) -> None:
        images, adversarial = self._strip()
        epsilon = getattr(self.plan.attack, "epsilon", 1.0)
        journal.strip(self.step, images, adversarial, epsilon)

    @functools.cached_property
    def _strip(self) -> Callable[[], tuple[tf.Tensor, tf.Tensor]]:
        plan = self.plan
        batch = some_examples(plan.splits.test, STRIP_IMAGES)

        @tf.function(autograph=False)
        def strip():
            seeds = randomness.example_seeds(plan.experiment.seed, "strip", batch["index"])
            kinds = plan.strategy.kinds
            branch = next((b for kind, b in kinds.items() if kind != CLEAN), None)
            branch = branch if branch in self.model.branches else None
            logits_fn = self.model.logits_fn(NormMode(branch))
            return batch["image"], plan.attack(logits_fn, batch["image"], batch["label"], seeds)

        return strip


def _shown(metrics: dict) -> dict[str, float]:
    suffix = accuracy_name("")
    accuracies = {name.removesuffix(suffix): v for name, v in metrics.items() if suffix in name}
    return {"loss": metrics["loss"], **accuracies, "images/s": metrics["images_per_second"]}


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
