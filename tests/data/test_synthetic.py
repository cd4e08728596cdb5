"""Synthetic images: their size, and seeds that are refused."""

import numpy as np
import pytest

from tfadv.data.digits import digits
from tfadv.data.synthetic import synthetic
from tfadv.errors import UserError


def test_synthetic_has_the_size_asked_for():
    splits = synthetic(image_size=10, classes=7, train_examples=21, test_examples=8)
    assert splits.train.image_shape == (10, 10, 3)
    assert splits.train.classes == 7 and len(splits.train) == 21 and len(splits.test) == 8
    again = synthetic(image_size=10, classes=7, train_examples=21, test_examples=8)
    np.testing.assert_array_equal(splits.train.fetch(3)[0], again.train.fetch(3)[0])


@pytest.mark.parametrize("seed", [-1, 2**31, 2**40, True])
def test_seeds_that_would_alias_or_fail_are_refused(seed):
    for make, parameter in ((synthetic, "seed"), (digits, "split_seed")):
        rule = f"{make.__name__}.{parameter} must be a whole number in 0..2³¹-1, got"
        with pytest.raises(UserError, match=rule):
            make(**{parameter: seed})
