"""Norm statistics of averaged weights, measured on training images.

Averages of running statistics are those of no network: the statistics of the averaged weights
are the means of what batches have (Izmailov et al., 2018, section 3.3).
"""

import numpy as np
import tensorflow as tf

from tfadv.errors import UserError
from tfadv.norms.base import Collected
from tfadv.training.broken_input import skip_unreadable
from tfadv.training.trainer import Trainer


def measure_average(trainer: Trainer) -> bool:
    """Measures norm statistics of a run's average, where its plan says so.

    Each norm gets the mean of its batch statistics over the batches that would come next, made,
    attacked and divided as in training: those of each branch are of the images that it would
    train on. At the same step they are the same.

    Returns:
        Whether they were measured, now or at this step before.

    Raises:
        UserError: a norm doesn't tell what it measured, or that is not finite.
        BadImagesError: an image can't be read any more.
    """
    average = trainer.average
    if average is None or average.measured_at is None or trainer.step == 0:
        return False
    if int(average.measured_at) != trainer.step:
        with average.in_place():
            _measure(trainer)
        average.measured_at.assign(trainer.step)
    return True


def _measure(trainer: Trainer) -> None:
    collected = _mean_over_batches(trainer, trainer.plan.batches_for_average)
    norms = trainer.model.norms
    found = {path: norms[path].batch_statistics(collected) for path in collected}
    for path, moments in found.items():
        if moments is None:
            raise UserError(
                f"{type(norms[path]).__name__} defines no batch_statistics, by which those of an "
                "average are measured: bind Training.average_statistics_batches = 0",
                "Training.average_statistics_batches",
            )
        if not all(np.isfinite(moment).all() for moment in moments):
            raise UserError(f"the batch statistics of the average are not finite in '{path}'")
    for path, moments in found.items():
        norms[path].start_from(None, None, moments)


def _mean_over_batches(trainer: Trainer, count: int) -> Collected:
    distribution, start, total = trainer.distribution, trainer.step, None

    @tf.function(autograph=False)
    def of_next(iterator):
        collected = distribution.run(trainer.train_step.statistics, (next(iterator),))
        mean = tf.distribute.ReduceOp.MEAN
        return tf.nest.map_structure(lambda v: distribution.reduce(mean, v, axis=None), collected)

    done, batches = 0, iter(trainer.batches(start))
    while done < count:
        try:
            measured = of_next(batches)
        except tf.errors.OpError as error:
            skip_unreadable(trainer.plan, start + done, error)
            batches = iter(trainer.batches(start + done))
            continue
        wide = tf.nest.map_structure(lambda v: tf.cast(v, tf.float64), measured)
        total = wide if total is None else tf.nest.map_structure(tf.add, total, wide)
        done += 1
    return tf.nest.map_structure(lambda v: tf.cast(v / count, tf.float32), total)
