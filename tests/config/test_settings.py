"""Settings of training."""

import math
from fractions import Fraction

import pytest

from tfadv.config.training_settings import Training
from tfadv.errors import UserError


@pytest.mark.parametrize(("rounding", "expected"), [("down", 312), ("nearest", 313), ("up", 313)])
def test_the_steps_of_an_epoch(rounding, expected):
    def steps(images, batch_size):
        return Training(1, batch_size, 0.0, epoch_rounding=rounding).steps_per_epoch(images)

    assert steps(1_281_167, 4096) == expected

    def nearest(batches):
        return math.floor(batches + Fraction(1, 2))

    of = {"down": math.floor, "nearest": nearest, "up": math.ceil}
    for images in range(1, 60):
        for batch_size in range(1, images + 1):
            assert steps(images, batch_size) == of[rounding](Fraction(images, batch_size))
    with pytest.raises(UserError, match="Training.batch_size must be <= 7, the number of"):
        steps(7, 8)


def test_wrong_roundings_are_refused():
    with pytest.raises(UserError, match="Training.epoch_rounding.*Did you mean 'nearest'"):
        Training(1, 1, 0.0, epoch_rounding="nearst")
