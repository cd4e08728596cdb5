"""Snow, fog and brightness against loops and closed forms."""

import colorsys

import numpy as np
import tensorflow as tf
from shared.corrupting import SEED, corrupt, random_image

from tfadv.data.augmentation import draw
from tfadv.data.corruptions import weather


def test_fog_is_a_fractal_against_the_largest_value():
    clouds = weather.plasma_fractal(SEED, 32, 2.0).numpy()
    assert clouds.min() == 0 and clouds.max() == 1
    image = random_image(32, 32, 3, high=200)
    largest = image.numpy().max() / 255
    expected = (image + 255 * clouds[..., None]) * largest / (largest + 1)
    np.testing.assert_allclose(corrupt("fog", 4, image), expected, atol=1e-2)


def test_the_plasma_fractal_is_a_loops():
    expected = np.zeros((8, 8))
    for side, step in ((1, 8), (2, 4), (4, 2)):
        noise = draw(SEED, f"plasma {side}", (3, side, side), -1, 1, tf.float32)
        noise = noise / 1.5 ** (2 * np.log2(side))
        places = [(i, j, i * step, j * step) for i, j in np.ndindex(side, side)]
        half = step // 2

        def mean(*around):
            return np.mean([expected[row % 8, column % 8] for row, column in around])

        for i, j, r, c in places:
            corners = [(r, c), (r + step, c), (r, c + step), (r + step, c + step)]
            expected[r + half, c + half] = mean(*corners) + noise[0, i, j]
        for i, j, r, c in places:
            row = [(r, c), (r, c + step), (r + half, c + half), (r - half, c + half)]
            column = [(r, c), (r + step, c), (r + half, c + half), (r + half, c - half)]
            expected[r, c + half] = mean(*row) + noise[1, i, j]
            expected[r + half, c] = mean(*column) + noise[2, i, j]
    expected = (expected - expected.min()) / np.ptp(expected)
    np.testing.assert_allclose(weather.plasma_fractal(SEED, 8, 1.5), expected, atol=1e-5)


def test_snow_whitens_and_only_brightens():
    image = random_image(48, 48, 3, low=20, high=120)
    found = corrupt("snow", 3, image)
    assert (found >= image.numpy() - 1e-3).all() and found.mean() > image.numpy().mean() + 3
    quiet = weather.snow(image / 255, SEED, 0.0, 0.0, 1, 0.5, 8, 3, 0.9).numpy()
    grey = (image.numpy() / 255) @ [0.299, 0.587, 0.114]
    whitened = np.maximum(image / 255, 1.5 * grey[..., None] + 0.5)
    np.testing.assert_allclose(quiet, 0.9 * image / 255 + 0.1 * whitened, atol=1e-5)
    flakes = weather.snow(0 * image, SEED, 0.1, 0.3, 2, 0.5, 8, 3, 1.0).numpy()
    assert flakes.max() > 0.2
    np.testing.assert_allclose(flakes, flakes[::-1, ::-1], atol=1e-6)  # each falls twice


def test_brightness_is_that_of_hsv():
    image = random_image(6, 5, 3).numpy()
    image[0, 0] = 0
    found = corrupt("brightness", 4, image)
    for place in np.ndindex(6, 5):
        hue, saturation, value = colorsys.rgb_to_hsv(*image[place] / 255)
        expected = colorsys.hsv_to_rgb(hue, saturation, min(value + 0.2, 1))
        np.testing.assert_allclose(found[place] / 255, expected, atol=1e-5)
