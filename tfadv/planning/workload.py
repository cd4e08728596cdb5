"""What a training step computes for each image."""

import copy
import dataclasses
import math
from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf

from tfadv.attacks import Attack
from tfadv.devices.tracing import functions_opened
from tfadv.models.classifier import Trainable
from tfadv.planning.counting_step import CountingStep
from tfadv.strategies import Batch, BatchStrategy

# A gradient by the inputs costs a forward; that by inputs and weights two.
ATTACK_PASSES = 2
TRAINING_PASSES = 3
_STEPS_COUNTED = 200  # the others of an attack are like them


@dataclasses.dataclass(frozen=True)
class Workload:
    """What one image costs in one training step, on average over a batch.

    Attributes:
        forward_flops: operations of one forward; a multiplication and an
            addition are two.
        attack_steps: gradient steps for each image of the batch.
        trained_images: images in a forward and backward of the loss for each image of the
            batch, each pass counted.
        largest_pass: those of one such pass, the one of most images.
        early: those of that pass whose gradients wait for no attack; see `CountingStep`.
        training_passes: what a training forward and backward cost, in forwards.
    """

    forward_flops: float
    attack_steps: float
    trained_images: float
    largest_pass: float = 1.0
    early: float = 0.0
    training_passes: int = TRAINING_PASSES

    def flops(self, dtype: str, attack_dtype: str) -> dict[str, float]:
        """Returns operations for each image of the batch, by dtype.

        Args:
            dtype: of the training forward and backward.
            attack_dtype: of the attack.
        """
        found = dict.fromkeys((attack_dtype, dtype), 0.0)
        found[attack_dtype] += self.forward_flops * ATTACK_PASSES * self.attack_steps
        found[dtype] += self.forward_flops * self.training_passes * self.trained_images
        return {name: count for name, count in found.items() if count}


def measure_workload(
    model: Trainable,
    strategy: BatchStrategy,
    attack: Attack,
    images: int,
    forward: float | None = None,
    attacks: Mapping[str, Attack] | None = None,
    epoch: float = 0.0,
) -> Workload:
    """Counts what a step of `images` computes: by the model's graph and the attack's questions.

    Args:
        model: the model.
        strategy: of its training.
        attack: likewise.
        images: of a step.
        forward: operations of the model's, where they are known.
        attacks: those that the strategy names.
        epoch: of the step, by which schedules have their values.
    """
    forward = forward or measure_forward(model)
    used = _images_used(model, strategy, attack, images, attacks or {}, epoch)
    return Workload(forward, *(count / images for count in used))


def measure_forward(model: Trainable, size: int | None = None) -> float:
    """Counts the operations of one image in the model's traced graph; see `Workload`.

    Products with a kernel and of attention count; what is done by element doesn't.

    Args:
        model: the model.
        size: height and width of the image; None takes the model's.
    """
    height, width, channels = model.image_shape
    images = tf.TensorSpec((1, size or height, size or width, channels), tf.float32)
    traced = tf.function(lambda images: model(images), autograph=False)
    with functions_opened():
        graph = traced.get_concrete_function(images).graph
    return float(sum(map(_flops, graph.get_operations())))


def _flops(operation: tf.Operation) -> float:
    terms = _PRODUCTS.get(operation.type)
    return 2 * terms(operation) * math.prod(operation.outputs[0].shape) if terms else 0


def _of_convolution(operation: tf.Operation) -> int:
    """Returns of how many products each output is the sum; a group sees its channels alone."""
    return math.prod(operation.inputs[1].shape[:-1])


def _of_depthwise(operation: tf.Operation) -> int:
    return math.prod(operation.inputs[1].shape[:2])


def _of_transposed(operation: tf.Operation) -> float:
    """Each input is multiplied by the whole kernel, of which [.., C_out, C_in] are the last."""
    kernel, x, y = operation.inputs[1].shape, operation.inputs[2].shape, operation.outputs[0].shape
    return math.prod(kernel[:-1]) * math.prod(x) / math.prod(y)


def _of_matrices(operation: tf.Operation) -> int:
    transposed = any(
        operation.get_attr(name)
        for name in ("transpose_a", "adj_x")
        if name in operation.node_def.attr
    )
    return operation.inputs[0].shape[-2 if transposed else -1]


def _of_einsum(operation: tf.Operation) -> int:
    """Returns the product of the lengths that are summed over."""
    taken, made = operation.get_attr("equation").decode().split("->")
    length = {}
    for letters, x in zip(taken.split(","), operation.inputs, strict=True):
        length |= dict(zip(letters, x.shape, strict=True))
    return math.prod(size for letter, size in length.items() if letter not in made)


_PRODUCTS = {
    "Conv2D": _of_convolution,
    "Conv3D": _of_convolution,
    "DepthwiseConv2dNative": _of_depthwise,
    "Conv2DBackpropInput": _of_transposed,
    "Conv3DBackpropInputV2": _of_transposed,
    "MatMul": _of_matrices,
    "BatchMatMulV2": _of_matrices,
    "Einsum": _of_einsum,
}


class _At(NamedTuple):
    epoch: tf.Tensor


def _images_used(
    model: Trainable,
    strategy: BatchStrategy,
    attack: Attack,
    images: int,
    attacks: Mapping[str, Attack],
    epoch: float,
) -> tuple[float, int, int, int]:
    """Returns at how many images a step's attacks look, whosever they are, how many train, how
    many of these at once, and how many of those beside an attack.

    The strategy does what it does in a step, on images of a few pixels and step by step.
    """
    now = _At(tf.constant(epoch))
    attack, attacks = attack.at(now), {spec: one.at(now) for spec, one in attacks.items()}
    most = max(int(getattr(one, "steps", 0)) for one in (attack, *attacks.values()))
    more = max(most / _STEPS_COUNTED, 1.0)
    fewer = {spec: _of_fewer_steps(one, more) for spec, one in attacks.items()}
    step = CountingStep(model, strategy, _of_fewer_steps(attack, more), fewer, now.epoch)
    x, labels = tf.zeros((images, 4, 4, 3)), tf.zeros((images,), tf.int32)
    with functions_opened():
        batch = Batch(x, labels, tf.range(images, dtype=tf.int64), run_seed=0, view=x)
        strategy.at(step).run(step, batch)
    return step.asked * more, step.trained, step.largest, step.early


def _of_fewer_steps(attack: Attack, times: float) -> Attack:
    if times == 1 or not hasattr(attack, "steps"):
        return attack
    fewer = copy.copy(attack)
    fewer.steps = round(int(attack.steps) / times)
    return fewer
