"""The worked norms against their formulas, in NumPy, and against Keras' layers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv.interop.keras_form import keras_form
from tfadv.models.conv_norm import ConvNorm
from tfadv.models.resnet import ResNet
from tfadv.norms import NormMode
from tfadv.norms.mixture import MixtureNorm
from tfadv.registry import NORMS

X = np.random.default_rng(0).normal(1, 2, (4, 5, 5, 8)).astype("float32")


pytestmark = pytest.mark.usefixtures("worked_plugins")


def built(name, activated=True, **arguments):
    norm = NORMS.build(name, **arguments)
    norm.activated = activated
    norm.build((None, 5, 5, 8))
    random = np.random.default_rng(1)
    for variable in norm.variables:
        variable.assign(random.uniform(0.5, 1.5, variable.shape))
    return norm, {variable.name: np.array(variable) for variable in norm.variables}


@pytest.mark.parametrize(("name", "groups"), [("map_layer_norm", 1), ("instance_norm", 8)])
def test_layer_and_instance_norm_equal_keras(name, groups):
    ours, values = built(name, epsilon=1e-3)
    theirs = keras.layers.GroupNormalization(groups=groups, epsilon=1e-3)
    theirs.build((None, 5, 5, 8))
    theirs.set_weights([values["gamma"], values["beta"]])
    np.testing.assert_allclose(ours(X), theirs(X), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("branch", ["clean", "adv"])
def test_a_branch_of_the_mixture_layer_norm_equals_keras(branch):
    ours = NORMS.build("mixture_layer_norm")
    ours.build((None, 5, 5, 8))
    random = np.random.default_rng(1)
    for variable in ours.variables:
        variable.assign(random.uniform(0.5, 1.5, variable.shape))
    theirs = keras.layers.LayerNormalization(epsilon=1e-6)
    theirs.build((None, 5, 5, 8))
    part = ours.norms[ours.branches.index(branch)]
    theirs.set_weights([np.array(part.gamma), np.array(part.beta)])
    np.testing.assert_allclose(ours(X, mode=NormMode(branch)), theirs(X), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("name", ["filter_response_norm", "weight_standardized_group_norm"])
def test_a_mixture_of_a_norm_computes_as_the_norm_alone(name, relu):
    def make_norm(**named):
        return NORMS.build(name, **named)

    units = (
        ConvNorm(32, 3, make_norm(), relu=relu),
        ConvNorm(32, 3, MixtureNorm(make_norm, ("clean", "adv"), "adv"), relu=relu),
    )
    for unit in units:
        unit.build((None, 5, 5, 8))
    alone, mixture = units
    random = np.random.default_rng(1)
    of_branch = {v.name: v for v in mixture.norm.norms[0].variables} | {"kernel": mixture.kernel}
    for variable in alone.variables:
        variable.assign(random.normal(size=variable.shape))
        of_branch[variable.name].assign(variable)
    np.testing.assert_array_equal(mixture(X, mode=NormMode("clean")), alone(X))


@pytest.mark.parametrize("activated", [True, False])
def test_filter_response_norm_is_its_formula(activated):
    norm, values = built("filter_response_norm", activated)
    assert ("tau" in values) == activated
    expected = X / np.sqrt(np.mean(X**2, (1, 2), keepdims=True) + 1e-6)
    expected = expected * values["gamma"] + values["beta"]
    if activated:
        expected = np.maximum(expected, values["tau"])
    np.testing.assert_allclose(norm(X), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("activated", [True, False])
def test_evonorm_s0_is_its_formula(activated):
    norm, values = built("evonorm_s0", activated, groups=4)
    expected = X
    if activated:
        groups = X.reshape(4, 5, 5, 4, 2)
        variance = np.repeat(groups.var((1, 2, 4)), 2, -1)[:, None, None]
        expected = X / (1 + np.exp(-values["v"] * X)) / np.sqrt(variance + 1e-5)
    expected = expected * values["gamma"] + values["beta"]
    np.testing.assert_allclose(norm(X), expected, rtol=1e-4, atol=1e-5)


def test_a_norm_that_activates_takes_the_place_of_relu():
    unit = ConvNorm(8, 1, NORMS.build("filter_response_norm"))
    unit.build((None, 5, 5, 8))
    unit.norm.tau.assign(tf.fill([8], -0.5))
    assert float(tf.reduce_min(unit(tf.constant(X)))) == -0.5
    linear = ConvNorm(8, 1, NORMS.build("filter_response_norm"), relu=False)
    linear.build((None, 5, 5, 8))
    assert float(tf.reduce_min(linear(tf.constant(X)))) < -0.5


def test_weights_are_standardized_in_training_and_in_the_attack():
    unit = ConvNorm(6, 3, NORMS.build("weight_standardized_group_norm", groups=2), relu=False)
    unit.build((None, 5, 5, 8))
    kernel = np.array(unit.kernel)
    kernel = (kernel - kernel.mean((0, 1, 2))) / np.sqrt(kernel.var((0, 1, 2)) + 1e-5)
    theirs = keras.Sequential(
        [
            keras.layers.Conv2D(6, 3, padding="same", use_bias=False),
            keras.layers.GroupNormalization(2, epsilon=1e-5),
        ]
    )
    theirs.build((None, 5, 5, 8))
    theirs.set_weights([kernel, np.ones(6), np.zeros(6)])
    np.testing.assert_allclose(unit(tf.constant(X)), theirs(X), rtol=1e-3, atol=1e-4)
    fixed = unit.fixed(NormMode(), tf.float32)
    np.testing.assert_allclose(fixed(tf.constant(X)), theirs(X), rtol=1e-3, atol=1e-4)
    before, twice = unit(tf.constant(X)), 3 * unit.kernel + 2
    unit.kernel.assign(twice)
    np.testing.assert_allclose(unit(tf.constant(X)), before, rtol=1e-2, atol=1e-2)


def test_weight_standardization_has_its_keras_form():
    def make_norm(**arguments):
        return NORMS.build("weight_standardized_group_norm", groups=2, **arguments)

    model = ResNet((1, 1), (8, 8, 3), 4, make_norm, width=4, stem="small")
    random = np.random.default_rng(5)
    for variable in model.trainable_variables:
        variable.assign_add(random.normal(0, 0.1, variable.shape))
    images = random.uniform(0, 255, (3, 8, 8, 3)).astype("float32")
    expected = model(tf.constant(images))
    np.testing.assert_allclose(keras_form(model)(images), expected, rtol=1e-3, atol=1e-4)
