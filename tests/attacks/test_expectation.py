"""Expectation over transformation: gradients averaged over what a model answers at random."""

import numpy as np
import pytest
import tensorflow as tf

from tfadv.attacks.apgd import APGD
from tfadv.attacks.autoattack import AutoAttack
from tfadv.attacks.gradients import expected, with_input_gradient
from tfadv.attacks.pgd import PGD
from tfadv.errors import UserError

IMAGES = tf.constant(np.random.default_rng(0).uniform(50, 200, (3, 2, 2, 3)), tf.float32)
LABELS, SEEDS = tf.constant([0, 1, 0]), tf.stack([tf.range(3, dtype=tf.int64)] * 2, 1)


@pytest.mark.parametrize("samples", [1, 2, 5])
def test_gradients_and_losses_are_averages_over_the_passes(samples):
    count = tf.Variable(0.0)

    def loss(x):  # its k-th pass is k² times the images' sum
        factor = count.assign_add(1.0) ** 2
        return factor * tf.reduce_sum(x, [1, 2, 3]), factor

    gradient, losses, rest = tf.function(expected(with_input_gradient(loss), samples))(IMAGES)
    mean = np.mean(np.arange(1, samples + 1) ** 2)
    np.testing.assert_allclose(gradient, np.full(IMAGES.shape, mean), rtol=1e-6)
    np.testing.assert_allclose(losses, mean * np.sum(IMAGES, (1, 2, 3)), rtol=1e-5)
    assert rest == 1 and count == samples


def noisy(asked):
    """Returns logits whose slope is of a random sign two times out of five."""
    random = tf.random.Generator.from_seed(1)

    def logits_fn(x):
        asked.assign_add(1)
        sign = tf.where(random.uniform(()) < 0.4, -1.0, 1.0)
        slope = sign * tf.reduce_mean(x / 127.5 - 1, [1, 2, 3])
        return tf.stack([slope, -slope], 1)

    return logits_fn


def share_of_right_steps(samples):
    """Returns how often a step of one pixel goes where the expected loss grows."""
    asked, right = tf.Variable(0), []
    logits_fn = noisy(asked)
    attack = PGD(
        255, 1, 1.0, targeted=False, clean_start_probability=1.0, expectation_samples=samples
    )
    for _ in range(60):
        moved = attack(logits_fn, IMAGES, LABELS, SEEDS) - IMAGES
        # Away from label 0 is darker, as most passes say.
        right.append(np.sign(moved[:, 0, 0, 0]) == np.where(LABELS == 0, -1, 1))
    assert asked == 60 * samples
    return np.mean(right)


@pytest.mark.slow
def test_more_samples_follow_the_expected_loss():
    assert share_of_right_steps(1) == pytest.approx(0.6, abs=0.15)
    assert share_of_right_steps(31) > 0.8


def test_samples_are_recorded_and_cost_passes():
    for attack, passes in (
        (PGD(8, 10, expectation_samples=4), 41),
        (APGD(8, 10, expectation_samples=4), 44),
    ):
        assert attack.describe()["expectation_samples"] == 4 and attack.passes == passes
    stages = AutoAttack(8, expectation_samples=20).stages()
    assert stages["apgd"].expectation_samples == stages["apgd_targeted"].expectation_samples == 20
    with pytest.raises(UserError, match="PGD.expectation_samples must be >= 1, got 0"):
        PGD(8, 10, expectation_samples=0)
