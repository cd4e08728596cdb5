"""Means of metrics over some steps, whichever calls they were done in."""

from collections.abc import Iterable

import tensorflow as tf

from tfadv.training.outcome import Outcome


class StepMeans:
    """Adds up the metrics of steps, one after the other, over several traced calls.

    Args:
        names: of the metrics.

    Attributes:
        totals: their sums over the finite steps so far, float32 scalars, from which the next
            call goes on: to the last bit, the sums don't depend on where calls end.
        steps: that were added.
        skipped: those of them that were not finite.
        seconds: that they took.
        waited: seconds thereof that they waited for images.
    """

    def __init__(self, names: Iterable[str]):
        self.totals = {name: tf.zeros(()) for name in names}
        self.steps = self.skipped = 0
        self.seconds = self.waited = 0.0

    def add(self, outcome: Outcome, seconds: float) -> None:
        """Takes in a call that went on from `totals`."""
        self.totals = outcome.metrics
        self.steps += int(outcome.done)
        self.skipped += int(outcome.broken)
        self.seconds += seconds
        self.waited += float(outcome.waited)

    def means(self) -> dict[str, float]:
        """Returns the means by name; none, where all steps were skipped."""
        finite = self.steps - self.skipped
        count = tf.cast(finite, tf.float32)
        return {name: float(total / count) for name, total in self.totals.items() if finite}
