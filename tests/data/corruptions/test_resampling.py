"""Linear maps along an image's sides against SciPy's."""

import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf

from tfadv.data.corruptions import resampling


@pytest.mark.parametrize(("size", "factor"), [(32, 1.13), (32, 1.0), (8, 1.25), (224, 4.5)])
def test_zoom_is_that_of_scipy(size, factor):
    line = np.random.default_rng(0).normal(size=size)
    crop = int(np.ceil(size / factor))
    first = (size - crop) // 2
    zoomed = scipy.ndimage.zoom(line[first : first + crop], factor, order=1)
    trim = (len(zoomed) - size) // 2
    expected = zoomed[trim : trim + size]
    np.testing.assert_allclose(resampling.zoom_matrix(size, factor) @ line, expected, atol=1e-9)


@pytest.mark.parametrize(
    ("border", "mode"),
    [
        (resampling.clamped, "nearest"),
        (resampling.mirrored, "mirror"),
        (resampling.reflected, "reflect"),
    ],
)
def test_gaussians_and_places_between_pixels_are_scipys(border, mode):
    line = np.random.default_rng(0).normal(size=9)
    for deviation in (0.3, 1.5, 7):
        matrix = resampling.gaussian_matrix(9, deviation, 3, border)
        expected = scipy.ndimage.gaussian_filter1d(line, deviation, mode=mode, truncate=3)
        np.testing.assert_allclose(matrix @ line, expected, atol=1e-9)
    if border is not resampling.clamped:
        random = np.random.default_rng(1)
        image = tf.constant(random.normal(size=(5, 7, 1)), tf.float32)
        rows, columns = random.uniform(-12, 15, (2, 6, 4)).astype(np.float32)
        expected = scipy.ndimage.map_coordinates(image[..., 0], [rows, columns], order=1, mode=mode)
        found = resampling.sampled(image, tf.constant(rows), tf.constant(columns), border)
        np.testing.assert_allclose(found[..., 0], expected, atol=1e-4)
