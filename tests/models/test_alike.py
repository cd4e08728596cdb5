import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv.models.alike import Traces, traces_in_use, traces_of
from tfadv.models.resnet import ResNet
from tfadv.norms import NormMode
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.group_norm import GroupNorm
from tfadv.norms.mixture_batch_norm import MixtureBatchNorm

BATCH = NormMode(None, "batch", update=True)


class Scaled(keras.layers.Layer):
    def __init__(self, factor, **named):
        super().__init__(**named)
        self.factor = factor
        self.weight = self.add_weight((2,), "ones", name="weight")
        self.seen = self.add_weight((), "zeros", trainable=False, name="seen")
        self.traced = 0


def scaled(layer, x):
    layer.traced += 1
    return x * layer.weight * layer.factor


@pytest.fixture
def layers():
    layers = [Scaled(2.0), Scaled(2.0), Scaled(3.0)]
    for number, layer in enumerate(layers):
        layer.weight.assign([number + 1.0, 10.0])
    return layers


def in_a_graph(function, *arguments):
    return tf.function(function, autograph=False)(*arguments)


def test_each_layer_computes_with_its_own_weights_and_attributes(layers):
    traces, x = Traces(layers), tf.ones([3, 2])
    found = in_a_graph(lambda: [traces("scaled", layer, scaled, x) for layer in layers])
    for layer, y in zip(layers, found, strict=True):
        np.testing.assert_array_equal(y, x * layer.weight * layer.factor)


def test_layers_that_are_alike_are_traced_once_and_no_others(layers):
    traces = Traces(layers)
    in_a_graph(lambda: [traces("scaled", layer, scaled, tf.ones([3, 2])) for layer in layers])
    assert [layer.traced for layer in layers] == [1, 0, 1]


def test_another_shape_is_another_trace(layers):
    traces = Traces(layers)

    def twice():
        for rows in (3, 4, 3):
            traces("scaled", layers[0], scaled, tf.ones([rows, 2]))

    in_a_graph(twice)
    assert layers[0].traced == 2


def test_traces_anew_are_of_the_same_kinds_and_are_made_again(layers):
    traces, x = Traces(layers), tf.ones([3, 2])
    for one in (traces, traces.anew([])):
        in_a_graph(lambda one=one: [one("scaled", layer, scaled, x) for layer in layers])
    assert [layer.traced for layer in layers] == [2, 0, 2]


@pytest.mark.parametrize("trained", [True, False])
def test_gradients_go_to_the_trained_variables_alone(layers, trained):
    first, second = layers[:2]
    traces = Traces(layers, first.variables).anew([second.weight] if trained else [])

    def gradients():
        with tf.GradientTape() as tape:
            x = tf.ones([3, 2])
            tape.watch(x)
            y = traces("scaled", second, scaled, traces("scaled", first, scaled, x))
        return tape.gradient(y, [x, second.weight.value], unconnected_gradients="zero")

    by_x, by_weight = in_a_graph(gradients)
    np.testing.assert_array_equal(by_x, 4 * np.ones([3, 2]) * [2.0, 100.0])
    np.testing.assert_array_equal(by_weight, [12.0, 120.0] if trained else [0.0, 0.0])


def test_a_function_that_writes_is_called_as_it_is(layers):
    def counted(layer, x):
        layer.seen.assign_add(1.0)
        return x

    traces, x = Traces(layers), tf.ones([3, 2])
    in_a_graph(lambda: [traces("counted", layer, counted, x) for layer in layers])
    assert [float(layer.seen.numpy()) for layer in layers] == [1.0, 1.0, 1.0]


def test_traces_are_in_use_inside_alone_for_layers_of_which_there_are_enough(layers):
    traces = Traces(layers, enough=2)
    with traces.in_use():
        assert traces_in_use() is traces
        assert [traces_of(layer) is traces for layer in layers] == [True, True, False]
    assert traces_in_use() is None and traces_of(layers[0]) is None


def a_network(norm):
    keras.utils.set_random_seed(1)
    model = ResNet((3,), (8, 8, 3), 5, norm, 4, "small")
    for number, variable in enumerate(model.variables):
        draw = np.random.default_rng(number).uniform(0.5, 1.5, variable.shape)
        variable.assign(draw if "kernel" not in variable.path else variable * draw)
    return model


@pytest.mark.parametrize(
    ("norm", "dtype"),
    [(BatchNorm, "float32"), (GroupNorm, "float32"), (MixtureBatchNorm, "bfloat16")],
)
def test_a_network_by_traces_has_the_same_outputs_and_gradients(norm, dtype, some_images):
    model, images = a_network(norm), some_images[0]
    weights = [variable.value for variable in model.trainable_variables]

    def everything():
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(images)
            trained, collected = model(images, mode=BATCH, collect=True, dtype=dtype)
            seen = model.logits_fn(NormMode(), dtype)(images)
        by_weights = tape.gradient(trained, weights, unconnected_gradients="zero")
        return trained, collected, seen, by_weights, tape.gradient(seen, images)

    def by_traces():
        with Traces(model.blocks, model.trainable_variables, enough=1).in_use():
            return everything()

    for one, other in zip(
        tf.nest.flatten(in_a_graph(everything)), tf.nest.flatten(in_a_graph(by_traces)), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5 * np.abs(one).max())
