"""Learning rates: closed forms, and changes at exactly the step they are due."""

import math
from fractions import Fraction

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv.errors import UserError
from tfadv.optimization.schedules import (
    CosineDecay,
    ExponentialDecay,
    LearningRate,
    OneCycle,
    StepDecay,
)


def paper_rate(batch_size=4096, decay=None, **arguments):
    decay = decay or StepDecay((35, 70, 95))
    return LearningRate(batch_size, 312, 110, decay, 0.1, **{"warmup_epochs": 5} | arguments)


@pytest.mark.parametrize(
    ("epoch", "rate"),
    [(0, 0.1), (2.5, 0.85), (5, 1.6), (34.9, 1.6), (35, 0.16), (70, 0.016), (95, 0.0016)],
)
def test_the_papers_learning_rate(epoch, rate):
    assert float(paper_rate()(round(epoch * 312))) == pytest.approx(rate, rel=1e-3)


def test_a_drop_comes_with_the_first_step_of_its_epoch():
    rate = paper_rate()
    assert float(rate(35 * 312 - 1)) == pytest.approx(1.6)
    assert float(rate(35 * 312)) == pytest.approx(0.16)


def test_a_small_batch_has_a_rate_and_no_warm_up():
    assert float(paper_rate(batch_size=128)(0)) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("decay", "expected"),
    [
        (ExponentialDecay(0.94, 2), {0: 1, 1.99: 1, 2: 0.94, 10: 0.94**5, 109: 0.94**54}),
        (ExponentialDecay(0.9, 2, staircase=False), {1: 0.9**0.5, 5: 0.9**2.5}),
        (CosineDecay(), {0: 1, 55: 0.5, 110: 0}),
        (CosineDecay(0.1), {0: 1, 27.5: 0.1 + 0.9 * (1 + 0.5**0.5) / 2, 110: 0.1}),
        (CosineDecay(0.1, from_epoch=10), {0: 1, 10: 1, 60: 0.55, 110: 0.1}),
        (OneCycle(0.2, 0.04, 0.01), {0: 0.04, 11: 0.52, 22: 1, 66: 0.505, 110: 0.01}),
        (OneCycle(0.5, 0.0, 0.0, "linear"), {0: 0, 11: 0.2, 55: 1, 99: 0.2, 110: 0}),
        (StepDecay(()), {0: 1, 109: 1}),
        (StepDecay((1, 2), 0.5), {0: 1, 1: 0.5, 2: 0.25}),
    ],
)
def test_decays_are_their_closed_forms(decay, expected):
    rate = paper_rate(256, decay, warmup_epochs=0)
    for epoch, factor in expected.items():
        found = float(rate(round(epoch * 312)))
        assert found == pytest.approx(0.1 * factor, rel=1e-4, abs=1e-8)


def test_one_cycle_is_the_warm_up():
    rate = paper_rate(decay=OneCycle(0.5, 0.0, 0.0, "linear"), warmup_epochs=5)
    assert rate.warmup_steps == 0 and float(rate(0)) == 0
    assert float(rate(55 * 312)) == pytest.approx(1.6)


def test_a_cosine_with_a_warm_up_from_0_step_by_step():
    """Epochs of 7 steps: half of a first one of warm-up, 2.5 of cosine."""
    rate = LearningRate(512, 7, 3, CosineDecay(0.01), 0.1, 0.5, warmup_start=0.0)
    for step in range(21):
        cosine = 0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * step / 21))
        expected = 0.2 * step / 3.5 if step < 3.5 else 0.2 * cosine
        assert float(rate(step)) == pytest.approx(expected, rel=1e-5)


NO_WARM_UP = {"rate_per_256": 1.0, "warmup_epochs": 0, "warmup_start": 0.0}
BOUNDARIES = ("0.1", "1/3", "0.5", "2.3", "7.01", "25", "33.3", "35", "70", "95")
SOME = [*range(1, 401, 11), 61, 109, 122, 244]


def rates(decay, steps, steps_per_epoch, epochs=110, **arguments):
    """Returns the rates of some steps; the base rate is 1."""
    schedule = LearningRate(256, steps_per_epoch, epochs, decay, **NO_WARM_UP | arguments)
    return schedule(tf.constant(steps, tf.int64)).numpy().tolist()


def traced_rates(decay, steps, steps_per_epoch, **arguments):
    """Returns the rates of steps [N, M], row by row of so many steps an epoch, by a graph.

    A graph may multiply by a reciprocal where it is told to divide.
    """

    @tf.function(autograph=False)
    def all_rates(steps):
        return tf.stack(
            [
                LearningRate(256, spe, 110, decay, **NO_WARM_UP | arguments)(steps[row])
                for row, spe in enumerate(steps_per_epoch)
            ]
        )

    return all_rates(tf.constant(steps, tf.int64)).numpy()


def as_written(epochs):
    """Returns what gin or Python has of a number."""
    exact = Fraction(epochs)
    return int(exact) if exact.denominator == 1 else float(exact)


def around(places):
    """Returns the first whole steps that are not before some places, and the steps before."""
    first = [math.ceil(place) for place in places]
    return [max(step - 1, 0) for step in first] + first


def test_a_drop_comes_with_the_first_step_that_is_not_before_it():
    counts = range(1, 401)
    places = [[Fraction(boundary) * spe for boundary in BOUNDARIES] for spe in counts]
    steps = [around(row) for row in places]
    expected = [
        [0.5 ** sum(step >= place for place in row) for step in of_row]
        for row, of_row in zip(places, steps, strict=True)
    ]
    decay = StepDecay([as_written(boundary) for boundary in BOUNDARIES], 0.5)
    np.testing.assert_array_equal(traced_rates(decay, steps, counts), expected)


@pytest.mark.parametrize("every", ["2", "0.5", "2.4", "0.7", "1/3"])
def test_a_staircase_falls_at_whole_multiples(every):
    steps = [around([Fraction(every) * spe * times for times in (1, 3, 7)]) for spe in SOME]
    expected = [
        [0.5 ** int(step / (Fraction(every) * spe)) for step in of_row]
        for spe, of_row in zip(SOME, steps, strict=True)
    ]
    found = traced_rates(ExponentialDecay(0.5, as_written(every)), steps, SOME)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("warmup", ["5", "0.1", "2.3", "1/3"])
def test_the_warm_up_ends_where_it_should(warmup):
    ends = [Fraction(warmup) * spe for spe in SOME]
    steps = [around([end]) for end in ends]
    found = traced_rates(StepDecay(()), steps, SOME, warmup_epochs=as_written(warmup))
    expected = [[min(s / end, 1) for s in row] for row, end in zip(steps, ends, strict=True)]
    np.testing.assert_allclose(found, np.array(expected, float), atol=1e-6)
    assert (found[:, 1] == 1).all() and (found[:, 0] < 1).all()


def test_steps_beyond_what_float32_holds():
    step = 2**25 + 1
    assert rates(StepDecay((step,), 0.5), [step - 1, step], 1) == [1.0, 0.5]
    assert rates(StepDecay((35,), 0.5), [35 * 10**9 - 1, 35 * 10**9], 10**9) == [1.0, 0.5]
    (half,) = rates(CosineDecay(), [10**9], 2 * 10**9, epochs=1)
    assert half == pytest.approx(0.5, abs=1e-6)
    # What counts the steps is whole as well.
    optimizer = keras.optimizers.SGD(0.1)
    assert np.dtype(optimizer.iterations.dtype) == np.int64


@pytest.mark.parametrize(
    ("part", "arguments", "message"),
    [
        (StepDecay, {"boundaries": (70, 35)}, "StepDecay.boundaries must be epochs >= 0 that rise"),
        (StepDecay, {"boundaries": (3, 2)}, "StepDecay.boundaries"),
        (StepDecay, {"boundaries": (-1,)}, "StepDecay.boundaries"),
        (StepDecay, {"boundaries": (math.inf,)}, "StepDecay.boundaries"),
        (StepDecay, {"boundaries": (1,), "factor": 0}, "StepDecay.factor"),
        (ExponentialDecay, {"every_epochs": 0}, "ExponentialDecay.every_epochs"),
        (CosineDecay, {"final": 2}, "CosineDecay.final"),
    ],
)
def test_wrong_decays_are_refused(part, arguments, message):
    with pytest.raises(UserError, match=message):
        part(**arguments)


@pytest.mark.parametrize(
    ("rate", "warmup_epochs", "message"),
    [
        (0, 0, "LearningRate.rate_per_256"),
        (1, -1, "LearningRate.warmup_epochs"),
        (1, math.inf, "LearningRate.warmup_epochs"),
    ],
)
def test_wrong_rates_are_refused(rate, warmup_epochs, message):
    with pytest.raises(UserError, match=message):
        LearningRate(256, 1, 1, StepDecay(()), rate, warmup_epochs)
