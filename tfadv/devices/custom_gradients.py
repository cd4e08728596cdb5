"""Gradients that are traced with a graph, and go when the graph goes.

TensorFlow keeps each custom gradient, and with it all of the graph around, for as long as the
process lives.
"""

import functools
import weakref
from collections.abc import Callable

import tensorflow as tf
from tensorflow.python.framework.ops import gradient_registry


def custom_gradient(function: Callable) -> Callable:
    """Decorates a function as `tf.custom_gradient` does; what is traced goes with its graph.

    Args:
        function: of tensors; returns a structure of tensors, and a function of the gradients by
            them that returns those by its arguments.
    """
    recorded = tf.custom_gradient(function)
    return functools.wraps(function)(lambda *tensors: _kept_by_graph(recorded(*tensors)))


def all_reduce(operation: tf.distribute.ReduceOp, values: object) -> object:
    """Returns sums or means over the replicas, which can be differentiated; in replica context.

    Args:
        operation: which of them.
        values: a structure of tensors, of this replica.
    """
    return _kept_by_graph(tf.distribute.get_replica_context().all_reduce(operation, values))


def _kept_by_graph(outputs: object) -> object:
    """Returns what a custom gradient was recorded for, whose graph keeps it from now on.

    TensorFlow's registry finds the gradient for as long as the graph lives.
    """
    for tensor in tf.nest.flatten(outputs):
        if tf.is_symbolic_tensor(tensor):
            graph, name = tensor.graph, tensor.op.get_attr("_gradient_op_type").decode()
            entry = gradient_registry._registry[name]
            if not isinstance(entry["type"], _OfGraph):
                entry["type"] = _OfGraph(entry["type"], graph)
                weakref.finalize(graph, gradient_registry._registry.pop, name, None).atexit = False
    return outputs


class _OfGraph:
    """A gradient that a graph keeps."""

    def __init__(self, gradient: Callable, graph: tf.Graph):
        graph.custom_gradients = [*getattr(graph, "custom_gradients", ()), gradient]
        self._gradient = weakref.ref(gradient)

    def __call__(self, *by_outputs: object) -> object:
        return self._gradient()(*by_outputs)
