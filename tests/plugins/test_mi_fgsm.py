"""Momentum iterative FGSM against its formula, in NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from shared.formulas import softmax

from tfadv import randomness
from tfadv.registry import ATTACKS

pytestmark = pytest.mark.usefixtures("worked_plugins")


WEIGHTS = np.random.default_rng(3).normal(0, 0.02, (12, 5)).astype("float32")


def logits_fn(images):
    return tf.tanh(tf.reshape(images, [-1, 12]) / 127.5 - 1) @ (50 * WEIGHTS)


def test_mi_fgsm_is_its_formula():
    random = np.random.default_rng(4)
    images = random.uniform(0, 255, (5, 2, 2, 3)).astype("float32")
    labels = np.arange(5)
    attack = ATTACKS.build("mi_fgsm", epsilon=80.0, steps=20, decay=0.5, targeted=False)
    seeds = randomness.example_seeds(0, "attack", tf.range(5))
    ours = attack(logits_fn, tf.constant(images), tf.constant(labels, tf.int32), seeds)
    x, total = images, np.zeros_like(images)
    for _ in range(20):
        flat = np.tanh(x.reshape(5, 12) / 127.5 - 1)
        p = softmax(flat @ (50 * WEIGHTS))
        p[np.arange(5), labels] -= 1
        gradient = (p @ (50 * WEIGHTS).T * (1 - flat**2) / 127.5).reshape(x.shape)
        total = 0.5 * total + gradient / np.abs(gradient).sum((1, 2, 3), keepdims=True)
        x = np.clip(x + 4 * np.sign(total), images - 80, images + 80).clip(0, 255)
    assert np.mean(np.abs(ours - x) < 1e-2) > 0.95  # a sign near 0 may turn
    slope, memory = (random.normal(size=images.shape).astype("float32") for _ in range(2))
    direction, (kept,) = attack.direction(tf.constant(slope), (tf.constant(memory),))
    total = 0.5 * memory + slope / np.abs(slope).sum((1, 2, 3), keepdims=True)
    np.testing.assert_allclose(kept, total, rtol=1e-4)
    np.testing.assert_array_equal(direction, np.sign(total))


def test_in_l2_a_step_has_its_length_along_the_momentum():
    attack = ATTACKS.get("mi_fgsm")(60.0, steps=3, ball="l2")
    weights = np.random.default_rng(0).normal(size=(192, 4)).astype("float32")
    images = np.random.default_rng(1).uniform(60, 200, (5, 8, 8, 3)).astype("float32")
    labels = np.array([0, 1, 2, 3, 0])

    def logits_fn(x):
        return tf.reshape(x, [-1, 192]) @ weights / 1000

    seeds = randomness.example_seeds(0, "attack", tf.range(5))
    found = attack(logits_fn, tf.constant(images), tf.constant(labels, tf.int32), seeds)
    x, total = images.copy(), np.zeros_like(images)
    for _ in range(3):
        logits = x.reshape(5, -1) @ weights / 1000
        shares = softmax(logits)
        shares[np.arange(5), labels] -= 1
        gradient = (shares @ weights.T).reshape(images.shape)
        total += gradient / np.abs(gradient).sum((1, 2, 3), keepdims=True)
        x += 20 * total / np.sqrt((total**2).sum((1, 2, 3), keepdims=True))
        away = x - images
        x = images + away * np.minimum(1, 60 / np.sqrt((away**2).sum((1, 2, 3), keepdims=True)))
        x = np.clip(x, 0, 255)
    np.testing.assert_allclose(found, x, atol=1e-2)
