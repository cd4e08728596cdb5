"""Resizing against OpenCV's and Pillow's pixels."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from shared.opencv import REFERENCE

from tfadv.data.bicubic import Bicubic
from tfadv.data.stored_image import DecodedImage

OPENCV = Bicubic(-0.75, antialias=False, whole_pixels=True)
PILLOW = Bicubic(-0.5, antialias=True, whole_pixels=True)


def resized(bicubic, image, height, width):
    image = DecodedImage(tf.constant(image, tf.float32))
    size, corner = tf.constant([height, width]), tf.constant([0, 0])
    return bicubic(image, size, corner, (height, width)).numpy()


@pytest.mark.parametrize("name", sorted(name for name in REFERENCE if "resized" in name))
def test_pixels_are_those_of_opencv(name):
    height, width = map(int, name.split("_")[1:])
    found = resized(OPENCV, REFERENCE["read_colour"], height, width)
    difference = np.abs(found - REFERENCE[name])
    assert difference.max() <= 1 and (difference > 0).mean() < 0.005


def test_another_kernel_is_another_image():
    expected = REFERENCE["resized_11_17"].astype(float)
    for bicubic in (Bicubic(-0.5, False, True), Bicubic(-0.75, True, True)):
        found = resized(bicubic, REFERENCE["read_colour"], 11, 17)
        assert np.abs(found - expected).max() > 2


@pytest.mark.parametrize(("height", "width"), [(10, 14), (24, 24), (60, 45), (31, 7)])
def test_antialiased_pixels_are_those_of_pillow(height, width):
    image = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    with Image.fromarray(image) as opened:
        expected = np.array(opened.resize((width, height), Image.Resampling.BICUBIC))
    difference = np.abs(resized(PILLOW, image, height, width) - expected)
    assert difference.max() <= 1 and (difference > 0).mean() < 0.01


def test_without_rounding_fractions_stay():
    image = REFERENCE["read_colour"]
    whole = resized(OPENCV, image, 11, 17)
    parts = resized(Bicubic(-0.75, antialias=False, whole_pixels=False), image, 11, 17)
    np.testing.assert_array_equal(np.rint(parts), whole)
    assert (parts != whole).mean() > 0.9


@pytest.mark.parametrize("bicubic", [OPENCV, PILLOW])
def test_a_window_is_a_part_of_the_whole(bicubic):
    whole = resized(bicubic, REFERENCE["read_colour"], 19, 27)
    image = DecodedImage(REFERENCE["read_colour"])
    window = bicubic(image, tf.constant([19, 27]), tf.constant([3, 8]), (5, 11))
    np.testing.assert_array_equal(window, whole[3:8, 8:19])
