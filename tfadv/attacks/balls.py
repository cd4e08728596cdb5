"""The sets that attacks stay in: a ball around each image, within the pixel range."""

import math

import tensorflow as tf

from tfadv import randomness
from tfadv.pixels import PIXEL_RANGE

_TINY = 1e-12


class LinfBall:
    """Images whose every pixel is within ε of the original's: ``‖x′ - x‖_∞ ≤ ε``.

    ``Π(x′) = min(max(x′, x - ε, 0), x + ε, 255)``; the steepest direction is ``sign(g)``.

    Args:
        images: float32 [N, H, W, C] in 0..255, the centres.
        epsilon: the radius in pixels.
    """

    def __init__(self, images: tf.Tensor, epsilon: float):
        self._low = tf.maximum(images - epsilon, PIXEL_RANGE[0])
        self._high = tf.minimum(images + epsilon, PIXEL_RANGE[1])

    def project(self, x: tf.Tensor) -> tf.Tensor:
        """Returns the nearest point of the ball in the pixel range."""
        return tf.clip_by_value(x, self._low, self._high)

    @staticmethod
    def steepest(gradient: tf.Tensor) -> tf.Tensor:
        """Returns the direction of size 1 along which a linear function grows fastest."""
        return tf.sign(gradient)

    @staticmethod
    def size(difference: tf.Tensor) -> tf.Tensor:
        """Returns the largest absolute value of each image, [N, 1, 1, 1]."""
        return tf.reduce_max(tf.abs(difference), [1, 2, 3], keepdims=True)

    @staticmethod
    def noise(seeds: tf.Tensor, shape: tuple[int, ...], epsilon: float) -> tf.Tensor:
        """Draws uniformly from the ball around 0, ``[N, *shape]``."""
        return randomness.uniform(seeds, shape, -epsilon, epsilon)


class L2Ball:
    """Images whose Euclidean distance from the original is at most ε: ``‖x′ - x‖₂ ≤ ε``.

    ``Π(x′) = clip(x + d·min(1, ε/‖d‖₂), 0, 255)`` with ``d = x′ - x``; the steepest
    direction is ``g/‖g‖₂``.

    Args:
        images: float32 [N, H, W, C] in 0..255, the centres.
        epsilon: the radius in pixels: 127.5 is 0.5 in 0..1.
    """

    def __init__(self, images: tf.Tensor, epsilon: float):
        self._images = images
        self._epsilon = epsilon

    def project(self, x: tf.Tensor) -> tf.Tensor:
        """Returns `x` scaled back into the ball and clipped to the pixel range.

        Clipping moves each pixel towards the original's, so the result stays in the ball.
        """
        difference = x - self._images
        scale = tf.minimum(1.0, self._epsilon / (self.size(difference) + _TINY))
        return tf.clip_by_value(self._images + difference * scale, *PIXEL_RANGE)

    @staticmethod
    def steepest(gradient: tf.Tensor) -> tf.Tensor:
        """Returns the direction of size 1 along which a linear function grows fastest."""
        return tf.math.divide_no_nan(gradient, L2Ball.size(gradient))

    @staticmethod
    def size(difference: tf.Tensor) -> tf.Tensor:
        """Returns the Euclidean norm of each image, [N, 1, 1, 1].

        Scaled by the largest value first: squares of small gradients underflow.
        """
        largest = LinfBall.size(difference)
        scaled = tf.math.divide_no_nan(difference, largest)
        return largest * tf.sqrt(tf.reduce_sum(tf.square(scaled), [1, 2, 3], keepdims=True))

    @staticmethod
    def noise(seeds: tf.Tensor, shape: tuple[int, ...], epsilon: float) -> tf.Tensor:
        """Draws uniformly from the ball around 0: ``ε · U^(1/D) · n/‖n‖₂``, ``[N, *shape]``.

        n is normal, U uniform in [0, 1) and D the number of values of an image.
        """
        direction = L2Ball.steepest(randomness.normal(seeds, shape))
        radius_seeds = randomness.for_purpose(seeds, "radius")
        radius = randomness.uniform(radius_seeds, (1, 1, 1), 0.0, 1.0) ** (1 / math.prod(shape))
        return epsilon * radius * direction


BALLS = {"linf": LinfBall, "l2": L2Ball}


def surface_noise(kind: type, seeds: tf.Tensor, shape: tuple[int, ...]) -> tf.Tensor:
    """Draws from the surface of a ball of radius 1 around 0, ``[N, *shape]``."""
    noise = kind.noise(seeds, shape, 1.0)
    return tf.math.divide_no_nan(noise, kind.size(noise))
