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


def test_logit_pairing():
    other = LOGITS[::-1].copy()
    squares = (LOGITS - other) ** 2
    np.testing.assert_allclose(losses.logit_pairing(LOGITS, other), squares.mean(1), rtol=1e-6)
    np.testing.assert_allclose(losses.logit_pairing(LOGITS, other, "sum"), squares.sum(1))


def test_l2_penalty_has_its_half():
    kernels = [tf.constant([[3.0, 4.0]]), tf.constant([12.0])]
    assert float(losses.l2_penalty(kernels, 0.1)) == pytest.approx(0.5 * 0.1 * 169)
