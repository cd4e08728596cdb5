"""Several steps on all replicas, in as few traced calls as are worth it."""

from collections.abc import Iterator, Mapping

import tensorflow as tf

from tfadv.norms import NormPhase
from tfadv.training.finite import Found
from tfadv.training.input_wait import timed_next
from tfadv.training.outcome import Outcome
from tfadv.training.training_step import TrainingStep


class StepsCall:
    """Does some steps of one phase, or fewer where one goes wrong.

    They are a loop within one traced call. Where blocks share a trace each step is a call of its
    own: a loop hands on every variable on every replica, thousands of them in a deep network,
    which takes TensorFlow longer to prepare than all else, while the calls cost such steps little.

    Args:
        train_step: what a replica does.
        phase: how the norms act.
        distribution: the replicas.

    Attributes:
        traced: the function that is traced.
    """

    def __init__(
        self, train_step: TrainingStep, phase: NormPhase, distribution: tf.distribute.Strategy
    ):
        self._train_step = train_step
        self._phase = phase
        self._distribution = distribution
        self._traces = train_step.traces(phase)
        run = self._step if train_step.shares_traces else self._steps
        # Without autograph, which would convert every layer's code and trace many times as long.
        self.traced = tf.function(run, autograph=False)

    def trace(
        self, iterator: Iterator, count: tf.Tensor, allowed: tf.Tensor, totals: Mapping
    ) -> tf.types.experimental.ConcreteFunction:
        """Traces what calls with such arguments run."""
        return self.traced.get_concrete_function(iterator, count, allowed, self._none(totals))

    def __call__(
        self, iterator: Iterator, count: tf.Tensor, allowed: tf.Tensor, totals: Mapping
    ) -> Outcome:
        """Does steps.

        Args:
            iterator: of the replicas' shares of batches.
            count: how many steps, int32 [].
            allowed: how many of them may be not finite, int32 [].
            totals: sums over the steps before.
        """
        so_far = self._none(totals)
        while _goes_on(so_far, count, allowed):
            so_far = self.traced(iterator, count, allowed, so_far)
        return so_far

    def _none(self, totals):
        return Outcome.of_none(totals, self._train_step.nothing_found(self._phase))

    def _steps(self, iterator, count, allowed, so_far):
        (so_far,) = tf.while_loop(
            lambda so_far: _goes_on(so_far, count, allowed),
            lambda so_far: (self._step(iterator, count, allowed, so_far),),
            (so_far,),
            parallel_iterations=1,
        )
        return so_far

    def _step(self, iterator, count, allowed, so_far):
        batch, arrived, waited = timed_next(iterator, [so_far.done, so_far.broken])
        metrics, found = self._distribution.run(self._on_replica, (batch, arrived))
        mean = tf.distribute.ReduceOp.MEAN
        metrics = {
            name: self._distribution.reduce(mean, metrics[name], axis=None)
            for name in self._train_step.metric_names
        }
        # The same on every replica.
        found = [self._distribution.experimental_local_results(part)[0] for part in found]
        return so_far.after(metrics, Found(*found), waited)

    def _on_replica(self, batch, arrived):
        # Where a batch can't be read, nothing may change, not even the number of steps.
        with tf.control_dependencies([arrived]), self._traces.in_use():
            return self._train_step(batch, self._phase)


def _goes_on(so_far: Outcome, count: tf.Tensor, allowed: tf.Tensor) -> tf.Tensor:
    return (so_far.done < count) & (so_far.broken <= allowed)
