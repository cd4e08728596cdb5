import pytest
import tensorflow as tf
from tensorflow.python.eager import context

from tfadv.devices.tracing import as_traced

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
