"""The training loop: Python outside, one traced call of several steps inside."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

from tfadv import interruption
from tfadv.data.pipeline import Shares, train_batches
from tfadv.devices.tracing import as_traced, variables_of_one_name
from tfadv.devices.workers import Workers, share_the_first
from tfadv.interop import initial_weights
from tfadv.norms import NormPhase
from tfadv.optimization.weight_average import WeightAverage
from tfadv.planning.plan import Plan
from tfadv.planning.precision import Precision
from tfadv.planning.resolution import augmentation_at, check_network, image_size, image_sizes
from tfadv.planning.scheduled import scalars_at
from tfadv.quiet_start import without_collection
from tfadv.training.batches import Batches
from tfadv.training.broken_input import skip_unreadable
from tfadv.training.call_length import CallLength
from tfadv.training.finite import Fault, NotFiniteError
from tfadv.training.input_wait import InputWait
from tfadv.training.outcome import Outcome
from tfadv.training.step.optimizer import built_optimizer
from tfadv.training.step_means import StepMeans
from tfadv.training.steps_call import StepsCall
from tfadv.training.training_step import TrainingStep


class Trainer:
    """A model, its optimizer and the steps between them.

    Args:
        plan: what to train, on what, and how.
        distribution: the devices.
        precision: settles where the plan says 'auto'; None measures it.

    Attributes:
        plan: as given, without 'auto'.
        distribution: as given.
        replicas: how many there are.
        model: the model.
        optimizer: its optimizer.
        average: the average of the model's variables, if there is to be one.
        train_step: one step on one replica.
        skipped: how many steps of the run were skipped because they were not finite.

    Raises:
        UserError: the replicas don't divide a batch, or the norm has other
            branches than the strategy's.
    """

    def __init__(
        self,
        plan: Plan,
        distribution: tf.distribute.Strategy,
        precision: Precision | None = None,
    ):
        self.distribution = distribution
        self.replicas = distribution.num_replicas_in_sync
        keras.utils.set_random_seed(plan.experiment.seed)
        if plan.experiment.deterministic:
            tf.config.experimental.enable_op_determinism()
        with distribution.scope(), variables_of_one_name():
            self.model = plan.build_model()
            plan.strategy.check_branches(self.model.branches)
            check_network(self.model, image_sizes(plan.training))
            self.optimizer = built_optimizer(plan, self.model)
        self.average = None
        if rule := plan.average_rule:
            measures = plan.batches_for_average > 0
            self.average = WeightAverage(self.model.variables, rule, distribution, measures)
        self._workers = Workers(distribution)
        precision = precision or Precision()
        self.plan = plan = precision.of_run(plan, self.model, self.replicas, self._workers)
        self.train_step = TrainingStep(
            plan, self.model, self.optimizer, self.replicas, self.average
        )
        self.skipped = 0
        self._call_length = CallLength(plan.training.grace_seconds, self._workers)
        self._train_calls: dict[tuple[NormPhase, int | None], StepsCall] = {}

    @property
    def step(self) -> int:
        """Optimizer steps done so far."""
        return int(self.optimizer.iterations.numpy())

    @property
    def variables(self) -> list[keras.Variable]:
        """Everything that a replica keeps between two steps."""
        return self.train_step.variables

    def load_initial_weights(self) -> tuple[str, ...]:
        """Starts from the weights that the experiment names, if it names some.

        Returns:
            Lines about what is not taken over, and about what the weights' file doesn't say.

        Raises:
            UserError: they aren't of this model.
        """
        experiment = self.plan.experiment
        if not experiment.initial_weights:
            return ()
        lines = initial_weights.load(
            self.model,
            experiment.initial_weights,
            experiment.initial_weights_kind,
            experiment.new_head,
            experiment.initial_norm_branch,
            experiment.initial_checkpoint,
        )
        if self.average:
            self.average.restart()
        return lines

    def share_running_statistics(self) -> None:
        """Gives all replicas the first one's statistics, where each has its own.

        A checkpoint keeps those: what is measured with them can be had again.
        """
        share_the_first(self.distribution, self.untrained_variables)

    @property
    def untrained_variables(self) -> list[keras.Variable]:
        """What replicas may have different values of: statistics, and their averages."""
        if self.plan.norm_policy.across_replicas != "local":
            return []
        averages = self.average.averages if self.average else []
        return [*self.model.non_trainable_variables, *averages]

    def steps(self, stops: Callable[[], object] = lambda: False) -> Iterator[dict]:
        """Trains to the end of the plan; yields the means of every `steps_per_call` steps.

        Calls that would outlast their share of ``Training.grace_seconds`` are cut.

        Args:
            stops: asked after a cut call; if true, the means of fewer steps are yielded.

        The means are those of the steps that count: where all were skipped, there are none.

        Raises:
            Interrupted: a signal came while a step was traced, for which nothing has changed.
            NotFiniteError: a step is not finite, and no more may be skipped; the trainer is
                as it was before that step.
            BadImagesError: an image can't be read any more; what was done before can be saved.
        """
        plan, input_wait = self.plan, InputWait()
        feed = Batches(self.batches, self.image_size)
        while self.step < plan.steps:
            epoch, end = self.step // plan.steps_per_epoch, self._end_of_means()
            means = self._none()
            rate = float(plan.learning_rate(np.asarray(self.step)))
            scheduled = scalars_at(plan, self.step)
            while self.step < end and not (means.steps and stops()):
                began = time.monotonic()
                try:
                    outcome = self.do(
                        feed.at(self.step), min(end - self.step, self._call_length.most), means
                    )
                except tf.errors.OpError as error:
                    skip_unreadable(plan, self.step, error)
                    feed.restart()
                    continue
                waited, seconds = float(outcome.waited), time.monotonic() - began
                input_wait.note(waited, seconds)
                self._call_length.note(int(outcome.done), seconds)
                means.add(outcome, seconds)
            if means.steps:
                yield {
                    "step": self.step,
                    "epoch": self.step / plan.steps_per_epoch,
                    "frozen_statistics": self.train_step.phase(epoch).freezes_statistics,
                    "learning_rate": rate,
                    **scheduled,
                    **means.means(),
                    **({"skipped_steps": means.skipped} if means.skipped else {}),
                    "images_per_second": means.steps * plan.training.batch_size / means.seconds,
                    "input_wait": means.waited / means.seconds,
                }

    def _end_of_means(self) -> int:
        """Returns the step up to which metrics are averaged, wherever a run was stopped."""
        per_epoch, at_once = self.plan.steps_per_epoch, self.plan.training.steps_per_call
        epoch, within = divmod(self.step, per_epoch)
        return epoch * per_epoch + min(within - within % at_once + at_once, per_epoch)

    def _none(self) -> StepMeans:
        return StepMeans(self.train_step.metric_names)

    def do(self, batches: Iterator, count: int, before: StepMeans | None = None) -> Outcome:
        """Does some steps, all of one epoch, in one traced call.

        Args:
            batches: each the replicas' shares of one.
            count: how many steps.
            before: steps to whose sums these are added.

        Returns:
            What they came to, with the sums.

        Raises:
            NotFiniteError: see `steps`.
        """
        start = self.step
        phase = self.train_step.phase(start // self.plan.steps_per_epoch)
        allowed = self.plan.training.skip_non_finite - self.skipped
        totals = (before or self._none()).totals
        arguments = (batches, tf.constant(count), tf.constant(allowed), totals)
        call = self._train_call(phase, self.image_size(start), arguments)
        # Blocks that share a trace are optimized on their own.
        with as_traced() if self.train_step.shares_traces else contextlib.nullcontext():
            outcome = call(*arguments)
        if outcome.broken:
            number, metrics, found = outcome.last
            names, step = self.train_step.watched(phase), start + int(number) + 1
            fault = Fault.of(self.plan, step, names, found, metrics)
            if int(outcome.broken) > allowed:
                self.optimizer.iterations.assign(step - 1)
                raise NotFiniteError(fault, self.skipped + allowed)
            self.skipped += int(outcome.broken)
            print(f"\nwarning: {fault}: skipped, {self.skipped} so far", file=sys.stderr)
        return outcome

    def _train_call(self, phase: NormPhase, size: int | None, arguments: tuple) -> StepsCall:
        """Returns the function that does steps of a phase, traced for images of a size."""
        if (phase, size) not in self._train_calls:
            call = StepsCall(self.train_step, phase, self.distribution)
            # Several workers stop between two calls alone, and together.
            alone = self._workers.count == 1
            stops = interruption.leaving("") if alone else contextlib.nullcontext()
            with stops, without_collection():
                call.trace(*arguments)
            self._train_calls[phase, size] = call
        return self._train_calls[phase, size]

    def image_size(self, step: int) -> int | None:
        """Returns the height and width of a step's images; None for the data set's own."""
        return image_size(self.plan.training, step // self.plan.steps_per_epoch)

    def batches(self, start: int):
        """Returns the replicas' shares of the batches from a step on, in its epoch's size."""
        plan, size = self.plan, self.image_size(start)
        augmentation = augmentation_at(plan.augmentation, plan.feed.source, size)
        return self.distribution.distribute_datasets_from_function(
            lambda context: train_batches(
                plan.feed.source,
                augmentation,
                plan.training.batch_size,
                Shares.of(context),
                plan.experiment.seed,
                start,
                plan.feed.drawing,
            )
        )
