"""Layer normalization over channels (Ba et al., 2016), as transformers and ConvNeXt have it."""

import keras
import tensorflow as tf

from tfadv.errors import check
from tfadv.norms.base import Norm
from tfadv.norms.mode import NormMode
from tfadv.registry import NORMS


@NORMS.register("layer_norm", paper="Ba et al., 2016")
class LayerNorm(Norm):
    """Layer norm: moments over the channels of each position, or each token, by itself.

    ``y = γ·(x - μ) / √(σ² + ε) + β``, μ and σ² of one position's channels; γ and β per
    channel. Nothing depends on the batch or on other positions.

    Args:
        epsilon: added to the variance.
        gamma_initializer: initializer of γ.
        name: the layer's name.
    """

    def __init__(
        self, epsilon: float = 1e-6, gamma_initializer: str = "ones", name: str | None = None
    ):
        super().__init__(gamma_initializer, name)
        check(epsilon > 0, "LayerNorm.epsilon", "be > 0", epsilon)
        self.epsilon = epsilon

    def normalize(self, x: tf.Tensor, mode: NormMode) -> tf.Tensor:
        """Normalizes each position; the mode changes nothing. See `Norm.normalize`."""
        mean, variance = tf.nn.moments(x, [-1], keepdims=True)
        return (x - mean) * tf.math.rsqrt(variance + self.epsilon)

    def stock_layer(self, branch: str | None = None):
        """Returns Keras' layer normalization; see `Norm.stock_layer`."""
        return keras.layers.LayerNormalization(epsilon=self.epsilon), [self.gamma, self.beta]
