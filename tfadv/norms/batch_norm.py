"""Batch normalization (Ioffe & Szegedy, 2015)."""

import keras
import tensorflow as tf

from tfadv.errors import check
from tfadv.norms.base import INFERENCE, Norm, NormMode
from tfadv.registry import NORMS


@keras.saving.register_keras_serializable("tfadv")
@NORMS.register("batch_norm")
class BatchNorm(Norm):
    """Batch norm: moments over batch and space, and running averages of them.

    The defaults are the released pipeline's, not Keras' (0.99 and 1e-3). The
    running variance averages the biased batch variance, as Keras' layer does.
    On several replicas each uses the moments of its own images, and the
    running statistics are averaged over the replicas at each update.

    Args:
        momentum: weight of the old running value in an update.
        epsilon: added to the variance.
        gamma_initializer: initializer of γ.
        name: the layer's name.
    """

    def __init__(
        self,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        gamma_initializer: str = "ones",
        name: str | None = None,
    ):
        super().__init__(gamma_initializer, name)
        check(0 <= momentum <= 1, "BatchNorm.momentum", "be in 0..1", momentum)
        check(epsilon > 0, "BatchNorm.epsilon", "be > 0", epsilon)
        self.momentum = momentum
        self.epsilon = epsilon

    def build(self, input_shape):
        """Makes γ, β and the running mean and variance, float32 [C]."""
        super().build(input_shape)
        self.moving_mean = self._statistic(input_shape[-1], "zeros", "moving_mean")
        self.moving_variance = self._statistic(input_shape[-1], "ones", "moving_variance")

    def _statistic(self, channels, initializer, name):
        return self.add_weight(
            (channels,), initializer, trainable=False, aggregation="mean", name=name
        )

    def affine(self, mode: NormMode):
        """Returns the map by the running statistics, None with those of the batch."""
        if mode.statistics == "batch":
            return None
        scale = self.gamma * tf.math.rsqrt(self.moving_variance + self.epsilon)
        return scale, self.beta - self.moving_mean * scale

    def call(self, x: tf.Tensor, mode: NormMode = INFERENCE) -> tf.Tensor:
        """Normalizes `x` [N, H, W, C]; writes the running statistics if asked."""
        if mode.statistics == "running":
            return super().call(x, mode)
        y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=tf.convert_to_tensor(self.gamma),
            offset=tf.convert_to_tensor(self.beta),
            mean=tf.zeros([0]),
            variance=tf.zeros([0]),
            epsilon=self.epsilon,
            is_training=True,
        )
        if mode.update:
            count = tf.cast(tf.size(x) // tf.shape(x)[-1], tf.float32)
            # The fused kernel returns the unbiased variance, n / (n - 1) too much.
            self._update(self.moving_mean, mean)
            self._update(self.moving_variance, variance * (count - 1) / count)
        return y

    def _update(self, running, batch):
        running.assign(running * self.momentum + tf.stop_gradient(batch) * (1 - self.momentum))

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {"momentum": self.momentum, "epsilon": self.epsilon}
