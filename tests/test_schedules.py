"""The rate changes at exactly the step it should, whatever the number of steps an epoch."""

import math
from fractions import Fraction

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv.errors import UserError
from tfadv.schedules import CosineDecay, ExponentialDecay, LearningRate, StepDecay
from tfadv.settings import Training

STEPS_PER_EPOCH = range(1, 401)


def rates(decay, steps, steps_per_epoch, epochs=110, **arguments):
    """Returns the rates of some steps; the base rate is 1."""
    arguments = {"rate_per_256": 1.0, "warmup_epochs": 0, "warmup_start": 0.0} | arguments
    schedule = LearningRate(256, steps_per_epoch, epochs, decay, **arguments)
    return [float(schedule(tf.constant(step, tf.int64))) for step in steps]


@pytest.mark.parametrize(
    "boundary", ["35", "70", "95", "25", "0.5", "0.1", "2.3", "33.3", "7.01", "1/3"]
)
def test_a_drop_comes_with_the_first_step_that_is_not_before_it(boundary):
    written = float(Fraction(boundary))  # as gin or Python have it
    for steps_per_epoch in STEPS_PER_EPOCH:
        first = math.ceil(Fraction(boundary) * steps_per_epoch)
        around = [step for step in (first - 1, first) if step >= 0]
        decay = StepDecay((int(written) if written == int(written) else written,), 0.5)
        expected = [1.0 if step < first else 0.5 for step in around]
        assert rates(decay, around, steps_per_epoch) == expected, steps_per_epoch


@pytest.mark.parametrize("every", ["2", "0.5", "2.4", "0.7", "1/3"])
def test_a_staircase_falls_at_whole_multiples(every):
    for steps_per_epoch in range(1, 401, 7):
        decay = ExponentialDecay(0.5, float(Fraction(every)))
        for times in (1, 3, 10):
            first = math.ceil(Fraction(every) * times * steps_per_epoch)
            steps = [first - 1, first]
            fallen = [int(step / (Fraction(every) * steps_per_epoch)) for step in steps]
            expected = [0.5**count for count in fallen]
            assert rates(decay, steps, steps_per_epoch) == expected, (steps_per_epoch, times)


@pytest.mark.parametrize("warmup", ["5", "0.1", "2.3", "1/3"])
def test_the_warm_up_ends_where_it_should(warmup):
    for steps_per_epoch in range(1, 401, 7):
        end = Fraction(warmup) * steps_per_epoch
        first = math.ceil(end)
        found = rates(
            StepDecay(()),
            [first - 1, first],
            steps_per_epoch,
            warmup_epochs=float(Fraction(warmup)),
        )
        assert found == [pytest.approx(float((first - 1) / end), abs=1e-6), 1.0]
        assert first - 1 == 0 or found[0] < 1


def test_steps_beyond_what_float32_holds():
    step = 2**25 + 1
    assert rates(StepDecay((step,), 0.5), [step - 1, step], 1) == [1.0, 0.5]
    assert rates(StepDecay((35,), 0.5), [35 * 10**9 - 1, 35 * 10**9], 10**9) == [1.0, 0.5]
    (half,) = rates(CosineDecay(), [10**9], 2 * 10**9, epochs=1)
    assert half == pytest.approx(0.5, abs=1e-6)
    # What counts the steps is whole as well.
    optimizer = keras.optimizers.SGD(0.1)
    assert np.dtype(optimizer.iterations.dtype) == np.int64


def test_the_graph_has_the_same_drop():
    schedule = LearningRate(256, 3, 110, StepDecay((35, 70)), 1.0, 0, 0.0)
    traced = tf.function(schedule, autograph=False)
    found = [float(traced(tf.constant(step))) for step in (104, 105, 209, 210)]
    assert found == pytest.approx([1, 0.1, 0.1, 0.01])


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
