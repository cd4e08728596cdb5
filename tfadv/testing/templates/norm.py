"""A normalization to start from."""

PLUGIN = '''"""{part} as a plugin: `import plugins.{name}` in a gin file."""

import tensorflow as tf

from tfadv.norms.base import Norm, NormMode
from tfadv.registry import NORMS


@NORMS.register("{name}", paper="Authors, year")
class {part}(Norm):
    """Divides each image by its root mean square.

    Args:
        epsilon: added to the mean square.
        gamma_initializer: initializer of γ.
        name: the layer's name.
    """

    def __init__(
        self, epsilon: float = 1e-5, gamma_initializer: str = "ones", name: str | None = None
    ):
        super().__init__(gamma_initializer, name)
        self.epsilon = epsilon

    def normalize(self, x: tf.Tensor, mode: NormMode) -> tf.Tensor:
        """Returns float32 `x` [N, H, W, C] normalized; γ and β follow."""
        mean_square = tf.reduce_mean(tf.square(x), [1, 2, 3], keepdims=True)
        return x * tf.math.rsqrt(mean_square + self.epsilon)
'''
GIN = """# 100% adv + 100% clean with {name}.
import plugins.{name}
include 'gin/gn.gin'
Experiment.norm = '{name}'
{part}.epsilon = 1e-5
"""
