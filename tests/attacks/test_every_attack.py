"""The attacks side by side: strength, arguments, classes."""

import numpy as np
import pytest
from shared.attack_cases import attacked, misclassified

from tfadv.attacks.apgd import APGD
from tfadv.attacks.apgd_targeted import APGDTargeted
from tfadv.attacks.autoattack import AutoAttack
from tfadv.attacks.fab import FABTargeted
from tfadv.attacks.fgsm import FGSM
from tfadv.attacks.pgd import PGD
from tfadv.attacks.square import Square
from tfadv.errors import UserError


def fooled_by(attack):
    return np.mean(misclassified(attacked(attack)))


def test_stronger_attacks_fool_no_fewer():
    for epsilon in (2.0, 6.0, 20.0):
        fgsm = fooled_by(FGSM(epsilon))
        apgd = fooled_by(APGD(epsilon, 50, restarts=2))
        targeted = fooled_by(APGDTargeted(epsilon, 50))
        square = fooled_by(Square(epsilon, 300))
        assert apgd >= fgsm and max(apgd, targeted) >= square
    assert apgd == targeted == square == 1.0


@pytest.mark.parametrize(
    ("attack", "arguments", "message"),
    [
        (PGD, {"steps": 1, "loss": "ce"}, "PGD.loss"),
        (PGD, {"steps": 1, "ball": "l3"}, "PGD.ball.*Did you mean"),
        (APGD, {"loss": "dlrr"}, "Did you mean 'dlr'"),
        (APGD, {"steps": 0}, "APGD.steps"),
        (APGDTargeted, {"classes": 0}, "APGDTargeted.classes"),
        (Square, {"first_share": 0}, "Square.first_share"),
        (Square, {"queries": 0}, "Square.queries"),
    ],
)
def test_wrong_arguments_are_refused(attack, arguments, message):
    with pytest.raises(UserError, match=message):
        attack(8, **arguments)


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
        (AutoAttack(8), 2, ""),
    ],
)
def test_how_many_classes_an_attack_needs(attack, least, message):
    for classes in range(2, 6):
        if classes >= least:
            attack.check_classes(classes)
        else:
            with pytest.raises(UserError, match=message):
                attack.check_classes(classes)
