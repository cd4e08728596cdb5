"""Parts remember what they were built with."""

import copy
import pickle

import pytest

from tfadv.attacks.pgd import PGD
from tfadv.registry.remembered import Remembered


class Part(Remembered):
    def __init__(self, first, second=2, *, third=3):
        self.sum = first + second + third


class Child(Part):
    def __init__(self, only=5):
        super().__init__(only, second=1)


@pytest.mark.parametrize(
    ("made", "arguments"),
    [
        (Part(1), {"first": 1, "second": 2, "third": 3}),
        (Part(1, 4, third=0), {"first": 1, "second": 4, "third": 0}),
        (Child(), {"only": 5}),
    ],
)
def test_arguments_by_name_with_defaults(made, arguments):
    assert made.arguments == arguments
    assert "arguments" not in vars(made)
    assert copy.copy(made).arguments == arguments
    assert copy.copy(made).sum == made.sum


def test_an_attack_is_built_again_of_them():
    attack = PGD(8, steps=3, targeted=False)
    again = PGD(**attack.arguments)
    assert again.describe() == attack.describe()
    assert pickle.loads(pickle.dumps(attack)).describe() == attack.describe()


def test_a_wrong_call_is_the_constructors_to_refuse():
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'first'"):
        Part()
