"""Linear maps along an image's sides, and values between its pixels."""

import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf


def clamped(place, size: int):
    """Returns the pixels that stand for places off a side: its ends."""
    return np.clip(place, 0, size - 1)


def mirrored(place, size: int):
    """Returns the pixels that stand for places off a side: c b | a b c | b a.

    Args:
        place: integers, an array or a tensor.
        size: pixels of the side.
    """
    return size - 1 - abs(place % max(2 * size - 2, 1) - (size - 1))


def reflected(place, size: int):
    """Returns the pixels that stand for places off a side: b a | a b c | c b; see `mirrored`."""
    return (2 * size - 1 - abs(2 * (place % (2 * size)) - (2 * size - 1))) // 2


def along_sides(image: tf.Tensor, rows: np.ndarray, columns: np.ndarray) -> tf.Tensor:
    """Applies a linear map to each column and another to each row.

    Args:
        image: float32 [H, W, C].
        rows: [h, H], what the new rows are made of.
        columns: [w, W], what the new columns are made of.

    Returns:
        float32 [h, w, C].
    """
    image = tf.einsum("ij,jkc->ikc", tf.constant(rows, tf.float32), image)
    return tf.einsum("ikc,lk->ilc", image, tf.constant(columns, tf.float32))


def gaussian_matrix(
    size: int, deviation: float, truncate: float, border: Callable[..., np.ndarray]
) -> np.ndarray:
    """Returns the matrix [size, size] that blurs a side by a Gaussian.

    Args:
        size: pixels of the side.
        deviation: of the Gaussian in pixels; 0 for none.
        truncate: where it ends, in deviations.
        border: what stands for places off the side, such as `mirrored`.
    """
    radius = int(truncate * deviation + 0.5)
    if not radius:
        return np.eye(size)
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (offsets / deviation) ** 2)
    matrix, own = np.zeros((size, size)), np.arange(size)[:, None]
    np.add.at(matrix, (own, border(own + offsets, size)), weights / weights.sum())
    return matrix


def zoom_matrix(size: int, factor: float) -> np.ndarray:
    """Returns the matrix [size, size] that magnifies a side's middle by a factor >= 1."""
    crop = math.ceil(size / factor)
    zoomed = round(crop * factor)
    in_crop = (np.arange(size) + (zoomed - size) // 2) * (crop - 1) / max(zoomed - 1, 1)
    place = (size - crop) // 2 + in_crop
    lower = np.floor(place).astype(int)
    matrix, own = np.zeros((size, size)), np.arange(size)
    np.add.at(matrix, (own, lower), 1 - (place - lower))
    np.add.at(matrix, (own, clamped(lower + 1, size)), place - lower)
    return matrix


def box_matrix(new_size: int, size: int) -> np.ndarray:
    """Returns the matrix [new_size, size] of Pillow's ``Image.Resampling.BOX``."""
    scale = size / new_size
    middle = (np.arange(new_size)[:, None] + 0.5) * scale
    half = max(scale, 1.0) / 2
    first, end = (middle - half + 0.5).astype(int), (middle + half + 0.5).astype(int)
    pixel = np.arange(size)
    inside = (pixel >= first) & (pixel < end)
    return inside / inside.sum(1, keepdims=True)


def sampled(
    image: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor, border: Callable[..., tf.Tensor]
) -> tf.Tensor:
    """Returns an image's values at any places, by bilinear interpolation.

    Args:
        image: float32 [H, W, C].
        rows: float32 [h, w], in pixels.
        columns: float32 [h, w], in pixels.
        border: what stands for places off a side, such as `mirrored`.

    Returns:
        float32 [h, w, C].
    """
    top, left = tf.floor(rows), tf.floor(columns)
    below, right = (rows - top)[..., None], (columns - left)[..., None]
    top, left = tf.cast(top, tf.int32), tf.cast(left, tf.int32)

    def at(row, column):
        place = [border(row, image.shape[0]), border(column, image.shape[1])]
        return tf.gather_nd(image, tf.stack(place, -1))

    upper = at(top, left) * (1 - right) + at(top, left + 1) * right
    lower = at(top + 1, left) * (1 - right) + at(top + 1, left + 1) * right
    return upper * (1 - below) + lower * below
