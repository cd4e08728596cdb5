"""Keras models as networks, against Keras' own forward, backward and dropout."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from shared.keras_models import images, kinds_of_layers, network_of, randomized, small_cnn

from tfadv.models.classifier import norm_variables
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.group_norm import GroupNorm
from tfadv.norms.mixture_batch_norm import MixtureBatchNorm
from tfadv.norms.mode import NormMode

CLEAN, ADV = NormMode("clean"), NormMode("adv")


def keras_gradient(model, x):
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(model(x) ** 2)
    return tape.gradient(loss, x).numpy()


@pytest.mark.parametrize("build", [small_cnn, kinds_of_layers])
@pytest.mark.parametrize("constant", [False, True])
def test_every_branch_starts_as_the_original(build, constant):
    model = randomized(build())
    network, x = network_of(model, MixtureBatchNorm), images(4)
    expected = model(x).numpy()
    gradient = keras_gradient(model, x)
    for mode in (CLEAN, ADV):
        function = network.logits_fn(mode, constant=constant)
        np.testing.assert_allclose(network(x, mode=mode), expected, atol=1e-5)
        np.testing.assert_allclose(function(x), expected, atol=1e-5)
        found = keras_gradient(tf.function(function), x)
        np.testing.assert_allclose(found, gradient, atol=1e-4 * np.abs(gradient).max())


def test_narrow_maps_give_the_same_with_a_batch_that_fills_them():
    model = randomized(small_cnn())
    network, x = network_of(model, MixtureBatchNorm), images(32)
    np.testing.assert_allclose(network.logits_fn(ADV)(x), model(x), atol=1e-5)


def test_bfloat16_is_near_and_returns_float32():
    model = randomized(kinds_of_layers())
    network, x = network_of(model, MixtureBatchNorm), images(8)
    found, expected = network.logits_fn(ADV, "bfloat16")(x), model(x).numpy()
    assert found.dtype == tf.float32
    assert np.abs(found - expected).max() < 0.05 * np.abs(expected).max()


def test_training_statistics_are_those_of_keras():
    model = randomized(small_cnn())
    network, x = network_of(model, BatchNorm), images(16)
    before = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    expected = model(x, training=True)
    found = network(x, mode=NormMode(statistics="batch", update=True))
    np.testing.assert_allclose(found, expected, atol=1e-4)
    for layer, norm in zip(before, network.norms.values(), strict=True):
        assert (norm.momentum, norm.epsilon) == (layer.momentum, layer.epsilon)
        np.testing.assert_allclose(norm.moving_mean, layer.moving_mean, atol=1e-5)
        np.testing.assert_allclose(norm.moving_variance, layer.moving_variance, atol=1e-4)


def test_a_clean_batch_changes_nothing_of_the_adversarial_branch():
    network = network_of(randomized(small_cnn()), MixtureBatchNorm)
    adv = [v for norm in network.norms.values() for v in norm.variables if "/adv/" in v.path]
    before = [v.numpy() for v in adv]
    mode = NormMode("clean", "batch", update=True)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(network(images(16), mode=mode) ** 2)
    gradients = tape.gradient(loss, [v.value for v in adv if v.trainable])
    assert before and all(gradient is None for gradient in gradients)
    for variable, value in zip(adv, before, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_what_is_shared_stays_shared_and_nested_models_are_laid_open():
    inner = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(3, 3, padding="same")])
    inner.add(layers.BatchNormalization())
    x = y = keras.Input((8, 8, 3))
    y = inner(inner(y))
    model = randomized(keras.Model(x, layers.Dense(4)(layers.Flatten()(y))))
    network = network_of(model, BatchNorm)
    assert len(network.norms) == 1
    assert network.count_params() == model.count_params()
    np.testing.assert_allclose(network(images(4)), model(images(4)), atol=1e-5)
    mode = NormMode(statistics="batch", update=True)
    network(images(4), mode=mode)  # one update of two measurements


class Nameless(layers.Layer):
    """Leaves the names of what it holds to Keras."""

    def __init__(self, **named):
        super().__init__(**named)
        self.first, self.second = layers.Dense(3), layers.Dense(3)
        self.early = self.add_weight((3,))

    def build(self, _):
        self.factor, self.offset = self.add_weight((3,)), self.add_weight((3,))

    def call(self, x):
        return self.second(self.first(x)) * self.factor + self.offset + self.early


def nameless():
    x = keras.Input((8, 8, 3))
    y = Nameless()(layers.BatchNormalization()(Nameless()(x)))
    return keras.Model(x, layers.Dense(4)(layers.GlobalAveragePooling2D()(y)))


@pytest.mark.parametrize("build", [small_cnn, kinds_of_layers, nameless])
def test_names_do_not_depend_on_what_was_built_before(build):
    networks = [network_of(build(), BatchNorm) for _ in range(2)]
    paths = [[variable.path for variable in network.variables] for network in networks]
    assert paths[0] == paths[1] and len(set(paths[0])) == len(paths[0])
    assert networks[0].describe() == networks[1].describe()


def test_dropout_draws_of_the_seed_and_acts_with_one_alone():
    parts = [layers.Flatten(), layers.Dropout(0.5), layers.Dropout(0.5)]
    network = network_of(keras.Sequential([keras.Input((8, 8, 3)), *parts]), BatchNorm)
    ones = tf.ones((8, 8, 8, 3))
    np.testing.assert_array_equal(network(ones), tf.ones((8, 192)))
    np.testing.assert_array_equal(network.logits_fn()(ones), tf.ones((8, 192)))
    draw = tf.function(lambda seed: network(ones, seed=seed))
    one, again, other = (draw(tf.constant([1, n], tf.int64)).numpy() for n in (2, 2, 3))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()
    assert abs((one == 0).mean() - 0.75) < 0.05  # two that draw alike would leave a half


def test_a_last_softmax_is_left_out():
    model = small_cnn()
    for probabilities in (
        keras.Model(model.input, layers.Softmax()(model.output)),
        keras.Model(model.input, layers.Activation("softmax")(model.output)),
    ):
        network = network_of(probabilities, BatchNorm)
        np.testing.assert_allclose(network(images(2)), model(images(2)), atol=1e-5)


def test_group_norm_takes_the_place_of_layer_norm_on_tokens():
    x = keras.Input((8, 8, 3))
    tokens = layers.LayerNormalization()(layers.Reshape((64, 3))(x))
    model = keras.Model(x, layers.Dense(4)(layers.GlobalAveragePooling1D()(tokens)))
    make = lambda **named: GroupNorm(groups=1, **named)  # noqa: E731
    network = network_of(model, make, replaced=(layers.LayerNormalization,))
    assert [type(norm) for norm in network.norms.values()] == [GroupNorm]
    assert network(images(2)).shape == (2, 4)
    assert len(norm_variables(network)) == 2
