"""Weather of `tfadv.data.corruptions`: images are float32 [H, W, C] in 0..1."""

import tensorflow as tf

from tfadv.data.augmentation import draw
from tfadv.data.corruptions.blur import smeared
from tfadv.data.corruptions.noise import normal
from tfadv.data.corruptions.resampling import along_sides, zoom_matrix
from tfadv.data.inception_crop import GREY


def snow(
    image: tf.Tensor,
    seed: tf.Tensor,
    mean: float,
    deviation: float,
    zoom: float,
    least: float,
    radius: int,
    blur: float,
    share: float,
) -> tf.Tensor:
    """Adds falling flakes and whitens what is between them.

    ``share·x + (1 - share)·max(x, 1.5·grey(x) + 0.5) + flakes + flakes turned by 180°``.

    Args:
        image: the image.
        seed: of the flakes and of their direction.
        mean: of the normal noise that flakes are made of.
        deviation: of the noise.
        zoom: magnifies the noise.
        least: smaller values of the noise are no flakes.
        radius: of the flakes' motion in pixels, see `smeared`.
        blur: deviation of the motion in pixels.
        share: of the image; the rest is the whitened one.
    """
    height, width, channels = image.shape
    noise = mean + deviation * normal(seed, "flakes", (height, width, 1))
    noise = along_sides(noise, zoom_matrix(height, zoom), zoom_matrix(width, zoom))
    flakes = tf.clip_by_value(tf.where(noise < least, 0.0, noise), 0.0, 1.0)
    flakes = smeared(flakes, radius, blur, draw(seed, "angle", (), -135, -45, tf.float32))
    grey = image if channels == 1 else tf.tensordot(image, GREY, 1)[..., None]
    whitened = tf.maximum(image, 1.5 * grey + 0.5)
    return share * image + (1 - share) * whitened + flakes + flakes[::-1, ::-1]


def fog(image: tf.Tensor, seed: tf.Tensor, thickness: float, decay: float) -> tf.Tensor:
    """Adds a plasma fractal and dims to the image's own maximum.

    ``(x + t·fractal) · max x/(max x + t)`` with t the thickness.

    Args:
        image: the image.
        seed: of the fractal.
        thickness: of the fog, against an image of 0..1.
        decay: of the fractal; large for smooth fog.
    """
    height, width = image.shape[:2]
    size = max(2, 1 << (max(height, width) - 1).bit_length())
    clouds = plasma_fractal(seed, size, decay)[:height, :width, None]
    largest = tf.reduce_max(image)
    return (image + thickness * clouds) * largest / (largest + thickness)


def plasma_fractal(seed: tf.Tensor, size: int, decay: float) -> tf.Tensor:
    """Returns a random height map that repeats at its edges, by the diamond-square algorithm.

    Args:
        seed: int64 [2].
        size: of a side, a power of two > 1.
        decay: the roughness falls by decay² each time the grid is halved.

    Returns:
        float32 [size, size] in 0..1 with both ends reached.
    """
    heights, roughness = tf.zeros([1, 1]), 1.0
    while (side := heights.shape[0]) < size:
        noise = roughness * draw(seed, f"plasma {side}", (3, side, side), -1, 1, tf.float32)
        below, right = tf.roll(heights, -1, 0), tf.roll(heights, -1, 1)
        centres = (heights + below + right + tf.roll(below, -1, 1)) / 4 + noise[0]
        across = (heights + right + centres + tf.roll(centres, 1, 0)) / 4 + noise[1]
        down = (heights + below + centres + tf.roll(centres, 1, 1)) / 4 + noise[2]
        rows = [tf.stack(pair, -1) for pair in ((heights, across), (down, centres))]
        heights = tf.reshape(tf.stack(rows, 1), [2 * side, 2 * side])
        roughness /= decay**2
    heights -= tf.reduce_min(heights)
    return heights / tf.reduce_max(heights)


def brightness(image: tf.Tensor, seed: tf.Tensor, shift: float) -> tf.Tensor:
    """Raises each colour's value (of hue, saturation and value): ``min(v + shift, 1)``."""
    value = tf.reduce_max(image, -1, keepdims=True)
    raised = tf.minimum(value + shift, 1.0)
    return tf.where(value > 0, tf.math.divide_no_nan(image * raised, value), raised)
