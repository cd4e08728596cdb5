"""Weights, gradients and rates for the checks of optimizers, and what optimizers are by formula."""

from collections.abc import Callable, Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf

from tfadv.optimization.optimizers import RateInUpdateSGD
from tfadv.optimization.schedules import LearningRate, StepDecay

MakeOptimizer = Callable[..., keras.optimizers.Optimizer]
# What weights are called in a model, and their shapes.
WEIGHTS = {
    "kernel": (3, 3, 2, 4),
    "bias": (4,),
    "gamma": (4,),
    "beta": (4,),
    "vectors": (5, 4),
}
KERNEL = "kernel"
STEPS = 6
Arrays = list[np.ndarray]


def falling_rate(rate: float = 0.02) -> LearningRate:
    """Returns a rate that drops to a half after two steps, and again after four."""
    return LearningRate(256, 1, STEPS, StepDecay((2, 4), 0.5), rate, 0)


class ConstantRate(keras.optimizers.schedules.LearningRateSchedule):
    """The same rate at every step.

    Args:
        rate: the rate.
    """

    def __init__(self, rate: float):
        self.rate = rate

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """Returns the float32 rate."""
        return tf.constant(self.rate, tf.float32)


def some_weights() -> list[keras.Variable]:
    """Returns weights of `WEIGHTS`, the same ones each time."""
    random = np.random.default_rng(1)
    return [
        keras.Variable(random.normal(0, 1, shape).astype("float32"), name=name)
        for name, shape in WEIGHTS.items()
    ]


def some_gradients(steps: int = STEPS) -> list[Arrays]:
    """Returns gradients of `some_weights` at some steps."""
    random = np.random.default_rng(2)
    return [
        [random.normal(0, 1, shape).astype("float32") for shape in WEIGHTS.values()]
        for _ in range(steps)
    ]


def apply(optimizer: keras.optimizers.Optimizer, weights: Sequence, gradients: Sequence) -> None:
    """Does one step."""
    optimizer.apply([tf.convert_to_tensor(gradient) for gradient in gradients], weights)


def built(make: MakeOptimizer, rate=None) -> tuple[keras.optimizers.Optimizer, list]:
    """Returns an optimizer as a run builds it, and its weights."""
    weights = some_weights()
    optimizer = make(learning_rate=rate or falling_rate())
    optimizer.build(weights)
    return optimizer, weights


def by_formula(
    optimizer: keras.optimizers.Optimizer, start: Arrays, gradients: list[Arrays], rates: Arrays
) -> Arrays | None:
    """Returns where `some_weights` end by an optimizer's formula, in float64.

    Its constants are the optimizer's; rates and gradients are taken as they are. If it has a
    weight decay, that takes ``lr·weight_decay·w`` off the kernel alone.

    Returns:
        None where the formula isn't known here.
    """
    formula = _FORMULAS.get(type(optimizer).update_step)
    if formula is None:
        return None
    ends = []
    for number, name in enumerate(WEIGHTS):
        weight = start[number].astype(np.float64)
        decay = (optimizer.weight_decay or 0.0) if name == KERNEL else 0.0
        own = [np.float64(step[number]) for step in gradients]
        for rate, change in zip(rates, formula(optimizer, own, rates), strict=True):
            weight = weight * (1 - rate * decay) - change
        ends.append(weight)
    return ends


def _sgd(optimizer, gradients, rates) -> Iterator[np.ndarray]:
    momentum, velocity = optimizer.momentum, 0.0
    for gradient, rate in zip(gradients, rates, strict=True):
        velocity = momentum * velocity + rate * gradient
        yield rate * gradient + momentum * velocity if optimizer.nesterov else velocity


def _rate_in_update_sgd(optimizer, gradients, rates) -> Iterator[np.ndarray]:
    momentum, velocity = optimizer.momentum, 0.0
    for gradient, rate in zip(gradients, rates, strict=True):
        velocity = momentum * velocity + gradient
        yield rate * (gradient + momentum * velocity if optimizer.nesterov else velocity)


def _adam(optimizer, gradients, rates) -> Iterator[np.ndarray]:
    mean = square = largest = 0.0
    first, second = optimizer.beta_1, optimizer.beta_2
    for step, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), 1):
        mean = first * mean + (1 - first) * gradient
        square = second * square + (1 - second) * gradient**2
        largest = np.maximum(largest, square) if optimizer.amsgrad else square
        scale = rate * np.sqrt(1 - second**step) / (1 - first**step)
        yield scale * mean / (np.sqrt(largest) + optimizer.epsilon)


def _rmsprop(optimizer, gradients, rates) -> Iterator[np.ndarray]:
    square = mean = velocity = 0.0
    for gradient, rate in zip(gradients, rates, strict=True):
        square = optimizer.rho * square + (1 - optimizer.rho) * gradient**2
        if optimizer.centered:
            mean = optimizer.rho * mean + (1 - optimizer.rho) * gradient
        step = rate * gradient / np.sqrt(square - np.square(mean) + optimizer.epsilon)
        velocity = optimizer.momentum * velocity + step
        yield velocity


def _lion(optimizer, gradients, rates) -> Iterator[np.ndarray]:
    mean = 0.0
    for gradient, rate in zip(gradients, rates, strict=True):
        yield rate * np.sign(optimizer.beta_1 * mean + (1 - optimizer.beta_1) * gradient)
        mean = optimizer.beta_2 * mean + (1 - optimizer.beta_2) * gradient


# By what moves one weight, which classes inherit.
_FORMULAS: dict[Callable, Callable[..., Iterator[np.ndarray]]] = {
    keras.optimizers.SGD.update_step: _sgd,
    RateInUpdateSGD.update_step: _rate_in_update_sgd,
    keras.optimizers.Adam.update_step: _adam,
    keras.optimizers.RMSprop.update_step: _rmsprop,
    keras.optimizers.Lion.update_step: _lion,
}
