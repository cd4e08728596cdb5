"""FGSM against NumPy."""

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


def gradient(loss, images):
    x = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = loss(logits_fn(x))
    return value.numpy(), tape.gradient(value, x).numpy()


def test_fgsm_is_one_step_of_its_radius():
    loss = lambda y: objectives.cross_entropy(y, LABELS)  # noqa: E731
    _, slope = gradient(loss, IMAGES)
    expected = np.clip(IMAGES + 8 * np.sign(slope), 0, 255)
    np.testing.assert_allclose(attacked(FGSM(8.0)), expected, atol=1e-3)
