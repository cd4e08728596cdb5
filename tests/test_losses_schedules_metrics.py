"""Closed forms: losses, learning rates and intervals."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv import losses, metrics
from tfadv.errors import UserError
from tfadv.optimizers import momentum_sgd
from tfadv.schedules import StepSchedule

LOGITS = np.array([[1.0, 2.0, -1.0], [0.5, 0.0, 3.0]], np.float32)
LABELS = np.array([1, 0])


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy(smoothing):
    log_softmax = LOGITS - np.log(np.exp(LOGITS).sum(1, keepdims=True))
    soft = (1 - smoothing) * np.eye(3)[LABELS] + smoothing / 3
    found = losses.cross_entropy(tf.constant(LOGITS), tf.constant(LABELS), smoothing)
    np.testing.assert_allclose(found, -(soft * log_softmax).sum(1), rtol=1e-6)


def test_logit_pairing():
    other = LOGITS[::-1].copy()
    squares = (LOGITS - other) ** 2
    np.testing.assert_allclose(losses.logit_pairing(LOGITS, other), squares.mean(1), rtol=1e-6)
    np.testing.assert_allclose(losses.logit_pairing(LOGITS, other, "sum"), squares.sum(1))


def test_l2_penalty_has_its_half():
    kernels = [tf.constant([[3.0, 4.0]]), tf.constant([12.0])]
    assert float(losses.l2_penalty(kernels, 0.1)) == pytest.approx(0.5 * 0.1 * 169)


def paper_schedule(batch_size=4096):
    return StepSchedule(batch_size, 312, boundaries=(35, 70, 95), warmup_epochs=5)


@pytest.mark.parametrize(
    ("epoch", "rate"),
    [(0, 0.1), (2.5, 0.85), (5, 1.6), (34.9, 1.6), (35, 0.16), (70, 0.016), (95, 0.0016)],
)
def test_the_papers_learning_rate(epoch, rate):
    assert float(paper_schedule()(round(epoch * 312))) == pytest.approx(rate, rel=1e-3)


def test_a_small_batch_has_a_rate_and_no_warm_up():
    assert float(paper_schedule(batch_size=128)(0)) == pytest.approx(0.05)


def test_momentum_sgd_is_nesterov_with_the_rate_inside():
    variable = keras.Variable([1.0, -2.0])
    optimizer = momentum_sgd(StepSchedule(256, 1, (1,), 0), momentum=0.9)
    optimizer.build([variable])
    value, velocity = np.array([1.0, -2.0]), np.zeros(2)
    for gradient, rate in ((np.array([0.5, 1.0]), 0.1), (np.array([-1.0, 2.0]), 0.01)):
        optimizer.apply([tf.constant(gradient, tf.float32)], [variable])
        velocity = 0.9 * velocity - rate * gradient
        value = value + 0.9 * velocity - rate * gradient
    np.testing.assert_allclose(variable, value, rtol=1e-6)


def test_wilson_interval():
    low, high = metrics.wilson_interval(15, 50)  # by hand: centre .3143, half-width .1249
    assert (low, high) == pytest.approx((0.1910, 0.4375), abs=1e-4)
    assert metrics.wilson_interval(0, 10)[0] == 0
    assert metrics.wilson_interval(10, 10)[1] == pytest.approx(1)


@pytest.mark.parametrize(
    "arguments",
    [{"rate_per_256": 0}, {"boundaries": (70, 35)}, {"warmup_epochs": -1}],
)
def test_wrong_schedules_are_told(arguments):
    defaults = {"batch_size": 256, "steps_per_epoch": 1, "boundaries": (), "warmup_epochs": 0}
    with pytest.raises(UserError, match="StepSchedule"):
        StepSchedule(**defaults | arguments)
