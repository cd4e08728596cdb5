"""RandAugment draws its operations uniformly, each of the magnitude's strength."""

import collections

import numpy as np
import tensorflow as tf
from PIL import Image, ImageEnhance

from tfadv import randomness
from tfadv.data import image_operations as ops
from tfadv.data.rand_augment import OPERATIONS, RandAugment

IMAGE = tf.constant(
    (np.random.default_rng(1).uniform(0, 1, (24, 24, 3)) ** 2 * 190 + 20).astype(np.uint8),
    tf.float32,
)


def test_each_of_the_papers_operations_is_drawn_as_often():
    augment = tf.function(RandAugment(operations=1, magnitude=9))
    seeds = randomness.example_seeds(0, "test", tf.range(980))
    results = collections.Counter(augment(IMAGE, seed).numpy().tobytes() for seed in seeds)
    possible = {}
    for name, operation in OPERATIONS.items():
        for sign in (1.0, -1.0):
            made = operation(IMAGE, tf.constant(0.9), tf.constant(0.9 * sign)).numpy().tobytes()
            possible.setdefault(made, set()).add(name)
    assert results.keys() <= possible.keys()
    assert all(len(names) == 1 for names in possible.values())
    counts = collections.Counter()
    for made, count in results.items():
        counts.update({min(possible[made]): count})
    assert len(counts) == 14 and all(40 < count < 105 for count in counts.values())  # of 70


def test_the_magnitude_is_of_ten():
    half = tf.constant(0.5)
    brighter = ImageEnhance.Brightness(Image.fromarray(np.uint8(IMAGE))).enhance(1.45)
    found = OPERATIONS["brightness"](IMAGE, half, half)
    assert np.abs(found - np.asarray(brighter, np.float32)).max() < 1
    np.testing.assert_array_equal(
        OPERATIONS["rotate"](IMAGE, half, -half), ops.rotate(IMAGE, -15.0, 128.0)
    )
    np.testing.assert_array_equal(OPERATIONS["posterize"](IMAGE, half, half), IMAGE // 4 * 4)
    nothing = tf.constant(0.0)
    same = {"autocontrast", "equalize"}  # have no magnitude
    for name in OPERATIONS.keys() - same:
        np.testing.assert_array_equal(OPERATIONS[name](IMAGE, nothing, nothing), IMAGE, name)


def test_several_operations_follow_each_other():
    seeds = randomness.example_seeds(0, "test", tf.range(24))
    one, two = (RandAugment(operations, 9) for operations in (1, 2))
    changed = [np.mean([np.any(a(IMAGE, s) != IMAGE) for s in seeds]) for a in (one, two)]
    assert changed[0] > 0.7 and changed[1] > changed[0]
