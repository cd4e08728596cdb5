"""Group normalization (Wu & He, 2018)."""

import math

import keras
import tensorflow as tf

from tfadv.errors import check
from tfadv.norms import fused
from tfadv.norms.base import Norm
from tfadv.norms.mode import NormMode
from tfadv.registry import NORMS


@NORMS.register("group_norm", paper="Wu & He, 2018")
class GroupNorm(Norm):
    """Group norm: moments over space and a group of channels, image by image.

    ``y = γ·(x - μ) / √(σ² + ε) + β``, μ and σ² of each image's group; γ and β per
    channel. Nothing depends on the batch, so training and inference are the same.

    It is the paper's batch-unrelated alternative (section 4.2). The number of
    groups is not given there; 32 is Wu & He's. A layer with fewer channels, or
    a number that 32 does not divide, takes the largest common divisor.

    Args:
        groups: number of channel groups.
        epsilon: added to the variance.
        gamma_initializer: initializer of γ.
        name: the layer's name.
    """

    def __init__(
        self,
        groups: int = 32,
        epsilon: float = 1e-5,
        gamma_initializer: str = "ones",
        name: str | None = None,
    ):
        super().__init__(gamma_initializer, name)
        check(groups >= 1, "GroupNorm.groups", "be >= 1", groups)
        check(epsilon > 0, "GroupNorm.epsilon", "be > 0", epsilon)
        self.groups = groups
        self.epsilon = epsilon

    def transform(self, x: tf.Tensor, mode: NormMode):
        """Normalizes each image in each group; the mode changes nothing. See `Norm.transform`."""
        mean, variance = group_moments(x, self.groups_of(x.shape[-1]))
        scale = self.gamma * tf.math.rsqrt(variance + self.epsilon)
        return x * scale + (self.beta - mean * scale), None

    def takes_batch_inside(self, mode: NormMode) -> bool:
        """Returns whether maps are normalized by compiled code; see `Norm.takes_batch_inside`."""
        return self._is_fused

    def fused(self, x: tf.Tensor, mode: NormMode, relu: bool):
        """Does the same in fewer passes over a map; see `Norm.fused`."""
        if not fused.pays(x):
            return None
        gamma, beta = tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)
        groups = self.groups_of(x.shape[-1])
        return fused.normalized(x, gamma, beta, groups, None, self.epsilon, relu)[0], None

    def stock_layer(self, branch: str | None = None):
        """Returns Keras' group normalization; see `Norm.stock_layer`."""
        groups = self.groups_of(self.gamma.shape[0])
        layer = keras.layers.GroupNormalization(groups, epsilon=self.epsilon)
        return layer, [self.gamma, self.beta]

    def groups_of(self, channels: int) -> int:
        """Returns the number of groups of so many channels."""
        return math.gcd(self.groups, channels)


def group_moments(x: tf.Tensor, groups: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns each image's moments in each group, repeated for the group's channels.

    Space is reduced first and the few numbers left by groups: reducing a
    five-dimensional view at once is many times slower on a CPU.

    Args:
        x: float32 [N, H, W, C].
        groups: a divisor of C.

    Returns:
        Mean and (biased) variance, float32 [N, 1, 1, C].
    """
    mean = _over_groups(tf.reduce_mean(x, [1, 2]), groups)
    squares = tf.math.squared_difference(x, mean)
    return mean, _over_groups(tf.reduce_mean(squares, [1, 2]), groups)


def _over_groups(values: tf.Tensor, groups: int) -> tf.Tensor:
    """Averages [N, C] over each group of channels; returns [N, 1, 1, C]."""
    channels = values.shape[-1]
    means = tf.reduce_mean(tf.reshape(values, [-1, groups, channels // groups]), -1)
    return tf.repeat(means, channels // groups, axis=-1)[:, None, None, :]
