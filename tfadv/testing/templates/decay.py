"""A decay of the learning rate to start from."""

PLUGIN = '''"""{name} as a plugin: `import plugins.{name}` in a gin file."""

import tensorflow as tf

from tfadv.errors import check
from tfadv.registry import DECAYS


@DECAYS.register("{name}", paper="Authors, year")
class {part}:
    """A power of what is left of the run: ``decay(t) = (1 - t/T)^p`` over its T steps.

    Args:
        power: p.
    """

    def __init__(self, power: float = 1.0):
        check(power > 0, "{part}.power", "be > 0", power)
        self.power = power

    def __call__(self, step: tf.Tensor, steps_per_epoch: int, epochs: int) -> tf.Tensor:
        """Returns the float32 factor of the rate at a step, int64 and counted from 0."""
        steps = max(epochs, 1) * steps_per_epoch
        done = tf.minimum(tf.cast(step, tf.float64) / steps, 1.0)
        return tf.cast((1 - done) ** self.power, tf.float32)
'''
GIN = """# The learning rate falls by {name}: an overlay for any recipe and scale.
import plugins.{name}
Experiment.decay = '{name}'
{part}.power = 1.0
"""
