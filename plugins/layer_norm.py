"""Layer normalization as a plugin: `import plugins.layer_norm` in a gin file.

The paper leaves batch-unrelated norms other than GN as future work (section 4.2).
"""

import tensorflow as tf

from tfadv.errors import check
from tfadv.norms.base import Norm, NormMode
from tfadv.registry import NORMS


@NORMS.register("layer_norm")
class LayerNorm(Norm):
    """Layer norm (Ba et al., 2016): moments over space and all channels of an image.

    Args:
        epsilon: added to the variance.
        gamma_initializer: initializer of γ.
        name: the layer's name.
    """

    def __init__(
        self, epsilon: float = 1e-5, gamma_initializer: str = "ones", name: str | None = None
    ):
        super().__init__(gamma_initializer, name)
        check(epsilon > 0, "LayerNorm.epsilon", "be > 0", epsilon)
        self.epsilon = epsilon

    def normalize(self, x: tf.Tensor, mode: NormMode) -> tf.Tensor:
        """Returns float32 `x` [N, H, W, C] with mean 0 and variance 1 in each image."""
        mean, variance = tf.nn.moments(x, [1, 2, 3], keepdims=True)
        return (x - mean) * tf.math.rsqrt(variance + self.epsilon)

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {"epsilon": self.epsilon}
