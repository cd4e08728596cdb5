"""Logit pairing."""

import pytest
from shared.strategy_cases import LABELS, LOGITS

from tfadv.strategies.adversarial import Adversarial
from tfadv.strategies.logit_pairing import LogitPairing


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_logit_pairing_adds_the_distance_of_the_pairs(reduction):
    squares = (LOGITS["clean"] - LOGITS["adv"][:2]) ** 2
    distance = squares.mean() if reduction == "mean" else squares.sum(1).mean()
    plain = float(Adversarial().loss(LOGITS, LABELS))
    paired = float(LogitPairing(2.0, reduction).loss(LOGITS, LABELS))
    assert paired == pytest.approx(plain + 2 * distance, rel=1e-6)
