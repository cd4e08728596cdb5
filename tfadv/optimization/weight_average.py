"""A moving average of the weights, evaluated beside the weights themselves."""

import contextlib
from collections.abc import Iterator, Sequence

import keras
import tensorflow as tf

# Which of a run's weights: those that were trained, or their moving average.
WEIGHTS = ("trained", "average")


class WeightAverage:
    """An exponential moving average of variables (Polyak & Juditsky, 1992).

    ``a ← dₜ·a + (1 - dₜ)·w`` after step t, counted from 0. Early in a run the average
    forgets faster: ``dₜ = min(d, (1 + t)/(10 + t))``. Whole numbers, such as a count, are
    taken as they are.

    Args:
        variables: what to average; a model's weights and running statistics.
        decay: d, the weight of the old average at each step.
        distribution: whose scope the variables live in.
    """

    def __init__(
        self,
        variables: Sequence[keras.Variable],
        decay: float,
        distribution: tf.distribute.Strategy,
    ):
        self.decay = decay
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
        step = tf.cast(step, tf.float32)
        decay = tf.minimum(self.decay, (1 + step) / (10 + step))
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

        self._distribution.run(tf.function(on_replica, autograph=False))
