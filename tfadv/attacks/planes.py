"""Linear functions of images, and the shortest ways to where they are 0."""

from collections.abc import Callable

import tensorflow as tf

from tfadv.attacks.balls import LinfBall
from tfadv.attacks.gradients import with_input_gradient
from tfadv.attacks.objectives import difference
from tfadv.pixels import PIXEL_RANGE, LogitsFn

_FAR = 1e30


def nowhere(images: tf.Tensor) -> tf.Tensor:
    """Returns the distances of images of which nothing was found yet, float32 [N, 1, 1, 1]."""
    return tf.fill(tf.shape(images[:, :1, :1, :1]), _FAR)


def slope_towards(logits_fn: LogitsFn) -> Callable:
    """Returns the gradient and the value of ``z_t - z_y``, of images, labels y and targets t."""
    return with_input_gradient(lambda x, y, t: (difference(logits_fn(x), y, t), ()))


def to_plane(kind: type, x: tf.Tensor, value: tf.Tensor, normal: tf.Tensor) -> tf.Tensor:
    """Returns the shortest moves, within 0..255, to where linear functions are 0.

    ``argmin ‖δ‖ such that value + ⟨normal, δ⟩ = 0 and 0 ≤ x + δ ≤ 255``. A pixel goes along
    `kind`'s steepest direction until its range ends. What the function loses by that is
    concave and piecewise linear in the length of the move, so Newton's method climbs to
    the solution from 0 and is exact as soon as no further pixel reaches its end. Where 0
    is out of reach, every pixel goes to its end.

    Args:
        kind: of `BALLS`, whose size the moves are the shortest in.
        x: float32 [..., N, H, W, C] in 0..255.
        value: float32 [..., N, 1, 1, 1], the functions at `x`.
        normal: float32 [N, H, W, C], their gradients; 0 moves nothing.
    """
    low, high = PIXEL_RANGE
    scale = LinfBall.size(normal)
    direction = -tf.sign(value) * kind.steepest(normal)
    room = tf.where(direction > 0, high - x, x - low)
    speed, slope = tf.abs(direction), tf.math.divide_no_nan(tf.abs(normal), scale)
    wanted = tf.math.divide_no_nan(tf.abs(value), scale)

    def newton(length, _):
        free = length * speed < room
        lost = total(tf.where(free, 0.0, slope * room))
        rate = total(tf.where(free, slope * speed, 0.0))
        longer = tf.math.divide_no_nan(wanted - lost, rate)
        longer = tf.clip_by_value(longer, length, _FAR)
        return longer, longer > length

    start = tf.zeros_like(value)
    length, _ = tf.while_loop(
        lambda _, grew: tf.reduce_any(grew),
        newton,
        (start, tf.ones_like(start, tf.bool)),
        parallel_iterations=1,
    )
    return tf.clip_by_value(length * direction, low - x, high - x)


def total(terms: tf.Tensor) -> tf.Tensor:
    """Returns the sum over each image, [..., N, 1, 1, 1]."""
    return tf.reduce_sum(terms, [-3, -2, -1], keepdims=True)
