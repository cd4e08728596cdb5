"""Momentum SGD in both conventions and RMSProp, against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv.errors import UserError
from tfadv.optimization.optimizers import momentum_sgd, rmsprop
from tfadv.optimization.schedules import LearningRate, StepDecay

GRADIENTS = [np.array([0.5, 1.0]), np.array([-1.0, 2.0]), np.array([0.3, 0.1])]


def optimized(make, **arguments):
    """Applies the gradients at rates of 0.1, 0.01 and 0.001; returns the variable."""
    variable = keras.Variable([1.0, -2.0])
    optimizer = make(LearningRate(256, 1, 3, StepDecay((1, 2)), 0.1, 0), **arguments)
    optimizer.build([variable])
    for gradient in GRADIENTS:
        optimizer.apply([tf.constant(gradient, tf.float32)], [variable])
    return variable


@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.parametrize("rate_in", ["update", "velocity"])
def test_momentum_sgd_in_both_conventions(rate_in, nesterov):
    value, velocity = np.array([1.0, -2.0]), np.zeros(2)
    for gradient, rate in zip(GRADIENTS, (0.1, 0.01, 0.001), strict=True):
        inside, outside = (rate, 1) if rate_in == "velocity" else (1, rate)
        velocity = 0.9 * velocity + inside * gradient
        step = inside * gradient + 0.9 * velocity if nesterov else velocity
        value = value - outside * step
    found = optimized(momentum_sgd, nesterov=nesterov, rate_in=rate_in)
    np.testing.assert_allclose(found, value, rtol=1e-6)


def test_without_momentum_both_conventions_are_plain_descent():
    expected = np.array([1.0, -2.0]) - 0.1 * GRADIENTS[0] - 0.01 * GRADIENTS[1]
    expected = expected - 0.001 * GRADIENTS[2]
    for rate_in in ("update", "velocity"):
        found = optimized(momentum_sgd, momentum=0.0, nesterov=False, rate_in=rate_in)
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_rmsprop():
    value, square, velocity = np.array([1.0, -2.0]), np.zeros(2), np.zeros(2)
    for gradient, rate in zip(GRADIENTS, (0.1, 0.01, 0.001), strict=True):
        square = 0.9 * square + 0.1 * gradient**2
        velocity = 0.8 * velocity + rate * gradient / np.sqrt(square + 1.0)
        value = value - velocity
    np.testing.assert_allclose(optimized(rmsprop, momentum=0.8), value, rtol=1e-6)


@pytest.mark.parametrize(
    ("optimizer", "arguments", "message"),
    [
        (momentum_sgd, {"rate_in": "velocities"}, "Did you mean 'velocity'"),
        (rmsprop, {"epsilon": 0}, "rmsprop.epsilon"),
    ],
)
def test_wrong_arguments_are_refused(optimizer, arguments, message):
    with pytest.raises(UserError, match=message):
        optimizer(0.1, **arguments)
