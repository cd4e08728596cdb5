import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv.models.alike import Traces
from tfadv.models.resnet import ResNet
from tfadv.norms import NormMode
from tfadv.norms.base import updates_of
from tfadv.norms.batch_norm import BatchNorm
from tfadv.optimization.optimizers import RateInUpdateSGD
from tfadv.optimization.stateless import slots
from tfadv.training.step.by_block import Blocks
from tfadv.training.step.not_finite import not_finite_values
from tfadv.training.step.optimizer import apply, slots_by_weight
from tfadv.training.step.values import StepValues

OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(0.1),
    "momentum": lambda: RateInUpdateSGD(0.1, momentum=0.9, nesterov=True),
    "adam": lambda: keras.optimizers.Adam(0.1),
    "decayed": lambda: keras.optimizers.AdamW(0.1, weight_decay=0.3),
    "lamb": lambda: keras.optimizers.Lamb(0.1),  # not known to move each weight by itself
}


@pytest.fixture
def model():
    keras.utils.set_random_seed(2)
    return ResNet((1, 3), (8, 8, 3), 4, BatchNorm, 2, "small")


def gradients_of(model, number):
    random = np.random.default_rng(number)
    return [
        tf.constant(random.normal(size=weight.shape), tf.float32)
        for weight in model.trainable_variables
    ]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_updates_by_blocks_are_keras_own(model, name):
    weights, optimizer = model.trainable_variables, OPTIMIZERS[name]()
    optimizer.build(weights)
    blocks = Blocks(model.blocks, slots_by_weight(optimizer))

    @tf.function(autograph=False)
    def step(gradients):
        with Traces(model.blocks, weights, enough=1).in_use():
            values = StepValues([*model.variables, *optimizer.variables], blocks)
            with values.in_place():
                apply(optimizer, gradients, weights, None, blocks)
            values.write_unless(tf.constant(False))

    expected = [keras.Variable(weight, name=weight.name) for weight in weights]
    own = OPTIMIZERS[name]()
    own.build(expected)
    for number in range(2):
        step(gradients_of(model, number))
        own.apply(gradients_of(model, number), expected)
    for weight, right in zip(weights, expected, strict=True):
        np.testing.assert_allclose(weight, right, rtol=1e-6, atol=1e-6, err_msg=weight.path)
    assert int(optimizer.iterations.numpy()) == 2


def test_whose_updates_are_known_to_go_by_the_weight(model):
    known = {}
    for name, make in OPTIMIZERS.items():
        optimizer = make()
        optimizer.build(model.trainable_variables)
        known[name] = slots(optimizer)
    assert known["lamb"] is None and known["sgd"] is None  # without momentum it keeps nothing
    assert {len(own) for own in known["momentum"]} == {1}
    assert {len(own) for own in known["adam"]} == {2}


@pytest.mark.parametrize("value", [np.nan, -np.inf, 1e30])
def test_what_is_not_finite_is_named_wherever_it_is(model, value):
    weights = model.trainable_variables
    for place in (0, 7, len(weights) - 1):
        tensors = gradients_of(model, 0)
        tensors[place] = tf.fill(tensors[place].shape, np.float32(value))

        @tf.function(autograph=False)
        def found(tensors):
            with Traces(model.blocks, enough=1).in_use():
                return not_finite_values(Blocks(model.blocks), weights, tensors)

        expected = np.zeros(len(weights))
        expected[place] = not np.isfinite(value)
        np.testing.assert_array_equal(found(tensors), expected)


def test_running_statistics_by_blocks_are_those_of_each_norm(model, some_images):
    _, collected = model(some_images[0], mode=NormMode(None, "batch", update=True), collect=True)
    expected = {id(one): value for one, value in updates_of(model.norms, collected)}

    @tf.function(autograph=False)
    def by_blocks():
        with Traces(model.blocks, enough=1).in_use():
            pairs = Blocks(model.blocks).updates(model.norms, collected)
        places.extend(id(variable) for variable, _ in pairs)
        return [value for _, value in pairs]

    places: list[int] = []
    values = by_blocks()
    assert sorted(places) == sorted(expected)
    for name, value in zip(places, values, strict=True):
        np.testing.assert_allclose(value, expected[name], rtol=1e-6)
