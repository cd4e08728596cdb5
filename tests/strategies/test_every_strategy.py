"""The strategies side by side: attacks, branches, arguments."""

import numpy as np
import pytest
from shared.strategy_cases import training_images

from tfadv.errors import UserError
from tfadv.strategies import Network
from tfadv.strategies.adversarial import Adversarial
from tfadv.strategies.logit_pairing import LogitPairing
from tfadv.strategies.standard import Standard


def test_standard_training_never_attacks(tiny_model, some_images):
    found = training_images(Standard(), Network(tiny_model("batch")), *some_images)
    assert list(found) == ["clean"]
    np.testing.assert_array_equal(found["clean"], some_images[0])


def test_a_norm_without_the_strategys_branch_is_refused():
    Adversarial().check_branches(("main",))
    Adversarial().check_branches(("clean", "adv", "more"))
    Standard().check_branches(("clean", "other"))
    with pytest.raises(UserError, match="trains the branch 'adv', but the norm has clean, other"):
        Adversarial().check_branches(("clean", "other"))


@pytest.mark.parametrize(
    ("strategy", "arguments", "message"),
    [
        (Adversarial, {"clean_ratio": 1.2}, "Adversarial.clean_ratio must be in 0..1"),
        (LogitPairing, {"clean_ratio": -1}, "LogitPairing.clean_ratio"),
        (LogitPairing, {"clean_ratio": 0}, "no pair is left"),
        (LogitPairing, {"pairing_weight": -1}, "LogitPairing.pairing_weight"),
        (LogitPairing, {"reduction": "men"}, "Did you mean 'mean'"),
        (Standard, {"label_smoothing": 1.0}, "Standard.label_smoothing"),
    ],
)
def test_wrong_arguments_are_refused(strategy, arguments, message):
    with pytest.raises(UserError, match=message):
        strategy(**arguments)
