"""Logit pairing."""

import numpy as np
import pytest
import tensorflow as tf

from tfadv.strategies.adversarial import Adversarial
from tfadv.strategies.logit_pairing import LogitPairing

LOGITS = {
    "clean": np.array([[1, 0], [2, 1]], np.float32),
    "adv": np.array([[0, 1], [3, 1], [1, 1], [0, 2]], np.float32),
}
LABELS = tf.constant([0, 1, 1, 0])


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_logit_pairing_adds_the_distance_of_the_pairs(reduction):
    squares = (LOGITS["clean"] - LOGITS["adv"][:2]) ** 2
    distance = squares.mean() if reduction == "mean" else squares.sum(1).mean()
    plain = float(Adversarial().loss(LOGITS, LABELS))
    paired = float(LogitPairing(2.0, reduction).loss(LOGITS, LABELS))
    assert paired == pytest.approx(plain + 2 * distance, rel=1e-6)
