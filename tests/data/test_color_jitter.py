"""Colours change by factors in their range, each as NumPy and colorsys have it."""

import colorsys

import numpy as np
import pytest
import tensorflow as tf

from tfadv import randomness
from tfadv.data.color_jitter import ColorJitter

IMAGE = np.random.default_rng(0).uniform(60, 120, (4, 5, 3)).astype(np.float32)
SEEDS = randomness.example_seeds(0, "test", tf.range(60))
NONE = {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0}


def jittered(**amounts):
    augment = tf.function(ColorJitter(**{**NONE, **amounts}))
    return [augment(tf.constant(IMAGE), seed).numpy() for seed in SEEDS]


def in_hsv(pixels):
    return np.array([colorsys.rgb_to_hsv(*pixel) for pixel in pixels.reshape(-1, 3) / 255])


def in_rgb(hsv):
    return np.array([colorsys.hsv_to_rgb(*pixel) for pixel in hsv]).reshape(IMAGE.shape) * 255


def of_brightness(f):
    return IMAGE * f


def of_contrast(f):
    return IMAGE * f + (1 - f) * IMAGE.mean((0, 1))


def of_saturation(f):
    hue, saturation, value = in_hsv(IMAGE).T
    return in_rgb(np.stack([hue, np.minimum(saturation * f, 1), value], 1))


def of_hue(turn):
    hue, saturation, value = in_hsv(IMAGE).T
    return in_rgb(np.stack([(hue + turn) % 1, saturation, value], 1))


@pytest.mark.parametrize(
    ("name", "changed", "middle", "amount"),
    [
        ("brightness", of_brightness, 1, 0.4),
        ("contrast", of_contrast, 1, 0.3),
        ("saturation", of_saturation, 1, 0.5),
        ("hue", of_hue, 0, 0.2),
    ],
)
def test_one_change_is_by_a_factor_of_its_range(name, changed, middle, amount):
    factors = np.linspace(middle - amount, middle + amount, 401)
    possible = np.stack([changed(factor) for factor in factors])
    nearest = []
    for image in jittered(**{name: amount}):
        distance = np.abs(possible - image).max((1, 2, 3))
        assert distance.min() < 0.4  # half of a step of the factors
        nearest.append(factors[distance.argmin()])
    assert np.ptp(nearest) > 1.6 * amount and abs(np.mean(nearest) - middle) < 0.3 * amount


def test_changes_come_in_any_order():
    """Brightness by 2 clips, saturation by 0 makes grey: which comes first shows."""
    image = tf.constant([[[200.0, 100.0, 50.0]]])
    augment = tf.function(ColorJitter(**{**NONE, "brightness": 1.0, "saturation": 1.0}))
    results = np.stack([augment(image, seed).numpy()[0, 0] for seed in SEEDS])
    assert results.min() >= 0 and results.max() <= 255
    np.testing.assert_array_equal(ColorJitter(**NONE)(image, SEEDS[0]), image)
    with pytest.raises(ValueError, match=r"ColorJitter.hue must be in 0..0.5, got 0.6"):
        ColorJitter(hue=0.6)
