"""The attacks side by side: strength, arguments, classes."""

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
from shared.smoke_trainers import make_plan
from tfadv import config
from tfadv.attacks.apgd import APGD
from tfadv.attacks.autoattack import AutoAttack
from tfadv.attacks.fab import FABTargeted
from tfadv.planning.evaluation_parts import evaluation_parts


def wrong_share(found, labels):
    return np.mean(np.argmax(logits_fn(found), -1) != labels)


def test_stronger_attacks_fool_no_fewer():
    labels = np.argmax(logits_fn(IMAGES), -1)
    for epsilon in (2.0, 6.0, 20.0):
        fgsm = wrong_share(attacked(FGSM(epsilon), labels), labels)
        apgd = wrong_share(attacked(APGD(epsilon, 50, restarts=2), labels), labels)
        targeted = wrong_share(attacked(APGDTargeted(epsilon, 50), labels), labels)
        square = wrong_share(attacked(Square(epsilon, 300), labels), labels)
        assert apgd >= fgsm and max(apgd, targeted) >= square
    assert apgd == targeted == square == 1.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PGD(8, 1, loss="ce"), "PGD.loss"),
        (lambda: PGD(8, 1, ball="l3"), "PGD.ball.*Did you mean"),
        (lambda: APGD(8, loss="dlrr"), "Did you mean 'dlr'"),
        (lambda: APGD(8, steps=0), "APGD.steps"),
        (lambda: APGDTargeted(8, classes=0), "APGDTargeted.classes"),
        (lambda: Square(8, first_share=0), "Square.first_share"),
        (lambda: Square(8, queries=0), "Square.queries"),
    ],
)
def test_wrong_arguments_are_told(make, message):
    with pytest.raises(UserError, match=message):
        make()


@pytest.mark.parametrize(
    ("attack", "least", "message"),
    [
        (PGD(8, 1), 2, ""),
        (PGD(8, 1, loss="dlr"), 4, "PGD.loss must be 'cross_entropy' or 'margin' where there are"),
        (PGD(8, 1, loss="dlr", targeted=False), 3, "PGD.loss .*only 2 classes, got 'dlr'"),
        (FGSM(8, loss="dlr"), 3, "FGSM.loss"),
        (APGD(8), 2, ""),
        (APGD(8, loss="dlr"), 3, "APGD.loss"),
        (APGDTargeted(8), 4, "APGDTargeted.loss"),
        (APGDTargeted(8, loss="margin"), 2, ""),
        (FABTargeted(8), 2, ""),
        (Square(8), 2, ""),
        (AutoAttack(8), 4, r"take Evaluation.attacks = \('apgd', 'fab_targeted', 'square'\)"),
    ],
)
def test_how_many_classes_an_attack_needs(attack, least, message):
    for classes in range(2, 6):
        if classes >= least:
            attack.check_classes(classes)
        else:
            with pytest.raises(UserError, match=message):
                attack.check_classes(classes)
