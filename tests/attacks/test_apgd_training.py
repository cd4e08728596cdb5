"""Auto-PGD as it is trained against, step by step in NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from shared.attack_cases import CLASSES, IMAGES, PREDICTED, SEEDS, attacked, network
from shared.formulas import softmax

from tfadv.attacks.apgd_training import APGDTraining
from tfadv.errors import UserError
from tfadv.registry import ATTACKS

EPSILON = 8.0


def by_hand(soft):
    """Singh et al.'s two steps of 2ε from the image, the second with momentum 0.75."""

    def loss_and_slope(x):
        x = tf.constant(x, tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(x)
            logits = network(x)
            loss = -tf.reduce_sum(soft * tf.nn.log_softmax(logits), -1)
        expected = -np.sum(soft * np.log(softmax(logits.numpy())), -1)
        np.testing.assert_allclose(loss, expected, rtol=1e-4)
        return loss.numpy(), tape.gradient(loss, x).numpy()

    def project(x):
        return np.clip(np.clip(x, IMAGES - EPSILON, IMAGES + EPSILON), 0, 255)

    x, before, best = IMAGES, IMAGES, IMAGES
    best_loss, slope = loss_and_slope(x)
    for share in (1.0, 0.75):
        ahead = project(x + 2 * EPSILON * np.sign(slope))
        x, before = project(x + share * (ahead - x) + (1 - share) * (x - before)), x
        loss, slope = loss_and_slope(x)
        best = np.where((loss > best_loss)[:, None, None, None], x, best)
        best_loss = np.maximum(loss, best_loss)
    return best


def test_two_steps_on_hard_labels():
    found = attacked(APGDTraining(EPSILON))
    np.testing.assert_allclose(found, by_hand(np.eye(CLASSES)[PREDICTED]), atol=1e-3)
    assert not np.array_equal(found, IMAGES)


def test_two_steps_on_mixed_and_smoothed_labels():
    labels = np.float32(np.random.default_rng(0).dirichlet(np.ones(CLASSES), len(IMAGES)))
    attack = APGDTraining(EPSILON, label_smoothing=0.1)
    found = attack(network, tf.constant(IMAGES), tf.constant(labels), SEEDS)
    np.testing.assert_allclose(found, by_hand(0.9 * labels + 0.1 / CLASSES), atol=1e-3)
    assert attack.describe()["label_smoothing"] == 0.1 and attack.passes == 3


def test_it_is_configured_by_its_own_name():
    assert ATTACKS.build("apgd_training", epsilon=4.0).steps == 2
    with pytest.raises(UserError, match="APGDTraining.label_smoothing must be in 0..1"):
        APGDTraining(4.0, label_smoothing=1.0)
