"""What several steps in one traced call come to, added up step by step."""

from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf

from tfadv.training.finite import Found


class Broken(NamedTuple):
    """The last step of a traced call that was not finite.

    Attributes:
        number: within the call, counted from 0.
        metrics: of the step.
        found: what was not finite; nothing, where no step was broken.
    """

    number: tf.Tensor
    metrics: dict[str, tf.Tensor]
    found: Found


class Outcome(NamedTuple):
    """What some steps came to.

    Attributes:
        done: how many.
        metrics: sums over those of them that were finite, and over those before them.
        broken: how many were not, which changed nothing.
        last: of these.
        waited: seconds that the steps waited for their images, float64.
    """

    done: tf.Tensor
    metrics: dict[str, tf.Tensor]
    broken: tf.Tensor
    last: Broken
    waited: tf.Tensor

    @classmethod
    def of_none(cls, totals: Mapping[str, tf.Tensor], found: Found) -> "Outcome":
        """Returns what no step comes to.

        Args:
            totals: sums over the steps before.
            found: of a finite step.
        """
        zero, none = tf.constant(0), {name: tf.zeros(()) for name in totals}
        return cls(zero, dict(totals), zero, Broken(zero, none, found), tf.zeros([], tf.float64))

    def after(self, metrics: Mapping[str, tf.Tensor], found: Found, waited: tf.Tensor) -> "Outcome":
        """Returns what these steps and one more come to."""
        broken = found.is_broken
        sums = {
            name: total + tf.where(broken, 0.0, metrics[name])
            for name, total in self.metrics.items()
        }
        last = tf.nest.map_structure(
            lambda new, old: tf.where(broken, new, old),
            Broken(self.done, metrics, found),
            self.last,
        )
        count = self.broken + tf.cast(broken, tf.int32)
        return Outcome(self.done + 1, sums, count, last, self.waited + waited)
