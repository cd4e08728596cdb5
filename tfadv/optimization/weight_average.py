"""An average of the weights over a run, evaluated beside the weights themselves."""

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Protocol

import keras
import tensorflow as tf

from tfadv.devices.tracing import on_replicas

# Which of a run's weights: those that were trained, or their moving average.
WEIGHTS = ("trained", "average")


class AverageRule(Protocol):
    """How much of the old average each step keeps."""

    def kept(self, step: tf.Tensor) -> tf.Tensor:
        """Returns dₜ, a float32 scalar, of step t, an int64 scalar counted from 0."""

    def describe(self) -> dict[str, object]:
        """Returns what a results record says of it: JSON values."""


@dataclasses.dataclass(frozen=True)
class MovingAverage:
    """The exponential moving average (Polyak & Juditsky, 1992).

    ``dₜ = min(d, (1 + t)/(10 + t))``: early in a run it forgets faster.

    Attributes:
        decay: d, the weight of the old average at each step.
    """

    decay: float

    def kept(self, step: tf.Tensor) -> tf.Tensor:
        """Returns dₜ; see `AverageRule`."""
        step = tf.cast(step, tf.float32)
        return tf.minimum(self.decay, (1 + step) / (10 + step))

    def describe(self) -> dict[str, object]:
        """Returns d."""
        return {"decay": self.decay}


@dataclasses.dataclass(frozen=True)
class EqualAverage:
    """The equal-weight mean of the weights at ends of epochs (SWA: Izmailov et al., 2018).

    Until the end of the first of them the average is the weights themselves.

    Attributes:
        from_epoch: the first epoch, counted from 0, whose end counts.
        steps_per_epoch: optimizer steps of one.
    """

    from_epoch: int
    steps_per_epoch: int

    def kept(self, step: tf.Tensor) -> tf.Tensor:
        """Returns n/(n + 1) at the end of an epoch, n the ends before it that count."""
        done = tf.cast(step, tf.int64) + 1
        before = done // self.steps_per_epoch - (self.from_epoch + 1)
        counted = tf.cast(tf.maximum(before, 0), tf.float32)
        ends = (done % self.steps_per_epoch == 0) | (before < 0)
        return tf.where(ends, counted / (counted + 1), 1.0)

    def describe(self) -> dict[str, object]:
        """Returns the first epoch."""
        return {"from_epoch": self.from_epoch}


class WeightAverage:
    """An average of variables: ``a ← dₜ·a + (1 - dₜ)·w`` after step t, counted from 0.

    Whole numbers, such as a count, are taken as they are.

    Attributes:
        rule: as given.
        averages: the variables' averages, in their order.
        measured_at: number of steps after which the averages of running statistics were
            last measured on images, -1 for never; None where they are left as averages.

    Args:
        variables: what to average; a model's weights and running statistics.
        rule: gives dₜ.
        distribution: whose scope the variables live in.
        measures: whether statistics are measured on images before they are used.
    """

    def __init__(
        self,
        variables: Sequence[keras.Variable],
        rule: AverageRule,
        distribution: tf.distribute.Strategy,
        measures: bool = False,
    ):
        self.rule = rule
        self.measured_at = tf.Variable(-1, dtype=tf.int64, trainable=False) if measures else None
        self._distribution = distribution
        self._variables = list(variables)
        with distribution.scope():
            self.averages = [
                keras.Variable(variable, dtype=variable.dtype, trainable=False, name="average")
                for variable in variables
            ]

    def by_path(self) -> dict[str, tf.Variable]:
        """Returns the averages by the paths of what they average, for a checkpoint."""
        pairs = zip(self._variables, self.averages, strict=True)
        return {variable.path: average.value for variable, average in pairs}

    def restart(self) -> None:
        """Starts again from the variables' values."""
        for variable, average in zip(self._variables, self.averages, strict=True):
            average.assign(variable)

    def update(self, step: tf.Tensor) -> None:
        """Takes the variables' values in, after a step counted from 0; in replica context."""
        decay = self.rule.kept(step)
        for variable, average in zip(self._variables, self.averages, strict=True):
            is_float = keras.backend.is_float_dtype(variable.dtype)
            mean = decay * average + (1 - decay) * variable if is_float else variable
            average.assign(mean)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Puts the averages where the variables are, and the variables back at the end."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        def on_replica():
            for variable, average in zip(self._variables, self.averages, strict=True):
                kept = tf.identity(variable)
                variable.assign(average)
                average.assign(kept)

        on_replicas(self._distribution, on_replica)()
