"""Parts of images are what they are in the whole image, however it is stored."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from shared.image_files import encoded

from tfadv.data.encoded_image import encoded_image
from tfadv.data.image_files.decoding import decoded, turned_upright
from tfadv.data.stored_image import MARGIN, DecodedImage, StoredImage, Turned

HEIGHT, WIDTH = 37, 53
# Noise, of which every pixel tells on its neighbours.
PIXELS = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
# Corners and sizes: at each edge, in the middle, of one pixel, the whole.
PARTS = [
    ((0, 0), (HEIGHT, WIDTH)),
    ((0, 0), (9, 10)),
    ((HEIGHT - 8, WIDTH - 11), (8, 11)),
    ((0, WIDTH - 7), (HEIGHT, 7)),
    ((11, 13), (16, 17)),
    ((17, 20), (1, 1)),
]
FILES = {
    "4:2:0": ("RGB", "jpeg", {"subsampling": 2}),
    "4:2:2": ("RGB", "jpeg", {"subsampling": 1}),
    "4:4:4": ("RGB", "jpeg", {"subsampling": 0}),
    "progressive": ("RGB", "jpeg", {"progressive": True}),
    "grey": ("L", "jpeg", {}),
    "png": ("RGB", "png", {}),
}


def assert_parts(image: StoredImage, whole: np.ndarray):
    """Checks parts but for the margin on the sides where the image goes on."""
    np.testing.assert_array_equal(image.whole(), whole)
    for corner, size in PARTS:
        if np.any(np.add(corner, size) > whole.shape[:2]):
            continue
        found = image.part(tf.constant(corner), tf.constant(size)).numpy()
        assert found.shape == (*size, whole.shape[-1])
        inner = []
        for first, count, all_of_them in zip(corner, size, whole.shape, strict=False):
            last = first + count
            inner.append((MARGIN * (first > 0), count - MARGIN * (last < all_of_them)))
        (top, bottom), (left, right) = inner
        (row, column), part = corner, found[top:bottom, left:right]
        expected = whole[row + top : row + bottom, column + left : column + right]
        np.testing.assert_array_equal(part, expected)


@pytest.mark.parametrize("known", [True, False], ids=["known shape", "unknown shape"])
@pytest.mark.parametrize("name", FILES)
def test_parts_of_files(name, known):
    mode, kind, options = FILES[name]
    data = tf.constant(encoded(mode, kind, PIXELS, **options))
    for channels, only_jpegs in itertools.product((1, 3), {False, kind == "jpeg"}):
        shape = tf.constant([HEIGHT, WIDTH]) if known else None
        image = encoded_image(data, channels, None, only_jpegs, shape)
        np.testing.assert_array_equal(image.shape, [HEIGHT, WIDTH])
        assert_parts(image, decoded(data, channels).numpy())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_parts_of_pictures_that_lie(orientation):
    turn = tf.constant(orientation)
    whole = turned_upright(tf.constant(PIXELS), turn).numpy()
    image = Turned(DecodedImage(PIXELS), turn)
    np.testing.assert_array_equal(image.shape, whole.shape[:2])
    assert_parts(image, whole)
