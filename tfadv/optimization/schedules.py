"""Learning rates as functions of the step: a scaled base rate, a warm-up and a decay.

Where a rate changes at once is decided between whole numbers: a division in floats puts
a boundary one step late for some numbers of steps an epoch.
"""

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple

import keras
import tensorflow as tf

from tfadv.errors import check, check_choice
from tfadv.registry import DECAYS, configurable

# Maps the step, an int64 scalar counted from 0, the steps of an epoch and the number of
# epochs to a float32 factor of the rate.
Decay = Callable[[tf.Tensor, int, int], tf.Tensor]


class RateFactor(NamedTuple):
    """What multiplies a learning rate.

    Attributes:
        from_step: the first step that it does, counted from 0.
        factor: of the rate as it is configured.
    """

    from_step: int
    factor: float


@configurable
class LearningRate(keras.optimizers.schedules.LearningRateSchedule):
    """Linear scaling with the batch, linear warm-up, and a decay (Goyal et al., 2017, section 2).

    ``lr(t) = s + (b - s)·t/W`` in the W steps of the warm-up, then ``b·decay(t)``, with
    ``b = rate_per_256 · batch_size/256`` and s the warm-up's start. t counts from 0.

    Args:
        batch_size: images of one step, over all replicas.
        steps_per_epoch: optimizer steps of one epoch.
        epochs: of the whole run.
        decay: factor of the rate at each step. Where its `warms_up` is true, that is all.
        rate_per_256: learning rate per 256 images of the batch; 0.1 in the
            released pipeline. Scaled by a real division: the pipeline's
            integers make the rate 0 below a batch of 256.
        warmup_epochs: epochs of linear warm-up, step by step; 5 in the
            released pipeline.
        warmup_start: s, the rate at step 0 of the warm-up, which is skipped unless
            b is higher.

    Attributes:
        factors: multiply the rate, each until the next one begins. To be set before a step
            is traced.
    """

    unbindable = ("batch_size", "steps_per_epoch", "epochs", "decay")  # the run's own

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
        lasts = 0 <= warmup_epochs < math.inf
        check(lasts, "LearningRate.warmup_epochs", "be >= 0", warmup_epochs)
        check(warmup_start >= 0, "LearningRate.warmup_start", "be >= 0", warmup_start)
        self.steps_per_epoch = steps_per_epoch
        self.epochs = epochs
        self.factors: tuple[RateFactor, ...] = ()
        self.decay = decay
        self.base_rate = rate_per_256 * batch_size / 256
        self.warmup_start = warmup_start
        warms_up = self.base_rate > warmup_start and not getattr(decay, "warms_up", False)
        self.warmup_steps = _exact(warmup_epochs) * steps_per_epoch if warms_up else Fraction(0)

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """Returns the float32 learning rate of a step, counted from 0."""
        step = tf.cast(step, tf.int64)
        planned = rate = self._planned(step)
        for from_step, factor in self.factors:
            rate = tf.where(step >= from_step, factor * planned, rate)
        return rate

    def _planned(self, step: tf.Tensor) -> tf.Tensor:
        rate = self.base_rate * self.decay(step, self.steps_per_epoch, self.epochs)
        if not self.warmup_steps:
            return rate
        rise = (self.base_rate - self.warmup_start) * _share(step, self.warmup_steps)
        return tf.where(step < math.ceil(self.warmup_steps), self.warmup_start + rise, rate)


@DECAYS.register("step")
class StepDecay:
    """A drop at each boundary, the paper's (section 3).

    ``decay(t) = f^n``, n the number of boundaries b with ``t ≥ b · steps_per_epoch``.

    Args:
        boundaries: epochs (0-indexed) at which the rate drops; 35, 70 and 95
            in the paper. None at all makes the rate constant. Within an epoch,
            the first step that is not before the boundary has the new rate.
        factor: f, of each drop.
    """

    def __init__(self, boundaries: Sequence[float], factor: float = 0.1):
        rising = list(boundaries) == sorted(set(boundaries))
        rising = rising and all(0 <= boundary < math.inf for boundary in boundaries)
        check(rising, "StepDecay.boundaries", "be epochs >= 0 that rise", boundaries)
        check(factor > 0, "StepDecay.factor", "be > 0", factor)
        self.boundaries = tuple(boundaries)
        self.factor = factor

    def __call__(self, step: tf.Tensor, steps_per_epoch: int, epochs: int) -> tf.Tensor:
        """Returns the factor of a step."""
        first = [math.ceil(_exact(boundary) * steps_per_epoch) for boundary in self.boundaries]
        passed = step[..., None] >= tf.constant(first, tf.int64)
        passed = tf.reduce_sum(tf.cast(passed, tf.float32), -1)
        return tf.pow(tf.constant(self.factor, tf.float32), passed)


@DECAYS.register("exponential")
class ExponentialDecay:
    """A factor every few epochs, the original ALP's (appendix A).

    ``decay(t) = f^(t/(E · steps_per_epoch))``, as a staircase with the exponent rounded down.

    Args:
        factor: f, 0.94 in the original.
        every_epochs: E, 2 in the original.
        staircase: whether the rate falls at once after so many epochs, or a
            little at each step.
    """

    def __init__(self, factor: float = 0.94, every_epochs: float = 2.0, staircase: bool = True):
        check(factor > 0, "ExponentialDecay.factor", "be > 0", factor)
        in_range = 0.001 <= every_epochs <= 1_000_000
        check(in_range, "ExponentialDecay.every_epochs", "be in 0.001..1,000,000", every_epochs)
        self.factor = factor
        self.every_epochs = every_epochs
        self.staircase = staircase

    def __call__(self, step: tf.Tensor, steps_per_epoch: int, epochs: int) -> tf.Tensor:
        """Returns the factor of a step."""
        every = _exact(self.every_epochs) * steps_per_epoch
        if self.staircase:
            times = tf.cast(step * every.denominator // every.numerator, tf.float32)
        else:
            times = _share(step, every)
        return tf.pow(tf.constant(self.factor, tf.float32), times)


@DECAYS.register("cosine", paper="Loshchilov & Hutter, 2017")
class CosineDecay:
    """Half a cosine over the whole run (Loshchilov & Hutter, 2017, equation 5).

    ``decay(t) = c + (1 - c)·½·(1 + cos(π·t/T))`` over the T steps of the run, or of the
    epochs from one on.

    Args:
        final: c, the factor at the end of the run.
        from_epoch: where it begins, such as the end of the warm-up; the factor is 1 before.
    """

    def __init__(self, final: float = 0.0, from_epoch: float = 0.0):
        check(0 <= final <= 1, "CosineDecay.final", "be in 0..1", final)
        check(0 <= from_epoch < math.inf, "CosineDecay.from_epoch", "be >= 0", from_epoch)
        self.final = final
        self.from_epoch = from_epoch

    def __call__(self, step: tf.Tensor, steps_per_epoch: int, epochs: int) -> tf.Tensor:
        """Returns the factor of a step."""
        total = Fraction(max(epochs, 1) * steps_per_epoch)
        if self.from_epoch:
            first = math.ceil(_exact(self.from_epoch) * steps_per_epoch)
            step, total = tf.maximum(step - first, 0), max(total - first, Fraction(1))
        half = _half_cosine(_share(step, total))
        return self.final + (1 - self.final) * half


@DECAYS.register("one_cycle", paper="Smith & Topin, 2018")
class OneCycle:
    """A rise to the full rate and a fall, each half a cosine or a straight line.

    ``decay(t) = s + (1 - s)·up(t/(p·T))`` for ``t < p·T``, then
    ``c + (1 - c)·down((t - p·T)/(T - p·T))`` over the T steps of the run. It is a warm-up as
    well, in place of `LearningRate`'s. The defaults are PyTorch's.

    Args:
        peak: p, the share of the run after which the factor is 1, between 0 and 1.
        start: s, the factor at step 0.
        final: c, the factor at the end of the run.
        shape: ``cosine`` or ``linear``.
    """

    SHAPES = ("cosine", "linear")
    warms_up = True

    def __init__(
        self, peak: float = 0.3, start: float = 0.04, final: float = 4e-6, shape: str = "cosine"
    ):
        check(0 < peak < 1, "OneCycle.peak", "be between 0 and 1", peak)
        check(0 <= start <= 1, "OneCycle.start", "be in 0..1", start)
        check(0 <= final <= 1, "OneCycle.final", "be in 0..1", final)
        check_choice("OneCycle.shape", shape, self.SHAPES)
        self.peak = peak
        self.start = start
        self.final = final
        self.shape = shape

    def __call__(self, step: tf.Tensor, steps_per_epoch: int, epochs: int) -> tf.Tensor:
        """Returns the factor of a step."""
        peak, done = self.peak, _share(step, Fraction(max(epochs, 1) * steps_per_epoch))
        fall = _half_cosine if self.shape == "cosine" else lambda share: 1 - tf.minimum(share, 1.0)
        rising = 1 + (self.start - 1) * fall(done / peak)
        falling = self.final + (1 - self.final) * fall((done - peak) / (1 - peak))
        return tf.where(done < peak, rising, falling)


def _half_cosine(share: tf.Tensor) -> tf.Tensor:
    """Returns half a cosine's fall from 1 at 0 to 0 at 1 and beyond."""
    return 0.5 * (1 + tf.cos(math.pi * tf.minimum(share, 1.0)))


def _exact(epochs: float) -> Fraction:
    """Returns the number that someone wrote: 1/10 for 0.1, and 1/3 for 1 / 3."""
    return Fraction(epochs).limit_denominator(1_000_000)


def _share(step: tf.Tensor, steps: Fraction) -> tf.Tensor:
    """Returns float32 step / steps; float32 itself holds no steps beyond 2²⁴."""
    return tf.cast(tf.cast(step, tf.float64) / float(steps), tf.float32)
