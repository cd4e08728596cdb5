"""What a step keeps of a forward for the gradients, in numbers for each image."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import tensorflow as tf

from tfadv.devices.tracing import functions_opened
from tfadv.models.classifier import Trainable
from tfadv.norms.mode import NormMode

# Operations whose output is their input in other words.
_ALIASES = ("Reshape", "Identity", "IdentityN", "ExpandDims", "Squeeze")


class Activations(NamedTuple):
    """How many numbers one image leaves in memory until its gradients are computed.

    Attributes:
        training: for those of the weights, by batch statistics.
        attack: for that of the images, the model prepared as an attack has it.
    """

    training: float
    attack: float

    def bytes_of(self, images: int, trained: float, dtype: str, attack_dtype: str | None) -> float:
        """Estimates what one replica keeps of `images` at once.

        The greater of training and attack counts: they are not there at the same time.

        Args:
            images: of a micro-batch.
            trained: images in the loss for each of them.
            dtype: of the training forward.
            attack_dtype: of the attack; None where there is none.
        """
        training = tf.as_dtype(dtype).size * self.training * trained
        attack = tf.as_dtype(attack_dtype).size * self.attack if attack_dtype else 0
        return images * max(training, attack)


def measure_activations(model: Trainable, attacked: bool, size: int | None = None) -> Activations:
    """Counts in the traced graphs what backward passes take of a model's forward.

    Args:
        model: the model.
        attacked: whether an attack computes gradients by the images.
        size: height and width of the images; None takes the model's.
    """
    height, width, channels = model.image_shape
    shape = (size or height, size or width, channels)
    mode = NormMode(model.default_branch, "batch", update=True)
    seed = tf.constant([0, 0], tf.int64)

    def forward(images):
        return model(images, mode=mode, collect=True, seed=seed)[0]

    weights = [variable.value for variable in model.trainable_variables]
    by_images = _kept(shape, model.logits_fn()) if attacked else 0.0
    return Activations(_kept(shape, forward, weights), by_images)


def _kept(image_shape: Sequence[int], function, weights: Sequence[tf.Variable] = ()) -> float:
    """Returns how many numbers of a function's forward its gradient takes, for one image."""
    forward: list[tf.Operation] = []

    def traced(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            total = tf.reduce_sum(function(images))
        forward.extend(images.graph.get_operations())
        return tape.gradient(total, weights or images, unconnected_gradients="zero")

    images = tf.TensorSpec((1, *image_shape), tf.float32)
    with functions_opened():
        graph = tf.function(traced, autograph=False).get_concrete_function(images).graph
    of_images = _that_follow(graph.inputs[0], forward)
    known = {operation.name for operation in forward}
    backward = (operation for operation in _needed(graph) if operation.name not in known)
    taken = (
        _made(tensor)
        for operation in backward
        for tensor in operation.inputs
        if tensor.op.name in of_images and tensor.dtype.is_floating
    )
    # What TensorFlow's operations note for themselves has no known shape, and is small.
    sizes = {t.name: math.prod(t.shape) for t in taken if t.shape.rank is not None}
    return float(sum(sizes.values()))


def _that_follow(images: tf.Tensor, operations: Sequence[tf.Operation]) -> set[str]:
    """Returns the names of the operations that depend on the images: the others are of weights."""
    found = {images.op.name}
    for operation in operations:
        if any(tensor.op.name in found for tensor in operation.inputs):
            found.add(operation.name)
    return found


def _needed(graph: tf.Graph) -> Iterator[tf.Operation]:
    """Yields the operations that a traced function's results are made of, and no others."""
    waiting, seen = [tensor.op for tensor in graph.outputs], set()
    while waiting:
        operation = waiting.pop()
        if operation.name not in seen:
            seen.add(operation.name)
            waiting += [tensor.op for tensor in operation.inputs]
            yield operation


def _made(tensor: tf.Tensor) -> tf.Tensor:
    """Returns the tensor whose memory one has."""
    while tensor.op.type in _ALIASES:
        number = tensor.value_index if tensor.op.type == "IdentityN" else 0
        tensor = tensor.op.inputs[number]
    return tensor
