"""Keras' optimizers by name: their formulas, what decays, and what is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from shared.smoke_trainers import make_plan

from tfadv import config
from tfadv.errors import UserError
from tfadv.optimization.keras_optimizers import PAPERS
from tfadv.optimization.schedules import LearningRate, StepDecay
from tfadv.registry import OPTIMIZERS

GRADIENTS = [np.array([0.5, 1.0]), np.array([-1.0, 2.0]), np.array([0.3, 0.1])]
RATES = (0.1, 0.01, 0.001)


def variables(optimizer):
    """Applies the gradients to a kernel and a bias; returns both."""
    made = [keras.Variable([1.0, -2.0], name=name) for name in ("kernel", "bias")]
    optimizer.build(made)
    for gradient in GRADIENTS:
        optimizer.apply([tf.constant(gradient, tf.float32)] * 2, made)
    return made


def rate():
    return LearningRate(256, 1, 3, StepDecay((1, 2)), 0.1, 0)


def adamw(decay, beta_2):
    """AdamW (Loshchilov & Hutter, 2019, algorithm 2) in float64."""
    value, mean, square = np.array([1.0, -2.0]), np.zeros(2), np.zeros(2)
    for step, (gradient, lr) in enumerate(zip(GRADIENTS, RATES, strict=True), 1):
        mean = 0.9 * mean + 0.1 * gradient
        square = beta_2 * square + (1 - beta_2) * gradient**2
        value = value * (1 - lr * decay)
        root = np.sqrt(square / (1 - beta_2**step))
        value = value - lr * mean / (1 - 0.9**step) / (root + 1e-7)
    return value


def test_adamw_with_its_parameters_from_gin_decays_kernels_alone():
    config.read([], ["AdamW.weight_decay = 0.3", "AdamW.beta_2 = 0.95"])
    kernel, bias = variables(OPTIMIZERS.build("AdamW", learning_rate=rate()))
    np.testing.assert_allclose(kernel, adamw(0.3, 0.95), rtol=1e-5)
    np.testing.assert_allclose(bias, adamw(0.0, 0.95), rtol=1e-5)


@pytest.mark.parametrize("name", sorted(PAPERS))
def test_without_decay_each_is_the_class_of_keras(name):
    config.read([], [f"{name}.weight_decay = None"])
    ours, _ = variables(OPTIMIZERS.build(name, learning_rate=rate()))
    off = {"AdamW": {"weight_decay": 0.0}}
    off["Muon"] = {"weight_decay": None, "adam_weight_decay": None}
    theirs, _ = variables(getattr(keras.optimizers, name)(rate(), **off.get(name, {})))
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("bindings", "message"),
    [
        (["Experiment.optimizer = 'adamw'"], "Did you mean 'AdamW'"),
        (["Experiment.optimizer = 'keras.optimizers.Adam'"], "Did you mean 'Adam'"),
        (["Experiment.optimizer = 'AdamW'"], "AdamW.weight_decay = 0.004 decays the weights, and"),
        (["Adam.beta2 = 0.9"], "Did you mean 'beta_2'"),
        (["Adam.clipnorm = 0.9"], "Adam has no parameter 'clipnorm'"),
    ],
)
def test_what_cannot_be_is_one_line(bindings, message):
    with pytest.raises(UserError, match=message):
        make_plan("clean", *bindings)


@pytest.mark.parametrize(
    ("binding", "message"),
    [
        ("Adam.beta_2 = 1.0", "Adam.beta_2 must be in 0..1, got 1.0"),
        ("Adam.weight_decay = -1.0", "Adam.weight_decay must be >= 0"),
        ("Adam.amsgrad = 1", "Adam.amsgrad must be of type bool"),
    ],
)
def test_arguments_are_checked(binding, message):
    config.read([], [binding])
    with pytest.raises(UserError, match=message):
        OPTIMIZERS.build("Adam", learning_rate=rate())


def test_a_plugin_may_take_a_name_of_keras():
    def Lion(learning_rate):  # noqa: N802  (as its user calls it)
        return keras.optimizers.SGD(learning_rate)

    assert OPTIMIZERS.register("Lion")(Lion) is OPTIMIZERS.get("Lion")
    with pytest.raises(UserError, match="is registered twice|is taken by"):

        @OPTIMIZERS.register("Lion")
        def Lion(learning_rate):  # noqa: N802
            return None
