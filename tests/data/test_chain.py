"""Augmentations one after the other, each of a stream of its own."""

import numpy as np
import pytest
import tensorflow as tf

from tfadv import config, randomness
from tfadv.data.augmentation import CropAndFlip
from tfadv.data.random_erasing import RandomErasing
from tfadv.data.stored_image import DecodedImage
from tfadv.errors import UserError
from tfadv.registry import AUGMENTATIONS

IMAGE = tf.constant(np.random.default_rng(0).uniform(1, 255, (9, 9, 3)), tf.float32)
SEEDS = randomness.example_seeds(0, "test", tf.range(40))
BINDINGS = (
    "CropAndFlip.padding = 2",
    "CropAndFlip.flip = True",
    "RandomErasing.fill = 7.0",
    "InceptionCrop.image_size = 8",
)
ONCE = "often/RandomErasing.probability = 1.0"
TWO = "Chain.augmentations = ('inception_crop', 'often/random_erasing')"


def chain(*specs):
    often = [ONCE] if any("often" in s for s in specs) else []
    config.read([], [*BINDINGS, *often, f"Chain.augmentations = {specs!r}"])
    return AUGMENTATIONS.build("chain")


def test_one_takes_what_the_other_made():
    both = chain("crop_and_flip", "often/random_erasing")
    crop, erase = CropAndFlip(2, True), RandomErasing(1.0, fill=7.0)
    crops = []
    for seed in SEEDS:
        first, second = (randomness.for_purpose(seed, f"augmentation {n}") for n in (0, 1))
        crops.append(crop(IMAGE, first))
        np.testing.assert_array_equal(both(IMAGE, seed), erase(crops[-1], second))
    alone = chain("crop_and_flip")
    np.testing.assert_array_equal([alone(IMAGE, seed) for seed in SEEDS], crops)


def test_one_part_twice_draws_twice():
    twice, once = chain("often/random_erasing", "often/random_erasing"), RandomErasing(1.0)
    rectangles = [np.all(twice(IMAGE, seed) == 7, -1).sum() for seed in SEEDS]
    single = [np.any(once(IMAGE, seed) != IMAGE, -1).sum() for seed in SEEDS]
    assert np.mean(rectangles) > 1.2 * np.mean(single)


def test_the_first_may_take_images_as_they_are_stored():
    both = chain("inception_crop", "random_erasing")
    assert both.takes_original and both.image_size == 8 and both.channels == 3
    stored = DecodedImage(tf.zeros([30, 20, 3], tf.uint8))
    found = np.stack([both.augment(stored, seed) for seed in SEEDS])
    assert found.shape == (40, 8, 8, 3) and found.dtype == np.float32
    assert 0.2 < np.mean((found == 7).any((1, 2, 3))) < 0.8
    with pytest.raises(UserError, match="'inception_crop' takes images as they are stored"):
        chain("random_erasing", "inception_crop")


def test_another_size_is_made_where_the_size_is_decided():
    both = chain("inception_crop", "often/random_erasing")
    larger = both.at_size(12)
    assert both.image_size == 8 and larger.image_size == 12
    stored = DecodedImage(tf.zeros([30, 20, 3], tf.uint8))
    config.read([], ["InceptionCrop.image_size = 12", *BINDINGS[2:3], ONCE, TWO])
    anew = AUGMENTATIONS.build("chain")
    for seed in SEEDS[:8]:
        assert larger.augment(stored, seed).shape == (12, 12, 3)
        np.testing.assert_array_equal(larger.augment(stored, seed), anew.augment(stored, seed))
    whole = chain("crop_and_flip", "often/random_erasing").at_size(6)
    assert whole(IMAGE, SEEDS[0]).shape == (6, 6, 3)


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        ((), "name some"),
        (("chain",), "name no chain"),
        (("crop_and_flop",), "Did you mean 'crop_and_flip'"),
    ],
)
def test_a_wrong_part_is_one_line(specs, message):
    with pytest.raises(UserError, match=message):
        chain(*specs)
