"""Settings of training."""

import math
from fractions import Fraction

import pytest

from tfadv.config.settings import Training
from tfadv.errors import UserError
from tfadv.optimization.schedules import LearningRate, StepDecay


@pytest.mark.parametrize(("rounding", "expected"), [("down", 312), ("nearest", 313), ("up", 313)])
def test_the_steps_of_an_epoch(rounding, expected):
    def steps(images, batch_size):
        return Training(1, batch_size, 0.0, epoch_rounding=rounding).steps_per_epoch(images)

    assert steps(1_281_167, 4096) == expected
    of = {"down": math.floor, "nearest": lambda x: math.floor(x + Fraction(1, 2)), "up": math.ceil}
    for images in range(1, 60):
        for batch_size in range(1, images + 1):
            assert steps(images, batch_size) == of[rounding](Fraction(images, batch_size))
    with pytest.raises(UserError, match="Training.batch_size must be <= 7, the number of"):
        steps(7, 8)


def test_wrong_roundings_and_boundaries_are_told():
    with pytest.raises(UserError, match="Training.epoch_rounding.*Did you mean 'nearest'"):
        Training(1, 1, 0.0, epoch_rounding="nearst")
    for boundaries in ((math.inf,), (-1,), (3, 2)):
        with pytest.raises(UserError, match="StepDecay.boundaries must be epochs >= 0 that rise"):
            StepDecay(boundaries)
    with pytest.raises(UserError, match="LearningRate.warmup_epochs"):
        LearningRate(256, 1, 1, StepDecay(()), 1.0, math.inf)
