"""Means of metrics over some steps, whichever calls they were done in."""

from collections.abc import Iterable

import tensorflow as tf


class StepMeans:
    """Adds up the metrics of steps, one after the other, over several traced calls.

    Args:
        names: of the metrics.

    Attributes:
        totals: their sums so far, float32 scalars, from which the next call goes on: to the
            last bit, the sums don't depend on where calls end.
        steps: that were added.
        seconds: that they took.
        waited: seconds thereof that they waited for images.
    """

    def __init__(self, names: Iterable[str]):
        self.totals = {name: tf.zeros(()) for name in names}
        self.steps = 0
        self.seconds = self.waited = 0.0

    def add(self, totals: dict[str, tf.Tensor], steps: int, seconds: float, waited: float) -> None:
        """Takes in a call that went on from `totals`."""
        self.totals = totals
        self.steps += steps
        self.seconds += seconds
        self.waited += waited

    def means(self) -> dict[str, float]:
        """Returns the means by name."""
        count = tf.cast(self.steps, tf.float32)
        return {name: float(total / count) for name, total in self.totals.items()}
