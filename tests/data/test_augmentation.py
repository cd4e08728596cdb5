"""Crops and flips against NumPy."""

import numpy as np
import tensorflow as tf

from tfadv import randomness
from tfadv.data.augmentation import CropAndFlip

PLAIN = CropAndFlip(padding=0, flip=False)


def test_crops_and_flips_are_those_of_numpy():
    image = np.random.default_rng(0).uniform(1, 255, (5, 6, 3)).astype(np.float32)
    padded = np.pad(image, ((2, 2), (2, 2), (0, 0)))
    crops = [padded[i : i + 5, j : j + 6] for i in range(5) for j in range(5)]
    possible = crops + [crop[:, ::-1] for crop in crops]
    seeds = randomness.example_seeds(0, "test", tf.range(600))
    augment = tf.function(CropAndFlip(padding=2, flip=True))
    counts = np.zeros(50)
    for seed in seeds:
        found = augment(tf.constant(image), seed).numpy()
        counts[[np.array_equal(found, crop) for crop in possible].index(True)] += 1
    assert counts.min() > 0  # 12 expected of each
    assert abs(counts[:25].sum() - 300) < 60
    np.testing.assert_array_equal(PLAIN(tf.constant(image), seeds[0]), image)
