"""The worked strategies against their formulas, in NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from shared.project import ROOT

from tfadv import config, randomness
from tfadv.registry import ATTACKS, STRATEGIES
from tfadv.strategies import ADV, CLEAN


@pytest.fixture(autouse=True)
def plugins():
    config.with_plugins([f"plugins.{path.stem}" for path in (ROOT / "plugins").glob("*.py")])


def softmax(logits):
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def test_trades_loss_is_its_formula():
    random = np.random.default_rng(2)
    clean, adversarial = random.normal(size=(2, 6, 4)).astype("float32")
    labels = np.array([0, 1, 2, 3, 0, 1])
    p, q = softmax(clean), softmax(adversarial)
    expected = np.mean(-np.log(p[np.arange(6), labels]) + 6 * np.sum(p * np.log(p / q), -1))
    loss = STRATEGIES.build("trades").loss({CLEAN: clean, ADV: adversarial}, labels)
    np.testing.assert_allclose(loss, expected, rtol=1e-4)


WEIGHTS = np.random.default_rng(3).normal(0, 0.02, (12, 5)).astype("float32")


def logits_fn(images):
    return tf.tanh(tf.reshape(images, [-1, 12]) / 127.5 - 1) @ (50 * WEIGHTS)


def test_fast_takes_one_step_of_its_ratio():
    asked = []

    class Network:
        ghost_batches = 1

        def attack_logits_fn(self):
            def logits(images):
                asked.append(images)
                return logits_fn(images)

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
