"""Digital corruptions against SciPy, Pillow and closed forms."""

import io

import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf
from PIL import Image
from shared.corrupting import SEED, corrupt, random_image

from tfadv.data.augmentation import draw
from tfadv.data.corruptions import digital


def test_elastic_transform_moves_three_points_as_drawn():
    side, affine = 60, 0.05
    ramps = np.stack([*np.mgrid[:side, :side], np.zeros((side, side))], -1) / side
    found = side * digital.elastic_transform(tf.constant(ramps, tf.float32), SEED, 0, 0, affine)
    corners = np.array([[50.0, 50], [10, 50], [10, 10]])
    reach = affine * side
    moved = corners + draw(SEED, "affine", (3, 2), -reach, reach, tf.float32)
    assert np.abs(moved - corners).max() > 1
    for place, origin in zip(moved, corners, strict=True):
        channels = [scipy.ndimage.map_coordinates(found[..., c], place[:, None]) for c in (0, 1)]
        np.testing.assert_allclose(np.ravel(channels), origin, atol=0.02)


def test_elastic_transform_stretches_locally_as_much_as_told():
    side, strength, smoothness = 64, 0.1, 0.05
    ramps = np.stack([*np.mgrid[:side, :side], np.zeros((side, side))], -1) / side
    image = tf.constant(ramps, tf.float32)
    found = side * digital.elastic_transform(image, SEED, strength, smoothness, 0)
    shift = draw(SEED, "local", (side, side, 2), -1, 1, tf.float32)
    deviation = (smoothness * side, smoothness * side, 0)
    smooth = scipy.ndimage.gaussian_filter(shift, deviation, mode="reflect", truncate=3)
    inner = slice(8, -8)
    expected = (side * ramps[..., :2] + strength * side * smooth)[inner, inner]
    np.testing.assert_allclose(found[inner, inner, :2], expected, atol=1e-2)


@pytest.mark.parametrize(("side", "factor"), [(32, 0.4), (80, 0.2)])
def test_contrast_is_its_formula(side, factor):
    image = random_image(side, side, 3, low=50, high=200).numpy()
    mean = image.mean((0, 1))
    expected = factor * image + (1 - factor) * mean
    np.testing.assert_allclose(corrupt("contrast", 3, image), expected, atol=1e-2)


@pytest.mark.parametrize(("side", "scale"), [(8, 0.65), (32, 0.65), (224, 0.25)])
def test_pixelate_is_pillows_box_resize(side, scale):
    image = random_image(side, side, 3).numpy().round()
    fewer = int(side * scale)
    picture = Image.fromarray(image.astype(np.uint8)).resize((fewer, fewer), Image.Resampling.BOX)
    expected = np.array(picture.resize((side, side), Image.Resampling.BOX), float)
    found = corrupt("pixelate", 5, image)
    assert np.abs(found - expected).max() <= 1.01  # Pillow rounds after each pass


@pytest.mark.parametrize(
    ("shape", "quality"), [((32, 24, 3), 50), ((8, 8, 1), 50), ((72, 72, 3), 10)]
)
def test_jpeg_compression_is_pillows(shape, quality):
    image = scipy.ndimage.gaussian_filter(random_image(*shape), (2, 2, 0)).round()
    picture, file = Image.fromarray(image.astype(np.uint8).squeeze()), io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    expected = np.array(Image.open(file)).reshape(shape)
    found = corrupt("jpeg_compression", 4, image - 0.4)
    assert np.abs(found - image).mean() > 0.5
    assert np.abs(found - expected).max() <= 1.01
