"""What a step's tensors take in memory from a forward to its gradients."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf

from tfadv.devices.tracing import functions_opened
from tfadv.models.classifier import Trainable
from tfadv.norms.mode import NormMode
from tfadv.planning.live_tensors import peak_bytes, prepared
from tfadv.registry.choices import BLOCKS


class Activations(NamedTuple):
    """What one replica's forwards and backwards take.

    Attributes:
        training: bytes at once, in a forward and the gradients of the weights.
        attack: likewise with those of the images, the model prepared as an attack has it.
        operations: of both graphs.
    """

    training: int
    attack: int
    operations: int


def measure_activations(
    model: Trainable,
    images: int,
    *,
    trained: float = 1.0,
    size: int | None = None,
    dtype: str = "float32",
    attack_dtype: str | None = None,
    recompute: str = "nothing",
    ghost_batches: int = 1,
) -> Activations:
    """Follows the tensors of the traced graphs of one step.

    Args:
        model: the model.
        images: of a micro-batch.
        trained: images in one loss for each of them.
        size: height and width of the images; None takes the model's.
        dtype: of the training forward.
        attack_dtype: of the attack; None where there is none.
        recompute: as ``Training.recompute``.
        ghost_batches: parts of a micro-batch with statistics of their own.
    """
    height, width, channels = model.image_shape
    shape = (size or height, size or width, channels)
    together = math.ceil(images * trained)
    ghosts = ghost_batches if together % ghost_batches == 0 else 1
    mode = NormMode(model.default_branch, "batch", update=True, ghost_batches=ghosts)
    seed, how = tf.constant([0, 0], tf.int64), {"recompute": True} if recompute == BLOCKS else {}

    def forward(x):
        return model(x, mode=mode, collect=True, dtype=dtype, seed=seed, **how)[0]

    weights = [variable.value for variable in model.trainable_variables]
    graph = _gradients(lambda: forward, (together, *shape), weights)
    training, operations = peak_bytes(graph), len(graph.get_operations())
    if attack_dtype is None:
        return Activations(training, 0, operations)
    graph = _gradients(lambda: model.logits_fn(dtype=attack_dtype), (images, *shape))
    # The same weights for all steps of the attack.
    attack = peak_bytes(graph, prepared(graph.inputs[0], graph))
    return Activations(training, attack, operations + len(graph.get_operations()))


def _gradients(
    make: Callable[[], Callable], shape: Sequence[int], weights: Sequence[tf.Variable] = ()
) -> tf.Graph:
    """Returns the graph of a function's gradients, by weights or else by the images."""

    def traced(images):
        function = make()
        with tf.GradientTape() as tape:
            tape.watch(images)
            total = tf.reduce_sum(function(images))
        return tape.gradient(total, weights or images, unconnected_gradients="zero")

    images = tf.TensorSpec(shape, tf.float32)
    with functions_opened():
        return tf.function(traced, autograph=False).get_concrete_function(images).graph
