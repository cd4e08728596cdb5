"""What an attack climbs, against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from tfadv.attacks import objectives
from tfadv.errors import UserError

CLASSES = 5
LABELS = np.arange(6) % CLASSES


def random_logits():
    return np.random.default_rng(0).normal(size=(6, CLASSES)).astype("float32")


def test_objectives_are_their_formulas():
    logits = random_logits()
    targets = (LABELS + 2) % CLASSES
    rows = np.arange(6)
    others = np.where(np.eye(CLASSES, dtype=bool)[LABELS], -np.inf, logits).max(-1)
    ordered = -np.sort(-logits)
    margin = others - logits[rows, LABELS]
    np.testing.assert_allclose(objectives.margin(tf.constant(logits), LABELS), margin, rtol=1e-5)
    dlr = margin / (ordered[:, 0] - ordered[:, 2])
    np.testing.assert_allclose(objectives.dlr(tf.constant(logits), LABELS), dlr, rtol=1e-4)
    scale = ordered[:, 0] - (ordered[:, 2] + ordered[:, 3]) / 2
    targeted = (logits[rows, targets] - logits[rows, LABELS]) / scale
    found = objectives.targeted_dlr(tf.constant(logits), LABELS, targets)
    np.testing.assert_allclose(found, targeted, rtol=1e-4)
    with pytest.raises(UserError, match="3 classes or more"):
        objectives.dlr(tf.zeros((2, 2)), tf.constant([0, 1]))


def test_likeliest_wrong_classes_are_in_order_of_their_logits():
    logits = random_logits()
    for count in (2, 9):
        found = objectives.likeliest_wrong(tf.constant(logits), LABELS, count).numpy()
        for row, label, classes in zip(logits, LABELS, found, strict=True):
            assert [k for k in np.argsort(-row) if k != label][:count] == classes.tolist()
