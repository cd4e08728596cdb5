"""Learning rates as functions of the step."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from tfadv.errors import check
from tfadv.registry import configurable


@configurable
class StepSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Linear scaling, warm-up, and a drop at each boundary.

    Args:
        batch_size: images of one step, over all replicas.
        steps_per_epoch: optimizer steps of one epoch.
        boundaries: epochs (0-indexed) at which the rate drops; 35, 70 and 95
            in the paper (section 3).
        warmup_epochs: epochs of linear warm-up, step by step; 5 in the
            released pipeline.
        rate_per_256: learning rate per 256 images of the batch; 0.1 in the
            released pipeline. Scaled by a real division: the pipeline's
            integers make the rate 0 below a batch of 256.
        factor: of each drop.
        warmup_start: rate at step 0 of the warm-up, which is skipped unless
            the scaled rate is higher.
    """

    def __init__(
        self,
        batch_size: int,
        steps_per_epoch: int,
        boundaries: Sequence[float],
        warmup_epochs: float,
        rate_per_256: float = 0.1,
        factor: float = 0.1,
        warmup_start: float = 0.1,
    ):
        check(rate_per_256 > 0, "StepSchedule.rate_per_256", "be > 0", rate_per_256)
        rising = list(boundaries) == sorted(set(boundaries))
        check(rising, "StepSchedule.boundaries", "rise", boundaries)
        check(warmup_epochs >= 0, "StepSchedule.warmup_epochs", "be >= 0", warmup_epochs)
        self.steps_per_epoch = steps_per_epoch
        self.boundaries = tuple(boundaries)
        self.factor = factor
        self.base_rate = rate_per_256 * batch_size / 256
        self.warmup_start = warmup_start
        self.warmup_steps = warmup_epochs * steps_per_epoch if self.base_rate > warmup_start else 0

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """Returns the float32 learning rate of a step, counted from 0."""
        step = tf.cast(step, tf.float32)
        rate = tf.constant(self.base_rate, tf.float32)
        for boundary in self.boundaries:
            rate *= tf.where(step >= boundary * self.steps_per_epoch, self.factor, 1.0)
        if not self.warmup_steps:
            return rate
        rise = (self.base_rate - self.warmup_start) * step / self.warmup_steps
        return tf.where(step < self.warmup_steps, self.warmup_start + rise, rate)
