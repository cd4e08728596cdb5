"""EvoNorm-S0, a normalization and activation in one layer, as a plugin."""

import tensorflow as tf

from tfadv.norms.base import Norm, NormMode
from tfadv.norms.group_norm import GroupNorm, group_moments
from tfadv.registry import NORMS


@NORMS.register("evonorm_s0", paper="Liu et al., 2020")
class EvoNormS0(GroupNorm):
    """EvoNorm-S0: ``x·σ(v·x) / std·γ + β`` with the deviation of each group of channels.

    Where no nonlinearity follows, it is ``x·γ + β``, as in the authors' ResNets.
    The ReLU after a residual sum stays the network's.

    Args:
        groups: number of channel groups; see `GroupNorm`.
        epsilon: added to the variance.
        gamma_initializer: initializer of γ.
        name: the layer's name.
    """

    activates = True
    stock_layer = Norm.stock_layer  # Keras has none like it

    def build(self, input_shape):
        """Makes γ, β and, where a nonlinearity follows, v, float32 [C]."""
        super().build(input_shape)
        if self.activated:
            self.v = self.add_weight((input_shape[-1],), "ones", name="v")

    def transform(self, x: tf.Tensor, mode: NormMode):
        """Normalizes each image alone; the mode changes nothing. See `Norm.transform`."""
        if not self.activated:
            return x * self.gamma + self.beta, None
        _, variance = group_moments(x, self.groups_of(x.shape[-1]))
        y = x * tf.sigmoid(self.v * x) * tf.math.rsqrt(variance + self.epsilon)
        return y * self.gamma + self.beta, None
