"""The losses in closed form."""

import numpy as np
import pytest
import tensorflow as tf

from tfadv import losses

LOGITS = np.array([[1.0, 2.0, -1.0], [0.5, 0.0, 3.0]], np.float32)
LABELS = np.array([1, 0])


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy(smoothing):
    log_softmax = LOGITS - np.log(np.exp(LOGITS).sum(1, keepdims=True))
    soft = (1 - smoothing) * np.eye(3)[LABELS] + smoothing / 3
    found = losses.cross_entropy(tf.constant(LOGITS), tf.constant(LABELS), smoothing)
    np.testing.assert_allclose(found, -(soft * log_softmax).sum(1), rtol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_of_soft_labels(smoothing):
    log_softmax = LOGITS - np.log(np.exp(LOGITS).sum(1, keepdims=True))
    shares = np.array([[0.2, 0.5, 0.3], [0.0, 0.9, 0.1]], np.float32)
    expected = -(((1 - smoothing) * shares + smoothing / 3) * log_softmax).sum(1)
    found = losses.cross_entropy(tf.constant(LOGITS), tf.constant(shares), smoothing)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_array_equal(losses.likeliest(tf.constant(shares)), [1, 1])
    one_hot = tf.one_hot(LABELS, 3)
    hard = losses.cross_entropy(tf.constant(LOGITS), tf.constant(LABELS), smoothing)
    soft = losses.cross_entropy(tf.constant(LOGITS), one_hot, smoothing)
    np.testing.assert_allclose(soft, hard, rtol=1e-6)


def test_weights_multiply_gradients_alone():
    logits, weights = tf.constant(LOGITS), tf.constant([0.5, 3.0])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        given = losses.weighted(logits, weights)
        loss = tf.reduce_mean(losses.cross_entropy(given, tf.constant(LABELS)))
        by_hand = tf.reduce_mean(weights * losses.cross_entropy(logits, tf.constant(LABELS)))
    np.testing.assert_array_equal(given, LOGITS)
    expected = tape.gradient(by_hand, logits)
    np.testing.assert_allclose(tape.gradient(loss, logits), expected, rtol=1e-6)


def test_divergence():
    p, q = (np.exp(z) / np.exp(z).sum(1, keepdims=True) for z in (LOGITS, LOGITS[::-1]))
    found = losses.divergence(tf.constant(LOGITS), tf.constant(LOGITS[::-1].copy()))
    np.testing.assert_allclose(found, (p * np.log(p / q)).sum(1), rtol=1e-5)


def test_logit_pairing():
    other = LOGITS[::-1].copy()
    squares = (LOGITS - other) ** 2
    np.testing.assert_allclose(losses.logit_pairing(LOGITS, other), squares.mean(1), rtol=1e-6)
    np.testing.assert_allclose(losses.logit_pairing(LOGITS, other, "sum"), squares.sum(1))


def test_l2_penalty_has_its_half():
    kernels = [tf.constant([[3.0, 4.0]]), tf.constant([12.0])]
    assert float(losses.l2_penalty(kernels)) == pytest.approx(0.5 * 169)
