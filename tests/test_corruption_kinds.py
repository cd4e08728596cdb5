"""Each common corruption against SciPy, Pillow, a loop or a closed form."""

import colorsys
import io

import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf
from PIL import Image

from tfadv import randomness
from tfadv.data.augmentation import draw
from tfadv.data.corruptions import blur as blur
from tfadv.data.corruptions import digital as digital
from tfadv.data.corruptions import weather as weather
from tfadv.data.corruptions.corrupted import CORRUPTIONS

SEED = randomness.example_seeds(0, "test", tf.constant([7]))[0]


def random_image(*shape, low=0, high=255):
    values = np.random.default_rng(0).uniform(low, high, shape)
    return tf.constant(values, tf.float32)


def corrupt(kind, severity, image):
    return CORRUPTIONS[kind](tf.constant(image, tf.float32), severity, SEED).numpy()


def test_shot_noise_is_poissons():
    counts = corrupt("shot_noise", 5, np.full((64, 64, 3), 102.0)) * 50 / 255
    np.testing.assert_allclose(counts, counts.round(), atol=1e-4)
    assert counts.mean() == pytest.approx(20, rel=0.02)
    assert counts.var() == pytest.approx(20, rel=0.05)
    np.testing.assert_array_equal(corrupt("shot_noise", 5, np.zeros((8, 8, 3))), 0)


def test_impulse_noise_is_salt_and_pepper():
    found = corrupt("impulse_noise", 5, np.full((96, 96, 3), 100.0))
    for value, share in ((0, 0.135), (255, 0.135), (100, 0.73)):
        assert np.mean(np.abs(found - value) < 1e-3) == pytest.approx(share, abs=0.01)


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
