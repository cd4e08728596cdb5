"""Several steps in one traced call, on all replicas."""

from collections.abc import Callable

import tensorflow as tf

from tfadv.norms import NormPhase
from tfadv.training.finite import Found
from tfadv.training.input_wait import timed_next
from tfadv.training.outcome import Outcome
from tfadv.training.training_step import TrainingStep


def steps_of(
    train_step: TrainingStep, phase: NormPhase, distribution: tf.distribute.Strategy
) -> Callable:
    """Returns the function that does some steps, or fewer where one goes wrong."""

    def one_replica(batch, arrived):
        # Where a batch can't be read, nothing may change, not even the number of steps.
        with tf.control_dependencies([arrived]), traces.in_use():
            return train_step(batch, phase)

    def step(iterator, after):
        batch, arrived, waited = timed_next(iterator, after)
        metrics, found = distribution.run(one_replica, (batch, arrived))
        mean = tf.distribute.ReduceOp.MEAN
        metrics = {name: distribution.reduce(mean, metrics[name], axis=None) for name in names}
        # The same on every replica.
        found = [distribution.experimental_local_results(part)[0] for part in found]
        return waited, metrics, Found(*found)

    traces = train_step.traces(phase)
    names = train_step.metric_names
    nothing = train_step.nothing_found(phase)

    # Without autograph, which would convert every layer's code and trace many times as long.
    @tf.function(autograph=False)
    def call(iterator, count, allowed, totals):
        def body(so_far):
            waited, metrics, found = step(iterator, [so_far.done, so_far.broken])
            return (so_far.after(metrics, found, waited),)

        (outcome,) = tf.while_loop(
            lambda so_far: (so_far.done < count) & (so_far.broken <= allowed),
            body,
            (Outcome.of_none(totals, nothing),),
            parallel_iterations=1,
        )
        return outcome

    return call
