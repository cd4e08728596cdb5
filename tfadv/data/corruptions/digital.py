"""Digital changes of `tfadv.data.corruptions`: images are float32 [H, W, C] in 0..1."""

import numpy as np
import tensorflow as tf

from tfadv.data.augmentation import draw
from tfadv.data.corruptions.resampling import (
    along_sides,
    box_matrix,
    gaussian_matrix,
    mirrored,
    reflected,
    sampled,
)


def contrast(image: tf.Tensor, seed: tf.Tensor, factor: float) -> tf.Tensor:
    """Brings colours nearer to the image's mean colour m: ``m + factor·(x - m)``."""
    mean = tf.reduce_mean(image, [0, 1])
    return mean + factor * (image - mean)


def elastic_transform(
    image: tf.Tensor, seed: tf.Tensor, strength: float, smoothness: float, affine: float
) -> tf.Tensor:
    """Stretches the image as a whole and then locally (Simard et al., 2003).

    Args:
        image: the image.
        seed: of both.
        strength: of the local displacements, times the shorter side.
        smoothness: deviation of the Gaussian that smooths them, times the shorter side.
        affine: how far three points of the image may move along each axis,
            times the shorter side.
    """
    height, width = image.shape[:2]
    side = min(height, width)
    rows, columns = (place.astype(np.float32) for place in np.mgrid[:height, :width])
    places = np.stack([rows, columns, np.ones_like(rows)], -1)
    third = max(side // 3, 1)
    corners = np.array([[1, 1], [-1, 1], [-1, -1]]) * third + [height // 2, width // 2]
    corners = corners.astype(np.float32)
    moved = corners + draw(seed, "affine", (3, 2), -affine * side, affine * side, tf.float32)
    origin = tf.tensordot(places, tf.linalg.solve(_with_one(moved), corners), 1)
    image = sampled(image, origin[..., 0], origin[..., 1], mirrored)
    if not strength:
        return image
    shift = draw(seed, "local", (height, width, 2), -1, 1, tf.float32)
    smooth = [gaussian_matrix(size, smoothness * side, 3, reflected) for size in (height, width)]
    shift = strength * side * along_sides(shift, *smooth)
    return sampled(image, rows + shift[..., 0], columns + shift[..., 1], reflected)


def _with_one(points):
    return tf.concat([points, tf.ones([3, 1])], 1)


def pixelate(image: tf.Tensor, seed: tf.Tensor, scale: float) -> tf.Tensor:
    """Resizes to a share of the size and back, both by boxes."""
    sides = []
    for size in image.shape[:2]:
        fewer = max(1, int(size * scale))
        sides.append(box_matrix(size, fewer) @ box_matrix(fewer, size))
    return along_sides(image, *sides)


def jpeg_compression(image: tf.Tensor, seed: tf.Tensor, quality: int) -> tf.Tensor:
    """Rounds to whole pixels 0..255, writes a JPEG of a quality and reads it."""
    pixels = tf.cast(tf.round(image * 255), tf.uint8)
    encoded = tf.io.encode_jpeg(pixels, quality=quality)
    decoded = tf.io.decode_jpeg(encoded, image.shape[-1], dct_method="INTEGER_ACCURATE")
    return tf.cast(decoded, tf.float32) / 255
