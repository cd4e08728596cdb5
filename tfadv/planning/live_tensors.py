"""How many bytes a traced function's tensors take while it runs."""

import math
from collections import Counter
from collections.abc import Collection, Iterator

import tensorflow as tf

# Operations whose output is their input in other words.
_ALIASES = ("Reshape", "Identity", "IdentityN", "ExpandDims", "Squeeze", "StopGradient")
# What is there already: what variables hold, constants, and shapes, which become constants.
_THERE = ("ReadVariableOp", "Const", "Placeholder", "Shape")


def peak_bytes(graph: tf.Graph, staying: Collection[str] = ()) -> int:
    """Returns the most bytes that the tensors take which are there at once.

    The operations that the results need are done in the order in which they were made; a tensor
    is there from its operation to the last one that takes it. The results are not counted, nor
    what operations take for themselves.

    Args:
        graph: of a function without calls of others.
        staying: names of tensors that stay to the end.
    """
    needed = {operation.name for operation in _needed(graph)}
    operations = [
        operation
        for operation in graph.get_operations()
        if operation.name in needed and operation.type not in (*_ALIASES, *_THERE)
    ]
    uncounted = {made(tensor).name for tensor in graph.outputs}
    uses = Counter(made(tensor).name for one in operations for tensor in one.inputs)
    uses.update(staying)
    live = most = 0
    for operation in operations:
        outputs = [tensor for tensor in operation.outputs if tensor.name not in uncounted]
        live += sum(map(_bytes, outputs))
        most = max(most, live)
        live -= sum(_bytes(tensor) for tensor in outputs if not uses[tensor.name])
        for tensor in map(made, operation.inputs):
            uses[tensor.name] -= 1
            counted = tensor.name not in uncounted and tensor.op.type not in _THERE
            live -= _bytes(tensor) if counted and not uses[tensor.name] else 0
    return most


def made(tensor: tf.Tensor) -> tf.Tensor:
    """Returns the tensor whose memory one has."""
    while tensor.op.type in _ALIASES:
        number = tensor.value_index if tensor.op.type == "IdentityN" else 0
        tensor = tensor.op.inputs[number]
    return tensor


def prepared(images: tf.Tensor, graph: tf.Graph) -> set[str]:
    """Returns the names of the tensors that are made before anything is of the images."""
    found: set[str] = set()
    for operation in graph.get_operations():
        if any(tensor is images for tensor in operation.inputs):
            break
        found |= {tensor.name for tensor in operation.outputs if operation.type not in _THERE}
    return found


def _bytes(tensor: tf.Tensor) -> int:
    # What TensorFlow's operations note for themselves has no known shape, and is small.
    known = tensor.shape.rank is not None and tensor.shape.is_fully_defined()
    return math.prod(tensor.shape) * tensor.dtype.size if known else 0


def _needed(graph: tf.Graph) -> Iterator[tf.Operation]:
    """Yields the operations that a traced function's results are made of, and no others."""
    waiting, seen = [tensor.op for tensor in graph.outputs], set()
    while waiting:
        operation = waiting.pop()
        if operation.name not in seen:
            seen.add(operation.name)
            waiting += [tensor.op for tensor in operation.inputs]
            yield operation
