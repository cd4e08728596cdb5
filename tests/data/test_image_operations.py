"""Operations on images against Pillow's."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance, ImageOps

from tfadv.data import image_operations as ops

PIXELS = (np.random.default_rng(0).uniform(0, 1, (24, 20, 3)) ** 2 * 190 + 20).astype(np.uint8)
PICTURE = Image.fromarray(PIXELS)
FACTORS = (0.1, 0.6, 1.0, 1.9)


def moved(coefficients):
    return PICTURE.transform(
        PICTURE.size, Image.Transform.AFFINE, coefficients, fillcolor=(128, 128, 128)
    )


def enhanced(kind):
    return [(f, getattr(ImageEnhance, kind)(PICTURE).enhance(f)) for f in FACTORS]


@pytest.mark.parametrize(
    ("operation", "cases"),
    [
        (ops.posterize, [(bits, ImageOps.posterize(PICTURE, bits)) for bits in (8, 6, 4, 1)]),
        (ops.solarize, [(float(t), ImageOps.solarize(PICTURE, t)) for t in (256, 100, 0)]),
        (ops.brightness, enhanced("Brightness")),
        (ops.contrast, enhanced("Contrast")),
        (ops.color, enhanced("Color")),
        (ops.sharpness, enhanced("Sharpness")),
    ],
)
def test_operations_of_one_number_are_pillows(operation, cases):
    for number, expected in cases:
        found = operation(tf.constant(PIXELS, tf.float32), tf.constant(number))
        # Pillow drops fractions, of grey and of the blend.
        assert np.abs(found - np.asarray(expected, np.float32)).max() < 2, number


@pytest.mark.parametrize(
    "picture",
    [
        PICTURE,
        Image.fromarray(PIXELS // 64 * 64),
        Image.new("RGB", (5, 4), (7, 0, 255)),
        Image.fromarray(np.uint8([[[0, 1, 2], [255, 1, 3]]])),
    ],
)
def test_histograms_are_stretched_and_flattened_as_by_pillow(picture):
    image = tf.constant(np.asarray(picture), tf.float32)
    stretched = np.asarray(ImageOps.autocontrast(picture), np.float32)
    assert np.abs(ops.autocontrast(image) - stretched).max() < 1
    np.testing.assert_array_equal(ops.equalize(image), np.asarray(ImageOps.equalize(picture)))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (lambda x: ops.shear(x, 0.27, 0.0, 128.0), moved((1, 0.27, 0, 0, 1, 0))),
        (lambda x: ops.shear(x, 0.0, -0.13, 128.0), moved((1, 0, 0, -0.13, 1, 0))),
        (lambda x: ops.translate(x, 3.0, 0.0, 128.0), moved((1, 0, 3, 0, 1, 0))),
        (lambda x: ops.translate(x, 0.0, -5.4, 128.0), moved((1, 0, 0, 0, 1, -5.4))),
        (lambda x: ops.rotate(x, 27.0, 128.0), PICTURE.rotate(27, fillcolor=(128, 128, 128))),
        (lambda x: ops.rotate(x, -90.0, 128.0), PICTURE.rotate(-90, fillcolor=(128, 128, 128))),
    ],
)
def test_images_are_moved_as_by_pillow(found, expected):
    differ = np.any(found(tf.constant(PIXELS, tf.float32)) != np.asarray(expected), -1)
    assert differ.mean() <= 0.01  # where rounding decides which pixel is the nearest
