"""The training loop: Python outside, one traced call of several steps inside."""

import contextlib
import time
from collections.abc import Callable, Iterator

import keras
import tensorflow as tf

from tfadv import interruption
from tfadv.data.pipeline import Shares, train_batches
from tfadv.devices.workers import Workers, share_the_first
from tfadv.norms import NormPhase
from tfadv.optimization.weight_average import WeightAverage
from tfadv.planning.plan import Plan
from tfadv.runs import initial_weights
from tfadv.training.broken_input import skip_unreadable
from tfadv.training.call_length import CallLength
from tfadv.training.finite import require_finite
from tfadv.training.input_wait import InputWait, timed_next
from tfadv.training.step_means import StepMeans
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
        self._workers = Workers(distribution)
        self._call_length = CallLength(plan.training.grace_seconds, self._workers)
        self._train_calls: dict[NormPhase, Callable] = {}

    @property
    def step(self) -> int:
        """Optimizer steps done so far."""
        return int(self.optimizer.iterations.numpy())

    @property
    def variables(self) -> list[keras.Variable]:
        """Everything that a replica keeps between two steps."""
        averages = self.average.averages if self.average else []
        return [*self.model.variables, *self.optimizer.variables, *averages]

    @property
    def division(self) -> dict[str, object]:
        """How a batch is divided, and of which images that makes the batch statistics.

        Of the same images, the weights are the same but for the order of sums.
        """
        return {
            "replicas": self.replicas,
            "micro_batches": self.train_step.micro_batches,
            "statistics_of": self.train_step.statistics_of,
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

    def share_running_statistics(self) -> None:
        """Gives all replicas the first one's statistics, where each has its own.

        A checkpoint keeps those: what is measured with them can be had again.
        """
        if self.plan.norm_policy.across_replicas == "local":
            averages = self.average.averages if self.average else []
            share_the_first(self.distribution, [*self.model.non_trainable_variables, *averages])

    def steps(self, stops: Callable[[], object] = lambda: False) -> Iterator[dict]:
        """Trains to the end of the plan; yields the means of every `steps_per_call` steps.

        Calls that would outlast their share of ``Training.grace_seconds`` are cut.

        Args:
            stops: asked after a cut call; if true, the means of fewer steps are yielded.

        Raises:
            Interrupted: a signal came while a step was traced, for which nothing has changed.
            UserError: a number is no longer finite.
            BadImagesError: an image can't be read any more; what was done before can be saved.
        """
        plan, input_wait = self.plan, InputWait()
        batches = iter(self._train_batches(start=self.step))
        while self.step < plan.steps:
            epoch, end, means = (
                self.step // plan.steps_per_epoch,
                self._end_of_means(),
                self._none(),
            )
            phase, rate = self.train_step.phase(epoch), float(plan.learning_rate(self.step))
            while self.step < end and not (means.steps and stops()):
                call, count = (
                    self._train_call(phase, batches),
                    min(end - self.step, self._call_length.most),
                )
                began = time.monotonic()
                try:
                    totals, not_finite, waited = call(batches, tf.constant(count), means.totals)
                except tf.errors.OpError as error:
                    skip_unreadable(plan, self.step, error)
                    batches = iter(self._train_batches(start=self.step))
                    continue
                require_finite(not_finite.numpy(), self.train_step.watched(phase), self.step)
                waited, seconds = float(waited), time.monotonic() - began
                input_wait.note(waited, seconds)
                self._call_length.note(count, seconds)
                means.add(totals, count, seconds, waited)
            if means.steps:
                yield {
                    "step": self.step,
                    "epoch": self.step / plan.steps_per_epoch,
                    "frozen_statistics": phase.freezes_statistics,
                    "learning_rate": rate,
                    **means.means(),
                    "images_per_second": means.steps * plan.training.batch_size / means.seconds,
                    "input_wait": means.waited / means.seconds,
                }

    def _end_of_means(self) -> int:
        """Returns the step up to which metrics are averaged, wherever a run was stopped."""
        per_epoch, at_once = self.plan.steps_per_epoch, self.plan.training.steps_per_call
        epoch, within = divmod(self.step, per_epoch)
        return epoch * per_epoch + min(within - within % at_once + at_once, per_epoch)

    def _none(self) -> StepMeans:
        kinds = self.plan.strategy.kinds
        return StepMeans(["loss", *(accuracy_name(kind) for kind in kinds)])

    def _train_call(self, phase: NormPhase, batches: Iterator) -> Callable:
        """Returns the traced function of a phase."""
        if phase not in self._train_calls:
            call = self._traced_call(phase)
            # Several workers stop between two calls alone, and together.
            alone = self._workers.count == 1
            with interruption.leaving("") if alone else contextlib.nullcontext():
                call.get_concrete_function(batches, tf.constant(1), self._none().totals)
            self._train_calls[phase] = call
        return self._train_calls[phase]

    def _traced_call(self, phase: NormPhase) -> Callable:
        """Returns the function that does some steps, or fewer where one goes wrong."""

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

        watched = len(self.train_step.watched(phase))

        # Without autograph, which would convert every layer's code and trace many times as long.
        @tf.function(autograph=False)
        def call(iterator, count, totals):
            def body(done, totals, not_finite, waited):
                more, values, not_finite = step(iterator, [done, not_finite])
                totals = {name: total + values[name] for name, total in totals.items()}
                return done + 1, totals, not_finite, waited + more

            _, totals, not_finite, waited = tf.while_loop(
                lambda done, _, not_finite, __: (done < count) & tf.reduce_all(not_finite == 0),
                body,
                (tf.constant(0), totals, tf.zeros([watched]), tf.zeros([], tf.float64)),
                parallel_iterations=1,
            )
            return totals, not_finite, waited

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
