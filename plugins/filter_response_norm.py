"""Filter response normalization with its thresholded linear unit, as a plugin."""

import tensorflow as tf

from tfadv.errors import check
from tfadv.norms.base import Norm, NormMode
from tfadv.registry import NORMS


@NORMS.register("filter_response_norm", paper="Singh & Krishnan, 2020")
class FilterResponseNorm(Norm):
    """FRN and TLU: each map by its own mean square, then ``max(γ·x + β, τ)``.

    The TLU takes the place of the ReLU that follows a norm; the ReLU after a
    residual sum, which the paper replaces too, stays the network's.

    Args:
        epsilon: added to the mean square (the paper's 1e-6; its learnt ε for
            maps of one pixel is left out).
        gamma_initializer: initializer of γ.
        name: the layer's name.
    """

    activates = True

    def __init__(
        self, epsilon: float = 1e-6, gamma_initializer: str = "ones", name: str | None = None
    ):
        super().__init__(gamma_initializer, name)
        check(epsilon > 0, "FilterResponseNorm.epsilon", "be > 0", epsilon)
        self.epsilon = epsilon

    def build(self, input_shape):
        """Makes γ, β and, where a nonlinearity follows, τ, float32 [C]."""
        super().build(input_shape)
        if self.activated:
            self.tau = self.add_weight((input_shape[-1],), "zeros", name="tau")

    def transform(self, x: tf.Tensor, mode: NormMode):
        """Normalizes each map alone; the mode changes nothing. See `Norm.transform`."""
        mean_square = tf.reduce_mean(tf.square(x), [1, 2], keepdims=True)
        y = x * tf.math.rsqrt(mean_square + self.epsilon) * self.gamma + self.beta
        return tf.maximum(y, self.tau) if self.activated else y, None
