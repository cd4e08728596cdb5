"""Blurs against SciPy and loops over pixels."""

import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf
from shared.corrupting import SEED, corrupt, random_image

from tfadv.data.corruptions import blur


@pytest.mark.parametrize(
    ("radius", "alias_blur", "side"), [(0.5, 0.6, 9), (1.5, 0.1, 7), (6, 0.5, 5), (10, 0.5, 60)]
)
def test_defocus_blur_is_scipys_of_a_soft_disk(radius, alias_blur, side):
    grid = np.arange(-20, 21)
    hard = (np.hypot(grid[:, None], grid) <= radius).astype(float)
    reach = 1 if radius <= 8 else 2
    soft = scipy.ndimage.gaussian_filter(hard, alias_blur, radius=reach)
    image = random_image(side, side, 3, high=1)
    expected = scipy.ndimage.convolve(image, (soft / soft.sum())[..., None], mode="mirror")
    found = blur.defocus_blur(image, SEED, radius, alias_blur)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(("deviation", "radius", "degrees"), [(3, 10, 30), (15, 20, -110)])
def test_motion_blur_is_a_loops(deviation, radius, degrees):
    image = random_image(12, 10, 3).numpy()
    weights = np.exp(-(np.arange(2 * radius + 1) ** 2) / (2 * deviation**2))
    down, right = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    expected = np.zeros((12, 10, 3))
    for row, column in np.ndindex(12, 10):
        for step, weight in enumerate(weights / weights.sum()):
            y = np.clip(row + np.ceil(step * down - 0.5), 0, 11)
            x = np.clip(column + np.ceil(step * right - 0.5), 0, 9)
            expected[row, column] += weight * image[int(y), int(x)]
    found = blur.smeared(tf.constant(image), radius, deviation, tf.constant(degrees, tf.float32))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_motion_blur_moves_light_and_neither_adds_nor_loses_it():
    image = np.zeros((90, 90, 1), np.float32)
    image[45, 45] = 255
    found = corrupt("motion_blur", 5, image)
    assert found.sum() == pytest.approx(255, rel=1e-5)
    assert found.max() < 20 and 20 < np.count_nonzero(found) <= 41


def test_glass_blur_copies_as_a_loop_over_pixels_does():
    image, reach = random_image(9, 7, 3), 2
    shift = np.random.default_rng(0).integers(-reach, reach, (9, 7, 2)).astype(np.int32)
    expected = image.numpy()
    for row in range(9 - reach, reach, -1):
        for column in range(7 - reach, reach, -1):
            down, right = shift[row, column]
            expected[row, column] = expected[row + down, column + right]
    assert (expected != image.numpy()).sum() > 20
    np.testing.assert_array_equal(blur.displaced(image, tf.constant(shift), reach), expected)
