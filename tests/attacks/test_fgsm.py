"""FGSM against NumPy."""

import numpy as np
from shared.attack_cases import IMAGES, PREDICTED, attacked, loss_and_gradient

from tfadv.attacks import objectives
from tfadv.attacks.fgsm import FGSM


def test_fgsm_is_one_step_of_its_radius():
    def loss(logits):
        return objectives.cross_entropy(logits, PREDICTED)

    _, slope = loss_and_gradient(loss, IMAGES)
    expected = np.clip(IMAGES + 8 * np.sign(slope), 0, 255)
    np.testing.assert_allclose(attacked(FGSM(8.0)), expected, atol=1e-3)
