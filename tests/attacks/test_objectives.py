"""What an attack climbs, against NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from tfadv import randomness
from tfadv.attacks import apgd, objectives
from tfadv.attacks.apgd import APGD, checkpoints
from tfadv.attacks.apgd_targeted import APGDTargeted
from tfadv.attacks.balls import L2Ball, LinfBall
from tfadv.attacks.fgsm import FGSM
from tfadv.attacks.pgd import PGD
from tfadv.attacks.square import Square
from tfadv.errors import UserError
import itertools
from scipy import optimize
from tfadv.attacks import fab, objectives
from tfadv.attacks.balls import BALLS, surface_noise
from tfadv.attacks.fab import FABTargeted


SHAPE, CLASSES = (6, 4, 4, 3), 5


RANDOM = np.random.default_rng(0)


LABELS = np.arange(6) % CLASSES


def test_goals_are_their_formulas():
    logits = RANDOM.normal(size=(6, CLASSES)).astype("float32")
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


def test_likeliest_wrong_classes_fall_by_logit():
    logits = RANDOM.normal(size=(6, CLASSES)).astype("float32")
    for count in (2, 9):
        found = objectives.likeliest_wrong(tf.constant(logits), LABELS, count).numpy()
        for row, label, classes in zip(logits, LABELS, found, strict=True):
            assert [k for k in np.argsort(-row) if k != label][:count] == classes.tolist()
