"""Batch normalization (Ioffe & Szegedy, 2015)."""

import keras
import tensorflow as tf

from tfadv.devices.custom_gradients import all_reduce
from tfadv.errors import check
from tfadv.norms import fused
from tfadv.norms.base import Collected, Norm, averaged
from tfadv.norms.mode import NormMode
from tfadv.registry import NORMS


@NORMS.register("batch_norm", paper="Ioffe & Szegedy, 2015")
class BatchNorm(Norm):
    """Batch norm: moments over batch and space, and running averages of them.

    ``y = γ·(x - μ) / √(σ² + ε) + β`` per channel. In training μ and σ² are the moments
    of the batch, and each update moves the running ones: ``r ← m·r + (1 - m)·batch``,
    m the momentum. In inference they are the running ones, and the norm is the fixed
    map ``x·s + (β - r_μ·s)``, ``s = γ / √(r_σ² + ε)``.

    The defaults are the released pipeline's, not Keras' (0.99 and 1e-3).

    Args:
        momentum: weight of the old running value in an update.
        epsilon: added to the variance.
        unbiased_variance: whether the running variance averages n / (n - 1) of
            the batch variance, as TensorFlow 1's layer did, or, as Keras' does,
            the batch variance itself.
        gamma_initializer: initializer of γ.
        name: the layer's name.
    """

    def __init__(
        self,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        unbiased_variance: bool = False,
        gamma_initializer: str = "ones",
        name: str | None = None,
    ):
        super().__init__(gamma_initializer, name)
        check(0 <= momentum <= 1, "BatchNorm.momentum", "be in 0..1", momentum)
        check(epsilon > 0, "BatchNorm.epsilon", "be > 0", epsilon)
        self.momentum = momentum
        self.epsilon = epsilon
        self.unbiased_variance = unbiased_variance

    def build(self, input_shape):
        """Makes γ, β and the running mean and variance, float32 [C]."""
        super().build(input_shape)
        self.moving_mean = self._statistic(input_shape[-1], "zeros", "moving_mean")
        self.moving_variance = self._statistic(input_shape[-1], "ones", "moving_variance")

    def _statistic(self, channels, initializer, name):
        # Each replica has its own; `write_statistics` says what they share.
        return self.add_weight((channels,), initializer, trainable=False, name=name)

    def start_from(self, gamma, beta, moments):
        """Takes over γ, β and the running statistics; see `Norm.start_from`."""
        super().start_from(gamma, beta, moments)
        if moments is not None:
            for variable, value in zip(
                (self.moving_mean, self.moving_variance), moments, strict=True
            ):
                variable.assign(value)

    def affine(self, mode: NormMode):
        """Returns the map by the running statistics, None with those of the batch."""
        if mode.statistics == "batch":
            return None
        scale = self.gamma * tf.math.rsqrt(self.moving_variance + self.epsilon)
        return scale, self.beta - self.moving_mean * scale

    def transform(self, x: tf.Tensor, mode: NormMode):
        """Normalizes by the batch's moments; see `Norm.transform`."""
        whole = mode.ghost_batches == 1 and mode.across_replicas != "sync"
        y, mean, variance = self._fused(x) if whole else self._by_parts(x, mode)
        return y, self._statistics(x, mode, mean, variance)

    def fused(self, x: tf.Tensor, mode: NormMode, relu: bool):
        """Does the same in fewer passes over a map; see `Norm.fused`.

        Whole batches in float32 are left to TensorFlow's own kernel.
        """
        whole = mode.ghost_batches == 1 and x.dtype == tf.float32
        if whole or mode.across_replicas == "sync" or not fused.pays(x):
            return None
        gamma, beta = tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)
        y, *moments = fused.normalized(
            x, gamma, beta, x.shape[-1], mode.ghost_batches, self.epsilon, relu
        )
        return y, self._statistics(x, mode, *(tf.reduce_mean(moment, 0) for moment in moments))

    def _statistics(self, x, mode, mean, variance):
        """Returns what running averages are of, of the moments [C] of the batch `x`."""
        if self.unbiased_variance:
            count = tf.cast(tf.size(x) // x.shape[-1] // mode.ghost_batches, tf.float32)
            if mode.across_replicas == "sync":
                count *= tf.distribute.get_replica_context().num_replicas_in_sync
            variance *= count / (count - 1)
        return mean, variance

    def _fused(self, x):
        y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=tf.convert_to_tensor(self.gamma),
            offset=tf.convert_to_tensor(self.beta),
            mean=tf.zeros([0]),
            variance=tf.zeros([0]),
            epsilon=self.epsilon,
            is_training=True,
        )
        count = tf.cast(tf.size(x) // x.shape[-1], tf.float32)
        # The fused kernel returns the unbiased variance, n / (n - 1) too much.
        return y, mean, variance * (count - 1) / count

    def _by_parts(self, x, mode):
        # Space first, then the few numbers left: reducing a five-dimensional
        # view at once is many times slower on a CPU.
        mean = _over_parts(tf.reduce_mean(x, [1, 2]), mode)
        squares = tf.math.squared_difference(x, _for_images(mean, x))
        variance = _over_parts(tf.reduce_mean(squares, [1, 2]), mode)
        scale = self.gamma * tf.math.rsqrt(variance + self.epsilon)
        offset = self.beta - mean * scale
        y = x * _for_images(scale, x) + _for_images(offset, x)
        return y, tf.reduce_mean(mean, 0), tf.reduce_mean(variance, 0)

    def running_statistics(self, branch: str | None = None):
        """Returns the running mean and variance; see `Norm.running_statistics`."""
        return tf.convert_to_tensor(self.moving_mean), tf.convert_to_tensor(self.moving_variance)

    def batch_statistics(self, collected: Collected, branch: str | None = None):
        """Returns the moments of the batch; see `Norm.batch_statistics`."""
        return averaged(collected[self.path]) if self.path in collected else None

    def stock_layer(self, branch: str | None = None):
        """Returns Keras' batch normalization; see `Norm.stock_layer`."""
        layer = keras.layers.BatchNormalization(momentum=self.momentum, epsilon=self.epsilon)
        return layer, [self.gamma, self.beta, self.moving_mean, self.moving_variance]

    def updates(self, statistics):
        """Returns the running mean and variance with the values of a step's moments in."""
        running = (self.moving_mean, self.moving_variance)
        return [
            (old, old * self.momentum + new * (1 - self.momentum))
            for old, new in zip(running, statistics, strict=True)
        ]


def _over_parts(values: tf.Tensor, mode: NormMode) -> tf.Tensor:
    """Averages [N, C] over each ghost batch, and over the replicas in sync; returns [parts, C]."""
    parts = tf.reshape(values, [-1, mode.ghost_batches, values.shape[-1]])
    means = tf.reduce_mean(parts, 0)
    if mode.across_replicas == "sync":
        return all_reduce(tf.distribute.ReduceOp.MEAN, means)
    return means


def _for_images(values: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """Repeats [parts, C] for the images of `x`; returns [N, 1, 1, C]."""
    times = tf.shape(x)[0] // values.shape[0]
    return tf.tile(values, [times, 1])[:, None, None, :]
