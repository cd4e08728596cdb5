"""Operations on one image, as Pillow has them: those that policies of augmentation draw from.

All take and return float32 [H, W, 3] in 0..255. They agree with Pillow's on whole pixels to less
than one level (`ImageOps`, `ImageEnhance`, `Image.transform` to the nearest pixel); the
fractions, which Pillow drops, stay. Of Keras' layers of these names, `Equalization`,
`RandomBrightness` and `RandomContrast` do something else, and all draw from
generators that keep a state.
"""

import tensorflow as tf

from tfadv.pixels import PIXEL_RANGE

LEVELS = 256
# Pillow's SMOOTH filter.
_SMOOTH = ((1, 1, 1), (1, 5, 1), (1, 1, 1))


def autocontrast(image: tf.Tensor) -> tf.Tensor:
    """Stretches each channel so that its darkest pixel is 0 and its brightest 255."""
    low, high = tf.reduce_min(image, [0, 1]), tf.reduce_max(image, [0, 1])
    stretched = (image - low) * (PIXEL_RANGE[1] / tf.maximum(high - low, 1e-6))
    return tf.where(high > low, tf.clip_by_value(stretched, *PIXEL_RANGE), image)


def equalize(image: tf.Tensor) -> tf.Tensor:
    """Makes the histogram of each channel as flat as a map of its levels can."""
    levels = tf.cast(tf.round(image), tf.int32)

    def of_channel(channel: tf.Tensor) -> tf.Tensor:
        counts = tf.math.bincount(channel, minlength=LEVELS, maxlength=LEVELS)
        last = counts[tf.reduce_max(channel)]
        step = (tf.size(channel) - last) // (LEVELS - 1)
        to = (tf.cumsum(counts, exclusive=True) + step // 2) // tf.maximum(step, 1)
        mapped = tf.gather(tf.minimum(to, LEVELS - 1), channel)
        return tf.where(step > 0, mapped, channel)

    channels = [of_channel(channel) for channel in tf.unstack(levels, axis=-1)]
    return tf.cast(tf.stack(channels, -1), tf.float32)


def posterize(image: tf.Tensor, bits: tf.Tensor) -> tf.Tensor:
    """Keeps the highest bits of each pixel, int32 in 1..8."""
    step = tf.cast(tf.bitwise.left_shift(1, 8 - bits), tf.float32)
    return tf.floor(image / step) * step


def solarize(image: tf.Tensor, threshold: tf.Tensor) -> tf.Tensor:
    """Inverts the pixels that are not below a threshold in 0..256."""
    return tf.where(image < threshold, image, PIXEL_RANGE[1] - image)


def brightness(image: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Blends with black, which a factor of 0 returns."""
    return _blended(tf.zeros_like(image), image, factor)


def contrast(image: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Blends with the mean grey of the image."""
    mean = tf.round(tf.reduce_mean(tf.image.rgb_to_grayscale(image)))
    return _blended(tf.fill(tf.shape(image), mean), image, factor)


def color(image: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Blends with the image in grey."""
    return _blended(tf.image.rgb_to_grayscale(image), image, factor)


def sharpness(image: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Blends with the smoothed image, whose outermost pixels are the image's."""
    kernel = tf.constant(_SMOOTH, tf.float32) / 13
    kernel = tf.tile(kernel[..., tf.newaxis, tf.newaxis], [1, 1, image.shape[-1], 1])
    smooth = tf.nn.depthwise_conv2d(image[tf.newaxis], kernel, [1, 1, 1, 1], "VALID")[0]
    inner = tf.pad(tf.ones_like(smooth, tf.bool), [[1, 1], [1, 1], [0, 0]])
    smooth = tf.where(inner, tf.pad(smooth, [[1, 1], [1, 1], [0, 0]]), image)
    return _blended(smooth, image, factor)


def shear(image: tf.Tensor, along_rows: tf.Tensor, along_columns: tf.Tensor, fill: float):
    """Moves each row, or column, by its distance from the first one times a factor."""
    return _moved(image, (1.0, along_rows, 0.0, along_columns, 1.0, 0.0), fill)


def translate(image: tf.Tensor, right: tf.Tensor, down: tf.Tensor, fill: float) -> tf.Tensor:
    """Takes each pixel from so many columns further right and rows further down."""
    return _moved(image, (1.0, 0.0, right, 0.0, 1.0, down), fill)


def rotate(image: tf.Tensor, degrees: tf.Tensor, fill: float) -> tf.Tensor:
    """Turns about the centre, counterclockwise."""
    angle = -degrees * (3.141592653589793 / 180)
    cos, sin = tf.cos(angle), tf.sin(angle)
    y, x = tf.unstack(tf.cast(tf.shape(image)[:2], tf.float32) / 2)
    matrix = (cos, sin, x - cos * x - sin * y, -sin, cos, y + sin * x - cos * y)
    return _moved(image, matrix, fill)


def _blended(other, image, factor):
    return tf.clip_by_value(other + factor * (image - other), *PIXEL_RANGE)


def _moved(image, matrix, fill):
    """Returns the image of which pixel (x, y) is (a·x + b·y + c, d·x + e·y + f) of the given."""
    a, b, c, d, e, f = map(tf.convert_to_tensor, matrix)
    # Pillow's coordinates are those of pixels' corners, TensorFlow's of their centres.
    row = [a, b, c + (a + b - 1) / 2, d, e, f + (d + e - 1) / 2, 0.0, 0.0]
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=image[tf.newaxis],
        transforms=tf.stack(row)[tf.newaxis],
        output_shape=tf.shape(image)[:2],
        fill_value=fill,
        interpolation="NEAREST",
        fill_mode="CONSTANT",
    )
    return tf.ensure_shape(moved[0], image.shape)
