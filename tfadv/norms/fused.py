"""Normalization by moments over space, compiled for a CPU: as few passes over a map as it can be.

TensorFlow's own operations read and write a map of features about twenty times forward and
backward, several of them in float32 where it is bfloat16, and reduce it slowly.
"""

import dataclasses
import functools
import math
from collections.abc import Callable

import tensorflow as tf

from tfadv.devices.local import has_accelerator

# Features of an image from which on a call of compiled code pays.
_ENOUGH = 2048
# How many slices of a map are added up feature by feature, which a CPU does with whole vectors,
# before a sum over space is left to do.
_SLICES = 8


@dataclasses.dataclass(frozen=True)
class Sharing:
    """What shares moments, beside all of a map's space.

    Attributes:
        groups: of neighbouring channels; as many as channels for each its own.
        parts: of the batch: image i is in part i mod `parts`; as many as images for each its own.
        epsilon: added to the variance.
        relu: whether a ReLU follows γ and β.
    """

    groups: int
    parts: int
    epsilon: float
    relu: bool

    def pooled(self, values: tf.Tensor) -> tf.Tensor:
        """Averages [N, C] over what shares them; returns [N, C]."""
        images, channels = values.shape
        split = (images // self.parts, self.parts, self.groups, channels // self.groups)
        means = tf.reduce_mean(tf.reshape(values, split), [0, 3], keepdims=True)
        return tf.reshape(tf.broadcast_to(means, split), values.shape)


def pays(x: tf.Tensor) -> bool:
    """Returns whether `normalized` is faster than TensorFlow's own operations.

    It is on a CPU where the shape is known and an image's map not tiny; how many images there
    are makes no difference, so that replicas and micro-batches don't either.
    """
    if has_accelerator() or not x.shape.is_fully_defined():
        return False
    return x.shape[0] > 0 and math.prod(x.shape[1:]) >= _ENOUGH


def normalized(
    x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, sharing: Sharing
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns ``γ·(x - μ) / √(σ² + ε) + β``, μ and σ² the moments that `sharing` says.

    Args:
        x: float32 or bfloat16 [N, H, W, C], of a known shape. Arithmetic is float32.
        gamma: float32 [C].
        beta: float32 [C].
        sharing: what shares moments.

    Returns:
        The output, of the dtype of `x`; μ and the biased σ², float32 [N, C], for which no
        gradient is known.
    """
    shape = x.shape
    images, channels = shape[0], shape[-1]

    @tf.custom_gradient
    def compute(x, gamma, beta):
        maps = tf.reshape(x, [images, -1, channels])
        y, mean, variance = _compiled(_forward, sharing, maps.shape, x.dtype)(maps, gamma, beta)

        def gradient(dy, *_):
            backward = _compiled(_backward, sharing, maps.shape, x.dtype)
            dy = tf.reshape(dy, maps.shape)
            dx, *others = backward(dy, maps, gamma, beta, mean, variance)
            return tf.reshape(dx, shape), *others

        return (tf.reshape(y, shape), mean, variance), gradient

    return compute(x, gamma, beta)


@functools.cache
def _compiled(function: Callable, sharing: Sharing, *_: object) -> tf.types.experimental.GenericFunction:
    """Returns a function for XLA, one for all places where maps are alike."""
    run = functools.partial(function, sharing)
    return tf.function(run, autograph=False, jit_compile=True)


def _forward(sharing, x, gamma, beta):
    size = x.shape[1]
    mean = sharing.pooled(_sum(lambda x: x, x) / size)
    centre = mean[:, None]
    variance = sharing.pooled(_sum(lambda x: tf.square(x - centre), x) / size)
    y = _affine(tf.cast(x, tf.float32), *_map(sharing, gamma, beta, mean, variance))
    y = tf.nn.relu(y) if sharing.relu else y
    return tf.cast(y, x.dtype), mean, variance


def _backward(sharing, dy, x, gamma, beta, mean, variance):
    size, centre = x.shape[1], mean[:, None]
    scale, offset = _map(sharing, gamma, beta, mean, variance)
    deviation = tf.math.rsqrt(variance + sharing.epsilon)

    def past_relu(dy, x):
        return tf.where(_affine(x, scale, offset) > 0, dy, 0) if sharing.relu else dy

    sums = _sum(past_relu, dy, x)
    products = _sum(lambda dy, x: past_relu(dy, x) * (x - centre), dy, x) * deviation
    of_mean = sharing.pooled(gamma * sums / size) * deviation
    of_variance = sharing.pooled(gamma * products / size) * tf.square(deviation)
    x32 = tf.cast(x, tf.float32)
    dx = past_relu(tf.cast(dy, tf.float32), x32) * scale[:, None] - of_mean[:, None]
    dx -= (x32 - centre) * of_variance[:, None]
    return tf.cast(dx, x.dtype), tf.reduce_sum(products, 0), tf.reduce_sum(sums, 0)


def _map(sharing, gamma, beta, mean, variance):
    """Returns scale and offset of each image's channels, [N, C]."""
    scale = gamma * tf.math.rsqrt(variance + sharing.epsilon)
    return scale, beta - mean * scale


def _affine(x, scale, offset):
    return x * scale[:, None] + offset[:, None]


def _sum(term: Callable[..., tf.Tensor], *maps: tf.Tensor) -> tf.Tensor:
    """Returns the sum over space of what `term` makes of float32 maps; float32 [N, C]."""
    count = max(c for c in range(1, _SLICES + 1) if maps[0].shape[1] % c == 0)
    slices = zip(*(tf.split(m, count, axis=1) for m in maps), strict=True)
    terms = (term(*(tf.cast(part, tf.float32) for part in parts)) for parts in slices)
    return tf.reduce_sum(functools.reduce(tf.add, terms), 1)
