"""What is erased, and how often."""

import numpy as np
import pytest
import tensorflow as tf

from tfadv import randomness
from tfadv.data.random_erasing import RandomErasing

IMAGE = tf.fill([20, 30, 3], 256.0)  # no pixel that is drawn
SEEDS = randomness.example_seeds(0, "test", tf.range(400))


def erased(augmentation):
    augment = tf.function(augmentation)
    return np.stack([augment(IMAGE, seed) for seed in SEEDS])


def test_rectangles_are_of_the_papers_areas_and_shapes():
    images = erased(RandomErasing(probability=1.0))
    sizes = []
    for image in images:
        gone = np.all(image != 256, axis=-1)
        np.testing.assert_array_equal(gone, np.any(image != 256, axis=-1))
        rows, columns = np.flatnonzero(gone.any(1)), np.flatnonzero(gone.any(0))
        size = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
        assert gone.sum() == size[0] * size[1]
        sizes.append(size)
    height, width = np.array(sizes, float).T
    share = height * width / 600
    assert 0.01 < share.min() < 0.04 and 0.33 < share.max() < 0.43
    ratio = height / width
    assert 0.2 < ratio.min() < 0.4 and 2 < ratio.max() < 4.6
    drawn = images[images != 256]
    assert drawn.min() >= 0 and drawn.max() < 255
    assert abs(drawn.mean() - 127.5) < 1 and abs(drawn.std() - 255 / 12**0.5) < 1


@pytest.mark.parametrize(("probability", "expected"), [(0.5, 0.5), (0.0, 0.0)])
def test_so_many_images_are_erased_in(probability, expected):
    images = erased(RandomErasing(probability, fill=7.0))
    assert set(np.unique(images)) <= {7, 256}
    assert abs(np.any(images != 256, axis=(1, 2, 3)).mean() - expected) < 0.08


def test_what_never_fits_is_left():
    tall = RandomErasing(1.0, area=(0.9, 0.9), least_ratio=1.0)
    np.testing.assert_array_equal(tall(tf.fill([2, 40, 3], 256.0), SEEDS[0]), 256)
