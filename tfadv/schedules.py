"""Learning rates as functions of the step: a scaled base rate, a warm-up and a decay."""

import math
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from tfadv.errors import check
from tfadv.registry import DECAYS, configurable

# Maps the epoch, a float32 scalar, and the number of epochs to a factor of the rate.
Decay = Callable[[tf.Tensor, int], tf.Tensor]


@configurable
class LearningRate(keras.optimizers.schedules.LearningRateSchedule):
    """Linear scaling with the batch, linear warm-up, and a decay.

    Args:
        batch_size: images of one step, over all replicas.
        steps_per_epoch: optimizer steps of one epoch.
        epochs: of the whole run.
        decay: factor of the rate at each epoch.
        rate_per_256: learning rate per 256 images of the batch; 0.1 in the
            released pipeline. Scaled by a real division: the pipeline's
            integers make the rate 0 below a batch of 256.
        warmup_epochs: epochs of linear warm-up, step by step; 5 in the
            released pipeline.
        warmup_start: rate at step 0 of the warm-up, which is skipped unless
            the scaled rate is higher.
    """

    def __init__(
        self,
        batch_size: int,
        steps_per_epoch: int,
        epochs: int,
        decay: Decay,
        rate_per_256: float,
        warmup_epochs: float,
        warmup_start: float = 0.1,
    ):
        check(rate_per_256 > 0, "LearningRate.rate_per_256", "be > 0", rate_per_256)
        check(warmup_epochs >= 0, "LearningRate.warmup_epochs", "be >= 0", warmup_epochs)
        check(warmup_start >= 0, "LearningRate.warmup_start", "be >= 0", warmup_start)
        self.steps_per_epoch = steps_per_epoch
        self.epochs = epochs
        self.decay = decay
        self.base_rate = rate_per_256 * batch_size / 256
        self.warmup_start = warmup_start
        self.warmup_steps = warmup_epochs * steps_per_epoch if self.base_rate > warmup_start else 0

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """Returns the float32 learning rate of a step, counted from 0."""
        step = tf.cast(step, tf.float32)
        rate = self.base_rate * self.decay(step / self.steps_per_epoch, self.epochs)
        if not self.warmup_steps:
            return rate
        rise = (self.base_rate - self.warmup_start) * step / self.warmup_steps
        return tf.where(step < self.warmup_steps, self.warmup_start + rise, rate)


@DECAYS.register("step")
class StepDecay:
    """A drop at each boundary, the paper's (section 3).

    Args:
        boundaries: epochs (0-indexed) at which the rate drops; 35, 70 and 95
            in the paper. None at all makes the rate constant.
        factor: of each drop.
    """

    def __init__(self, boundaries: Sequence[float], factor: float = 0.1):
        rising = list(boundaries) == sorted(set(boundaries))
        check(rising, "StepDecay.boundaries", "rise", boundaries)
        check(factor > 0, "StepDecay.factor", "be > 0", factor)
        self.boundaries = tuple(boundaries)
        self.factor = factor

    def __call__(self, epoch: tf.Tensor, epochs: int) -> tf.Tensor:
        """Returns the factor of an epoch."""
        passed = tf.reduce_sum(
            tf.cast(epoch >= tf.constant([*self.boundaries, math.inf]), tf.float32)
        )
        return tf.pow(tf.constant(self.factor, tf.float32), passed)


@DECAYS.register("exponential")
class ExponentialDecay:
    """A factor every few epochs, the original ALP's (appendix A).

    Args:
        factor: 0.94 in the original.
        every_epochs: 2 in the original.
        staircase: whether the rate falls at once after so many epochs, or a
            little at each step.
    """

    def __init__(self, factor: float = 0.94, every_epochs: float = 2.0, staircase: bool = True):
        check(factor > 0, "ExponentialDecay.factor", "be > 0", factor)
        check(every_epochs > 0, "ExponentialDecay.every_epochs", "be > 0", every_epochs)
        self.factor = factor
        self.every_epochs = every_epochs
        self.staircase = staircase

    def __call__(self, epoch: tf.Tensor, epochs: int) -> tf.Tensor:
        """Returns the factor of an epoch."""
        times = epoch / self.every_epochs
        times = tf.floor(times) if self.staircase else times
        return tf.pow(tf.constant(self.factor, tf.float32), times)


@DECAYS.register("cosine", paper="Loshchilov & Hutter, 2017")
class CosineDecay:
    """Half a cosine over the whole run (Loshchilov & Hutter, 2017).

    Args:
        final: factor at the end of the run.
    """

    def __init__(self, final: float = 0.0):
        check(0 <= final <= 1, "CosineDecay.final", "be in 0..1", final)
        self.final = final

    def __call__(self, epoch: tf.Tensor, epochs: int) -> tf.Tensor:
        """Returns the factor of an epoch."""
        half = 0.5 * (1 + tf.cos(math.pi * tf.minimum(epoch / epochs, 1.0)))
        return self.final + (1 - self.final) * half
