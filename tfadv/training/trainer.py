"""The training loop: Python outside, one traced call of several steps inside."""

import functools
import time
from collections.abc import Callable, Iterator

import keras
import tensorflow as tf

from tfadv.data.pipeline import Shares, train_batches
from tfadv.devices.workers import share_the_first
from tfadv.norms import NormPhase
from tfadv.optimization.weight_average import WeightAverage
from tfadv.planning.plan import Plan
from tfadv.runs import initial_weights
from tfadv.training.broken_input import skip_unreadable
from tfadv.training.finite import require_finite
from tfadv.training.input_wait import InputWait, timed_next
from tfadv.training.training_step import TrainingStep, accuracy_name


class Trainer:
    """A model, its optimizer and the steps between them.

    Args:
        plan: what to train, on what, and how.
        distribution: the devices.

    Attributes:
        plan: as given.
        distribution: as given.
        replicas: how many there are.
        model: the model.
        optimizer: its optimizer.
        average: the moving average of the model's variables, if there is to be one.
        train_step: one step on one replica.

    Raises:
        UserError: the replicas don't divide a batch, or the norm has other
            branches than the strategy's.
    """

    def __init__(self, plan: Plan, distribution: tf.distribute.Strategy):
        self.plan = plan
        self.distribution = distribution
        self.replicas = distribution.num_replicas_in_sync
        keras.utils.set_random_seed(plan.experiment.seed)
        if plan.experiment.deterministic:
            tf.config.experimental.enable_op_determinism()
        with distribution.scope():
            self.model = plan.build_model()
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
        self._train_call = functools.cache(self._traced_call)  # one function a phase

    @property
    def step(self) -> int:
        """Optimizer steps done so far."""
        return int(self.optimizer.iterations.numpy())

    @property
    def variables(self) -> list[keras.Variable]:
        """Everything that a replica keeps between two steps."""
        averages = self.average.averages if self.average else []
        return [*self.model.variables, *self.optimizer.variables, *averages]

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

    def share_running_statistics(self) -> None:
        """Gives all replicas the first one's statistics, where each has its own.

        A checkpoint keeps those: what is measured with them can be had again.
        """
        if self.plan.norm_policy.across_replicas == "local":
            averages = self.average.averages if self.average else []
            share_the_first(self.distribution, [*self.model.non_trainable_variables, *averages])

    def steps(self) -> Iterator[dict]:
        """Trains to the end of the plan; yields the means of every traced call.

        Raises:
            UserError: a number is no longer finite.
            BadImagesError: an image can't be read any more; what was done before can be saved.
        """
        plan, spe = self.plan, self.plan.steps_per_epoch
        batches, input_wait = iter(self._train_batches(start=self.step)), InputWait()
        while self.step < plan.steps:
            began, epoch = time.monotonic(), self.step // spe
            phase = self.train_step.phase(epoch)
            rate = float(plan.learning_rate(self.step))
            count = min(plan.training.steps_per_call, (epoch + 1) * spe - self.step)
            try:
                means, not_finite, waited = self._train_call(phase)(batches, tf.constant(count))
            except tf.errors.OpError as error:
                skip_unreadable(plan, self.step, error)
                batches = iter(self._train_batches(start=self.step))
                continue
            require_finite(not_finite.numpy(), self.train_step.watched(phase), self.step)
            metrics = {name: float(value) for name, value in means.items()}
            waited, seconds = float(waited), time.monotonic() - began
            input_wait.note(waited, seconds)
            yield {
                "step": self.step,
                "epoch": self.step / spe,
                "frozen_statistics": phase.freezes_statistics,
                "learning_rate": rate,
                **metrics,
                "images_per_second": count * plan.training.batch_size / seconds,
                "input_wait": waited / seconds,
            }

    def _traced_call(self, phase: NormPhase) -> Callable:
        """Returns the traced function that does some steps, or fewer where one goes wrong."""

        def one_replica(batch, arrived):
            # Where a batch can't be read, nothing may change, not even the number of steps.
            with tf.control_dependencies([arrived]):
                return self.train_step(batch, phase)

        def step(iterator, after):
            batch, arrived, waited = timed_next(iterator, after)
            values = self.distribution.run(one_replica, (batch, arrived))
            return waited, *tf.nest.map_structure(
                lambda value: self.distribution.reduce(
                    tf.distribute.ReduceOp.MEAN, value, axis=None
                ),
                values,
            )

        names = ["loss", *(accuracy_name(kind) for kind in self.plan.strategy.kinds)]
        watched = len(self.train_step.watched(phase))

        # Without autograph, which would convert every layer's code and trace many times as long.
        @tf.function(autograph=False)
        def call(iterator, count):
            def body(done, totals, not_finite, waited):
                more, values, not_finite = step(iterator, [done, not_finite])
                totals = {name: totals[name] + values[name] for name in names}
                return done + 1, totals, not_finite, waited + more

            none = {name: tf.zeros(()) for name in names}
            _, totals, not_finite, waited = tf.while_loop(
                lambda done, _, not_finite, __: (done < count) & tf.reduce_all(not_finite == 0),
                body,
                (tf.constant(0), none, tf.zeros([watched]), tf.zeros([], tf.float64)),
                parallel_iterations=1,
            )
            means = {name: total / tf.cast(count, tf.float32) for name, total in totals.items()}
            return means, not_finite, waited

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
