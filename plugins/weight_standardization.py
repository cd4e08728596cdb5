"""Group norm on standardized weights, as a plugin."""

import tensorflow as tf

from tfadv.norms.group_norm import GroupNorm
from tfadv.registry import NORMS


@NORMS.register("weight_standardized_group_norm", paper="Qiao et al., 2019")
class WeightStandardizedGroupNorm(GroupNorm):
    """GN + WS: the convolution's kernel has mean 0 and variance 1 for each output channel.

    Args:
        groups: number of channel groups; see `GroupNorm`.
        epsilon: added to the variances.
        gamma_initializer: initializer of γ.
        name: the layer's name.
    """

    def prepare_kernel(self, kernel: tf.Tensor) -> tf.Tensor:
        """Returns the kernel [height, width, in, out] standardized; gradients go through."""
        mean, variance = tf.nn.moments(kernel, [0, 1, 2])
        return (kernel - mean) * tf.math.rsqrt(variance + self.epsilon)
