"""The worked strategies against their formulas, in NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from shared.formulas import softmax
from shared.tiny_networks import perceptron

from tfadv import randomness
from tfadv.registry import ATTACKS, STRATEGIES
from tfadv.strategies import ADV, CLEAN

pytestmark = pytest.mark.usefixtures("worked_plugins")


def test_trades_loss_is_its_formula():
    random = np.random.default_rng(2)
    clean, adversarial = random.normal(size=(2, 6, 4)).astype("float32")
    labels = np.array([0, 1, 2, 3, 0, 1])
    p, q = softmax(clean), softmax(adversarial)
    expected = np.mean(-np.log(p[np.arange(6), labels]) + 6 * np.sum(p * np.log(p / q), -1))
    loss = STRATEGIES.build("trades").loss({CLEAN: clean, ADV: adversarial}, labels)
    np.testing.assert_allclose(loss, expected, rtol=1e-4)


def test_fast_takes_one_step_of_its_ratio():
    asked, network = [], perceptron(12, 5)

    class Network:
        ghost_batches = 1

        def attack_logits_fn(self):
            def logits(images):
                asked.append(images)
                return network(images)

            return logits

    images = tf.constant(np.full((5, 2, 2, 3), 100), tf.float32)
    attack = ATTACKS.build("pgd", epsilon=8.0, steps=30)
    seeds = randomness.example_seeds(0, "attack", tf.range(5))
    strategy = STRATEGIES.build("fast", step_ratio=1.25)
    batches = strategy.training_images(Network(), attack, images, tf.range(5), seeds)
    assert list(batches) == [ADV] and len(asked) == 1
    moved = np.abs(batches[ADV] - 100.0)
    # From u in (-8, 8) a step of 10 ends at the border, or at u - 10 within it.
    assert moved.max() <= 8 and (moved == 8).mean() > 0.3
