"""Images that Python code gives: there while they are given, and refused in words after."""

import numpy as np
import pytest

from tfadv.data import arrays
from tfadv.data.given import giving
from tfadv.errors import UserError
from tfadv.registry import DATASETS


def test_they_are_there_while_they_are_given():
    one, other = (arrays(np.full((4, 2, 2, 1), 200 + n), np.arange(4) % 2) for n in range(2))
    with giving(one):
        assert DATASETS.build("given") is one
        with giving(other):
            assert DATASETS.build("given") is other
        with giving(None):
            assert DATASETS.build("given") is one
    with pytest.raises(UserError, match=r"given in Python, where tfadv\.open_run"):
        DATASETS.build("given")
