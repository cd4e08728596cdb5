"""Blur of `tfadv.data.corruptions`: images are float32 [H, W, C] in 0..1, lengths in pixels."""

import math

import numpy as np
import tensorflow as tf

from tfadv.data.augmentation import draw
from tfadv.data.corruptions.resampling import (
    along_sides,
    clamped,
    gaussian_matrix,
    mirrored,
    zoom_matrix,
)


def defocus_blur(image: tf.Tensor, seed: tf.Tensor, radius: float, alias_blur: float) -> tf.Tensor:
    """Blurs by a disk, as a camera that is out of focus does.

    Args:
        image: the image.
        seed: not used.
        radius: of the disk.
        alias_blur: deviation of the Gaussian that softens the disk's edge.
    """
    kernel = disk(radius, alias_blur)
    margin = len(kernel) // 2
    for axis in (0, 1):
        size = image.shape[axis]
        image = tf.gather(image, mirrored(np.arange(-margin, size + margin), size), axis=axis)
    channels = tf.transpose(image, [2, 0, 1])[..., None]
    blurred = tf.nn.conv2d(channels, kernel[..., None, None], strides=1, padding="VALID")
    return tf.transpose(blurred[..., 0], [1, 2, 0])


def disk(radius: float, alias_blur: float) -> np.ndarray:
    """Returns the softened disk, float32 [2M+1, 2M+1] of sum 1."""
    reach = 1 if radius <= 8 else 2
    margin = int(radius) + reach
    place = np.arange(-margin, margin + 1)
    hard = place[:, None] ** 2 + place**2 <= radius**2
    soften = gaussian_matrix(len(place), alias_blur, reach / alias_blur, clamped)
    soft = soften @ hard @ soften.T
    return (soft / soft.sum()).astype(np.float32)


def glass_blur(
    image: tf.Tensor, seed: tf.Tensor, deviation: float, reach: int, rounds: int
) -> tf.Tensor:
    """Displaces pixels, as frosted glass does, with a Gaussian blur before and after.

    Args:
        image: the image.
        seed: of the displacements.
        deviation: of the Gaussian.
        reach: the farthest displacement.
        rounds: how often all pixels are displaced.
    """
    height, width = image.shape[:2]
    sides = [gaussian_matrix(size, deviation, 4, clamped) for size in (height, width)]
    image = along_sides(image, *sides)
    for number in range(rounds):
        shift = draw(seed, f"round {number}", (height, width, 2), -reach, reach, tf.int32)
        image = displaced(image, shift, reach)
    return along_sides(image, *sides)


def displaced(image: tf.Tensor, shift: tf.Tensor, reach: int) -> tf.Tensor:
    """Gives each pixel in turn, from the last to the first, the present value of another.

    The released code means to swap the two, but swaps NumPy views of them,
    which copies one. So it is here, for all pixels at once.

    Args:
        image: [H, W, C].
        shift: int32 [H, W, 2], rows and columns to the other pixel, in -reach..reach-1.
        reach: pixels so near an edge stay.
    """
    height, width, channels = image.shape
    total = height * width
    rows, columns = np.mgrid[:height, :width]
    moves = (rows > reach) & (rows <= height - reach)
    moves &= (columns > reach) & (columns <= width - reach)
    own = tf.range(total)
    other = own + tf.reshape(shift[..., 0] * width + shift[..., 1], [total])
    other = tf.where(moves.ravel(), other, own)
    # The other has moved before this one if it comes later and moves at all. A chain of such
    # ends at an original value, which has number + total; doubling finds all the ends.
    moved = (other > own) & tf.gather(moves.ravel(), other)
    link = tf.concat([tf.where(moved, other, other + total), own + total], 0)
    for _ in range(total.bit_length()):
        link = tf.gather(link, link)
    pixels = tf.reshape(image, [total, channels])
    return tf.reshape(tf.gather(pixels, link[:total] - total), image.shape)


def motion_blur(image: tf.Tensor, seed: tf.Tensor, radius: int, deviation: float) -> tf.Tensor:
    """Blurs along a line within 45 degrees of the rows, as a moving camera does."""
    return smeared(image, radius, deviation, draw(seed, "angle", (), -45, 45, tf.float32))


def smeared(image: tf.Tensor, radius: int, deviation: float, degrees: tf.Tensor) -> tf.Tensor:
    """Averages pixels along a line, as ImageMagick's motion blur does.

    Args:
        image: [H, W, C].
        radius: the line has 2 radius + 1 pixels, of which this one is the first.
        deviation: of the half Gaussian that weighs them.
        degrees: the line's angle, from right to down.
    """
    steps = np.arange(2 * radius + 1, dtype=np.float32)
    weights = np.exp(-0.5 * (steps / deviation) ** 2)
    angle = degrees * (math.pi / 180)

    def places(direction, size):
        offset = tf.cast(tf.math.ceil(steps * direction - 0.5), tf.int32)
        return tf.clip_by_value(offset[:, None] + np.arange(size, dtype=np.int32), 0, size - 1)

    rows = tf.gather(image, places(tf.sin(angle), image.shape[0]))
    columns = places(tf.cos(angle), image.shape[1])
    pixels = tf.gather(rows, columns, axis=2, batch_dims=1)
    return tf.tensordot(tf.constant(weights / weights.sum()), pixels, 1)


def zoom_blur(image: tf.Tensor, seed: tf.Tensor, stop: float, step: float) -> tf.Tensor:
    """Averages the image and its middle magnified by 1, 1 + step, … below `stop`."""
    factors = np.arange(1, stop, step)
    rows, columns = (
        np.stack([zoom_matrix(size, factor) for factor in factors]).astype(np.float32)
        for size in image.shape[:2]
    )
    zoomed = tf.einsum("zij,jkc->zikc", rows, image)
    zoomed = tf.einsum("zikc,zlk->ilc", zoomed, columns)
    return (image + zoomed) / (len(factors) + 1)
