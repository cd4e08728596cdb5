import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.eager import context

from tfadv.devices.tracing import as_traced, variables_of_one_name
from tfadv.planning.distribution import Distribution

SWITCH = "disable_meta_optimizer"


def test_functions_run_as_they_were_traced():
    @tf.function(autograph=False)
    def affine(x):
        return tf.nn.relu(
            tf.nn.bias_add(tf.nn.conv2d(x, tf.ones((1, 1, 2, 2)), 1, "SAME"), [1.0, 2.0])
        )

    x = tf.ones((1, 4, 4, 2))
    assert "Relu" not in operations_run(affine, x)  # it is part of the convolution
    with as_traced():
        assert "Relu" in operations_run(affine, x)
    assert "Relu" not in operations_run(affine, x)


@pytest.mark.parametrize("before", [False, True])
def test_what_was_set_stays(before):
    tf.config.optimizer.set_experimental_options({SWITCH: before})
    try:
        with pytest.raises(KeyError), as_traced():
            raise KeyError
        assert tf.config.optimizer.get_experimental_options().get(SWITCH, False) == before
    finally:
        tf.config.optimizer.set_experimental_options({SWITCH: False})


def operations_run(function, x):
    """Returns the kinds of operations in the graphs that TensorFlow runs for a call."""
    context.context().enable_run_metadata()
    try:
        function(x)
        metadata = context.context().export_run_metadata()
    finally:
        context.context().disable_run_metadata()
    graphs = [graph for part in metadata.function_graphs for graph in part.partition_graphs]
    return {node.op for graph in graphs for node in graph.node}


def test_variables_of_one_name_are_variables_of_their_own(tmp_path):
    """Keras tells them apart by their paths, and checkpoints by where they are in the layer."""

    def layer():
        with Distribution(kind="mirrored").create().scope(), variables_of_one_name():
            made = keras.layers.Dense(2, name="dense")
            made.build((None, 3))
        return made

    first, second = layer(), layer()
    assert {weight.value.name for weight in first.weights} == {"variable:0"}
    assert [weight.path for weight in first.weights] == ["dense/kernel", "dense/bias"]
    first.set_weights([np.arange(6).reshape(3, 2), np.array([7, 8])])
    saved = tf.train.Checkpoint(layer=first).save(str(tmp_path / "saved"))
    tf.train.Checkpoint(layer=second).restore(saved).assert_consumed()
    for before, after in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(after, before)
