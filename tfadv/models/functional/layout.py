"""Which calls of a network can have the batch inside of their maps; see `batch_inside`."""

from collections.abc import Callable

import keras
import tensorflow as tf
from keras import layers

from tfadv.models.functional.folding import LinearUnit
from tfadv.models.functional.graph import Call, Graph
from tfadv.norms.base import Norm

_MERGES = (layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum)
_BY_ELEMENT = (Norm, layers.ReLU, layers.LeakyReLU, layers.Dropout, *_MERGES)
_BY_NAME = ("Add", "Subtract", "Multiply")  # of the operations that `x + y` makes


def inside_from(graph: Graph) -> int:
    """Returns from which call on all can have the batch inside."""
    number = len(graph.calls)
    while number and _can(graph.calls[number - 1]):
        number -= 1
    return number


def together(arguments: tuple) -> tuple:
    """Returns arguments with the batch inside of all maps, if it is inside of one."""
    inside = any(_is_inside(x) for x in keras.tree.flatten(arguments))
    return keras.tree.map_structure(_moved, arguments) if inside else arguments


def _is_inside(x):
    return isinstance(x, tf.Tensor) and x.shape.rank == 5


def _moved(x):
    maps = isinstance(x, tf.Tensor) and x.shape.rank == 4
    return tf.transpose(x, [1, 2, 0, 3])[tf.newaxis] if maps else x


def in_any_layout(operation: object) -> Callable[[tf.Tensor], tf.Tensor] | None:
    """Returns what an operation does of maps in either layout, where it has axes; else None."""
    if isinstance(operation, layers.Concatenate) and operation.axis in (-1, 3):
        return lambda maps: tf.concat(maps, -1)
    return _averaged if _is_mean(operation) else None


def _averaged(x):
    return tf.reshape(tf.reduce_mean(tf.cast(x, tf.float32), [1, 2]), [-1, x.shape[-1]])


def _can(call: Call) -> bool:
    operation = call.operation
    if isinstance(operation, LinearUnit):
        return operation.is_plain or len(call.inputs[0].shape) == 2
    if len(call.outputs[0].shape) == 2:
        return len(call.inputs[0].shape) == 2 or _is_mean(operation)
    if isinstance(operation, layers.Activation):
        return operation.activation is not keras.activations.softmax
    if isinstance(operation, layers.Concatenate):
        return operation.axis in (-1, 3)
    of_maps = {tuple(x.shape) for x in call.inputs} == {tuple(call.outputs[0].shape)}
    by_element = isinstance(operation, _BY_ELEMENT) or type(operation).__name__ in _BY_NAME
    return by_element and of_maps


def _is_mean(operation):
    return isinstance(operation, layers.GlobalAveragePooling2D) and not operation.keepdims
