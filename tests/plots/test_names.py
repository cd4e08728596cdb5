"""What tables, legends and captions call an attack."""

import pytest

from tfadv.plots.names import attack_name

ROW = {"attack": "pgd", "steps": 20, "targeted": False, "epsilon": 8.0, "ball": "linf"}


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({}, "PGD-20 untargeted ε=8"),
        ({"targeted": True, "steps": 1}, "PGD targeted ε=8"),
        ({"loss": "cross_entropy"}, "PGD-20 untargeted ε=8"),
        ({"loss": "margin"}, "PGD-20 untargeted by margin ε=8"),
        ({"ball": "l2", "epsilon": 0.5}, "PGD-20 untargeted ε=0.5 L2"),
        ({"title": "AutoAttack", "steps": 1, "epsilon": None}, "AutoAttack untargeted"),
    ],
)
def test_an_attack_is_told_by_what_matters_of_it(changed, name):
    assert attack_name(ROW | changed) == name
