"""The released pipeline's augmentation: which crops, which colours, which pixels."""

import itertools

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from shared.opencv import REFERENCE

from tfadv import randomness
from tfadv.data.bicubic import Bicubic
from tfadv.data.centre_square import CentreSquare
from tfadv.data.inception_crop import ATTEMPTS, COMPONENTS, DEVIATIONS, InceptionCrop
from tfadv.errors import UserError

DRAWS = 6000


def seeds(count):
    return randomness.example_seeds(0, "augmentation", tf.range(count))


def jittered(image, seed, **arguments):
    chosen = {"jitter": 0.0, "lighting": 0.0, "flip": False, "area": (1.0, 1.0)} | arguments
    crop = InceptionCrop(image.shape[0], aspect_ratio=(1.0, 1.0), **chosen)
    return crop(tf.constant(image, tf.float32), seeds(seed + 1)[seed])


@pytest.fixture
def square():
    return np.random.default_rng(0).integers(60, 140, (12, 12, 3)).astype(np.float32)


def released_crop(random, height, width, area=(0.08, 1.0), ratio=(3 / 4, 4 / 3)):
    """Returns row, column, height and width of a crop by TensorPack's rule."""
    for _ in range(10):
        target = random.uniform(*area) * height * width
        aspect = random.uniform(*ratio)
        w, h = int(np.sqrt(target * aspect) + 0.5), int(np.sqrt(target / aspect) + 0.5)
        if random.uniform() < 0.5:
            w, h = h, w
        if h <= height and w <= width:
            row = 0 if h == height else random.integers(0, height - h)
            column = 0 if w == width else random.integers(0, width - w)
            return row, column, h, w
    return 0, 0, height, width


def crops(augmentation, height, width, count):
    """Returns rows, columns, heights and widths [4, N], and which attempts fitted."""
    shapes = tf.tile([[height, width]], [count, 1])
    draws = randomness.uniform_at(seeds(count), 0, 5 * ATTEMPTS)
    crops, fits = augmentation.crop(shapes, draws)
    return tf.concat([crops.corner, crops.size], 1).numpy().T, fits.numpy()


@pytest.mark.parametrize(("height", "width"), [(375, 500), (500, 500), (500, 333)])
def test_crops_are_distributed_as_the_released_ones(height, width):
    (rows, columns, heights, widths), fits = crops(InceptionCrop(224), height, width, DRAWS)
    assert fits.mean() > 0.999
    assert np.all(rows + heights <= height) and np.all(columns + widths <= width)
    random = np.random.default_rng(0)
    expected = np.array([released_crop(random, height, width) for _ in range(5 * DRAWS)]).T
    pixels = height * width
    area, released_area = heights * widths / pixels, expected[2] * expected[3] / pixels
    assert area.mean() == pytest.approx(released_area.mean(), abs=0.01)
    assert (area < 0.2).mean() == pytest.approx((released_area < 0.2).mean(), abs=0.015)
    assert 0.079 < area.min() < 0.085
    ours = (area, heights / widths, rows / np.maximum(height - heights, 1), columns)
    theirs = (
        released_area,
        expected[2] / expected[3],
        expected[0] / np.maximum(height - expected[2], 1),
        expected[1],
    )
    for found, released in zip(ours, theirs, strict=True):
        assert scipy.stats.ks_2samp(found, released).pvalue > 1e-3


def test_small_crops_are_small():
    """Asking for 2-5% of the image gave the whole image always, by another rule."""
    (_, _, heights, widths), fits = crops(InceptionCrop(32, area=(0.02, 0.05)), 300, 400, 300)
    area = heights * widths / 120_000
    assert fits.all() and 0.019 < area.min() < 0.025 and 0.045 < area.max() < 0.051


def test_where_no_crop_fits_the_centre_is_taken():
    """In a long image a crop of its whole area has no place."""
    augmentation = InceptionCrop(8, area=(1.0, 1.0), jitter=0.0, lighting=0.0, flip=False)
    (rows, columns, heights, widths), fits = crops(augmentation, 10, 40, 20)
    assert not fits.any() and not rows.any() and not columns.any()
    assert set(heights) == {10} and set(widths) == {40}
    image = np.random.default_rng(0).integers(0, 256, (10, 40, 3)).astype(np.float32)
    found = augmentation(tf.constant(image), seeds(1)[0])
    expected = CentreSquare(8, 8, Bicubic(-0.75, antialias=False, whole_pixels=True))(image)
    np.testing.assert_array_equal(found, expected)


def test_the_smallest_images_have_crops():
    for shape in ((1, 1, 3), (1, 5, 3), (2, 1, 3)):
        found = InceptionCrop(4)(tf.fill(shape, 90.0), seeds(1)[0])
        assert found.shape == (4, 4, 3)


def test_a_crop_is_resized_as_opencv_resizes_it():
    """The whole image as the crop: ratio 4/3 and all of its area."""
    image = REFERENCE["read_colour"]
    augmentation = InceptionCrop(24, (1.0, 1.0), (4 / 3, 4 / 3), jitter=0, lighting=0, flip=False)
    (_, _, heights, _), fits = crops(augmentation, 24, 32, 1)
    assert fits.all() and heights[0] == 24  # within ten tosses of the coin
    found = augmentation(tf.constant(image, tf.float32), seeds(1)[0]).numpy()
    assert np.abs(found - REFERENCE["resized_24_24"]).max() <= 1


def test_a_whole_crop_without_jitter_is_the_image(square):
    np.testing.assert_array_equal(jittered(square, 0), square)
    mirrored = [jittered(square, n, flip=True).numpy() for n in range(9)]
    straight = [np.array_equal(image, square) for image in mirrored]
    turned = [np.array_equal(image, square[:, ::-1]) for image in mirrored]
    assert any(straight) and any(turned)
    assert all(a != b for a, b in zip(straight, turned, strict=True))


def brightness(x, factor, whole):
    return x * factor


def contrast(x, factor, whole):
    return x * factor + x.mean((0, 1)) * (1 - factor)


def saturation(x, factor, whole):
    grey = (x @ [0.299, 0.587, 0.114])[..., None]
    return x * factor + (np.rint(grey) if whole else grey) * (1 - factor)


def in_order(x, order, factors, whole):
    for change in order:
        function = (brightness, contrast, saturation)[change]
        x = np.clip(function(x, float(factors[change]), whole), 0, 255)
        x = x.astype(np.uint8).astype(float) if whole else x
    return x


@pytest.mark.parametrize("whole", [True, False])
def test_the_order_of_the_jitter_is_random_and_each_step_is_numpys(whole):
    """Of colours that clip: else all orders give the same image."""
    x = np.random.default_rng(0).integers(0, 256, (12, 12, 3)).astype(float)
    orders = set()
    for number in range(12):
        factors = randomness.uniform_at(seeds(number + 1), 0, 61)[number, 50:53] * 0.8 + 0.6
        found = jittered(x, number, jitter=0.4, whole_pixels=whole).numpy()
        differences = {
            order: np.abs(found - in_order(x, order, factors, whole))
            for order in itertools.permutations(range(3))
        }
        order, difference = min(differences.items(), key=lambda item: item[1].mean())
        # Where the fraction is dropped, the last bit of a float may decide on a level: white,
        # mixed with its own grey, is 255 but for that bit. Rounding would give means of 0.5.
        assert difference.max() <= (1 if whole else 2e-2) and difference.mean() < 0.1
        orders.add(order)
        if whole:
            np.testing.assert_array_equal(found, np.trunc(found))
    assert len(orders) > 2


def test_grey_is_opencvs():
    grey = np.rint(REFERENCE["read_colour"] @ [0.299, 0.587, 0.114])
    assert np.abs(grey - REFERENCE["grey"]).max() <= 0
    rows = tf.reshape(tf.constant(REFERENCE["read_colour"], tf.float32), [24, 96])
    ours = tf.reshape(InceptionCrop(24)._saturation(rows, 0.0, None, 0.0), [24, 32, 3])
    np.testing.assert_array_equal(ours, np.repeat(REFERENCE["grey"][..., None], 3, -1))


def test_lighting_shifts_along_the_principal_components(square):
    whole_image = {"area": (1.0, 1.0), "aspect_ratio": (1.0, 1.0), "jitter": 0.0, "flip": False}
    crop = InceptionCrop(12, lighting=0.1, whole_pixels=False, **whole_image)
    mapped = tf.function(
        lambda s: tf.map_fn(lambda one: crop(square, one), s, fn_output_signature=tf.float32)
    )
    shifts = (mapped(seeds(300)) - square).numpy().mean((1, 2))
    spread = np.linalg.inv(COMPONENTS) @ shifts.T
    np.testing.assert_allclose(spread.std(1), 0.1 * DEVIATIONS, rtol=0.15)
    whole, parts = (
        jittered(square, 4, lighting=0.1, whole_pixels=rounded).numpy() for rounded in (True, False)
    )
    np.testing.assert_array_equal(whole, np.floor(parts))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"area": (0.5, 0.2)}, "InceptionCrop.area"),
        ({"cubic_a": -2}, "InceptionCrop.cubic_a must be in -1..0, got -2"),
        ({"jitter": 2}, "InceptionCrop.jitter"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        InceptionCrop(8, **arguments)
