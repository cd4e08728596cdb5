"""The training loop: Python outside, one traced call of several steps inside."""

import contextlib
import functools
import math
import signal
import time
from collections.abc import Callable, Iterator

import keras
import tensorflow as tf

from tfadv import randomness
from tfadv.checkpoints import Checkpoints
from tfadv.data.pipeline import evaluation_batches, train_batches
from tfadv.distribution import share_of_batch
from tfadv.errors import UserError
from tfadv.evaluator import Evaluator
from tfadv.experiment import Plan
from tfadv.losses import l2_penalty
from tfadv.progress import Progress
from tfadv.run_directory import RunDirectory, write_json
from tfadv.strategies import Network
from tfadv.summaries import Summaries

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
        share_of_batch(plan.training.batch_size, self.replicas, "Training.batch_size")
        keras.utils.set_random_seed(plan.experiment.seed)
        if plan.experiment.deterministic:
            tf.config.experimental.enable_op_determinism()
        with distribution.scope():
            self.model = plan.experiment.build_model(plan.splits)
            plan.strategy.check_branches(self.model.branches)
            self.optimizer = plan.build_optimizer()
            self.optimizer.build(self.model.trainable_variables)
        self.evaluator = Evaluator(
            self.model,
            plan.splits.test,
            plan.evaluation,
            plan.evaluation_attacks,
            distribution,
            plan.experiment.seed,
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
            UserError: the loss is no longer finite.
        """
        checkpoints = Checkpoints(directory.path / "checkpoints", self.model, self.optimizer)
        directory.forget_metrics_after(checkpoints.restore())
        summaries = Summaries(directory.path / "tensorboard")
        with Progress("train", self.plan.steps, self.step) as progress, _signals() as received:
            for metrics in self.steps():
                directory.append_metrics(metrics)
                summaries.scalars(self.step, metrics)
                progress.update(self.step, **_shown(metrics))
                epoch, within = divmod(self.step, self.plan.steps_per_epoch)
                if within == 0:
                    self._draw_strip(summaries)
                if self._save_is_due(epoch, within) or received:
                    checkpoints.save()
                if received:
                    raise Interrupted(received[0], self.step)
        record = self.evaluate()
        write_json(directory.results_path, record)
        summaries.flush()
        return record

    def steps(self) -> Iterator[dict]:
        """Trains to the end of the plan; yields the means of every traced call."""
        plan, spe = self.plan, self.plan.steps_per_epoch
        batches = iter(self._train_batches(start=self.step))
        while self.step < plan.steps:
            began, epoch = time.monotonic(), self.step // spe
            frozen = plan.training.frozen(epoch)
            rate = float(plan.schedule(self.step))
            count = min(plan.training.steps_per_call, (epoch + 1) * spe - self.step)
            means = self._train_call(frozen)(batches, tf.constant(count))
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
                "frozen_statistics": frozen,
                "learning_rate": rate,
                **metrics,
                "images_per_second": count * plan.training.batch_size / seconds,
            }

    def train_step(self, batch: dict, frozen: bool) -> dict[str, tf.Tensor]:
        """Does one optimizer step on one replica's share of a batch; traced.

        Args:
            batch: ``image`` [N, H, W, C], ``label`` [N] and ``index`` [N].
            frozen: whether the running statistics normalize and stay.

        Returns:
            Scalars: the loss, and the accuracy on the images of each branch.
        """
        plan, labels = self.plan, batch["label"]
        network = Network(self.model, frozen, plan.training.attack_dtype)
        seeds = randomness.example_seeds(plan.experiment.seed, "attack", batch["index"])
        images = plan.strategy.training_images(network, plan.attack, batch["image"], labels, seeds)
        with tf.GradientTape() as tape:
            logits = network.train_logits(images)
            loss = plan.strategy.loss(logits, labels)
            loss += l2_penalty(self.model.kernels, plan.training.weight_decay)
            # The optimizer sums the replicas' gradients.
            share = loss / self.replicas
        variables = self.model.trainable_variables
        gradients = tape.gradient(share, variables, unconnected_gradients="zero")
        self.optimizer.apply(gradients, variables)
        return {"loss": loss} | {
            _accuracy_name(branch): _accuracy(values, labels) for branch, values in logits.items()
        }

    def evaluate(self) -> dict:
        """Returns the record of clean and robust accuracy on the test images."""
        experiment = self.plan.experiment
        return {
            "model": self.model.describe()
            | {
                "norm": experiment.norm,
                "strategy": experiment.strategy,
                "scale": experiment.scale,
                "step": self.step,
            },
            "epsilon": self.plan.attack.describe().get("epsilon"),
            **self.evaluator.evaluate(),
        }

    @functools.cache  # noqa: B019  (one function a phase, as long as the trainer)
    def _train_call(self, frozen: bool) -> Callable:
        def step(iterator):
            values = self.distribution.run(self.train_step, (next(iterator), frozen))
            return {
                name: self.distribution.reduce(tf.distribute.ReduceOp.MEAN, value, axis=None)
                for name, value in values.items()
            }

        names = ["loss", *(_accuracy_name(branch) for branch in self.plan.strategy.branches)]

        @tf.function
        def call(iterator, count):
            totals = {name: tf.zeros(()) for name in names}
            for _ in tf.range(count):
                values = step(iterator)
                totals = {name: totals[name] + values[name] for name in names}
            return {name: total / tf.cast(count, tf.float32) for name, total in totals.items()}

        return call

    def _train_batches(self, start: int):
        plan = self.plan
        return self.distribution.distribute_datasets_from_function(
            lambda _: train_batches(
                plan.splits.train,
                plan.augmentation,
                plan.training.batch_size,
                self.replicas,
                plan.experiment.seed,
                start,
            )
        )

    def _save_is_due(self, epoch: int, within: int) -> bool:
        every = self.plan.training.checkpoint_every_epochs
        return within == 0 and (epoch % every == 0 or epoch == self.plan.training.epochs)

    def _draw_strip(self, summaries: Summaries) -> None:
        images, adversarial = self._strip()
        epsilon = self.plan.attack.describe().get("epsilon", 1.0)
        summaries.strip(self.step, images, adversarial, epsilon)

    @functools.cached_property
    def _strip(self) -> Callable[[], tuple[tf.Tensor, tf.Tensor]]:
        plan = self.plan
        count = min(STRIP_IMAGES, len(plan.splits.test))
        batch = next(iter(evaluation_batches(plan.splits.test, count, count, 1, seed=0)))

        @tf.function(autograph=False)
        def strip():
            seeds = randomness.example_seeds(plan.experiment.seed, "strip", batch["index"])
            logits_fn = Network(self.model).attack_logits_fn()
            return batch["image"], plan.attack(logits_fn, batch["image"], batch["label"], seeds)

        return strip


def _accuracy_name(branch: str) -> str:
    return f"{branch}_accuracy"


def _accuracy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    right = tf.argmax(logits, -1, tf.int32) == labels[: logits.shape[0]]
    return tf.reduce_mean(tf.cast(right, tf.float32))


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
