"""What a training step computes and keeps for each image."""

import copy
import dataclasses
import math
from typing import NamedTuple

import tensorflow as tf

from tfadv import randomness
from tfadv.attacks import Attack
from tfadv.models.classifier import Trainable
from tfadv.pixels import LogitsFn
from tfadv.strategies import Network, Strategy

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
        outputs: numbers that the convolutions of one forward put out.
        attack_steps: gradient steps for each image of the batch.
        trained_images: images in the loss for each image of the batch.
    """

    forward_flops: float
    outputs: float
    attack_steps: float
    trained_images: float

    def flops(self, dtype: str, attack_dtype: str) -> dict[str, float]:
        """Returns operations for each image of the batch, by dtype.

        Args:
            dtype: of the training forward and backward.
            attack_dtype: of the attack.
        """
        found = dict.fromkeys((attack_dtype, dtype), 0.0)
        found[attack_dtype] += self.forward_flops * ATTACK_PASSES * self.attack_steps
        found[dtype] += self.forward_flops * TRAINING_PASSES * self.trained_images
        return {name: count for name, count in found.items() if count}

    def activation_bytes(self, images: int, dtype: str, attack_dtype: str) -> float:
        """Estimates what one replica keeps for the gradient of `images` at once.

        Training keeps each convolution's output before and after its norm; the
        attack, whose norms are folded, the output alone. The greater of the two
        counts: they are not there at the same time.
        """
        training = 2 * tf.as_dtype(dtype).size * self.outputs * self.trained_images
        attack = tf.as_dtype(attack_dtype).size * self.outputs if self.attack_steps else 0
        return images * max(training, attack)


class Forward(NamedTuple):
    """What one image costs in a forward: see `Workload`."""

    flops: float
    outputs: float


def measure_workload(
    model: Trainable,
    strategy: Strategy,
    attack: Attack,
    images: int,
    forward: Forward | None = None,
) -> Workload:
    """Counts what a step of `images` computes: by the model's graph and the attack's questions.

    Args:
        model: the model.
        strategy: of its training.
        attack: likewise.
        images: of a step.
        forward: of the model, where it is known.
    """
    forward = forward or measure_forward(model)
    asked, trained = _images_used(model, strategy, attack, images)
    return Workload(*forward, asked / images, trained / images)


def measure_forward(model: Trainable) -> Forward:
    """Counts in the traced graph what a model computes for one image."""
    images = tf.TensorSpec((1, *model.image_shape), tf.float32)
    traced = tf.function(lambda images: model(images), autograph=False)
    flops = outputs = 0
    for operation in traced.get_concrete_function(images).graph.get_operations():
        if operation.type not in ("Conv2D", "MatMul"):
            continue
        made = math.prod(operation.outputs[0].shape)
        flops += 2 * math.prod(operation.inputs[1].shape[:-1]) * made
        outputs += made if operation.type == "Conv2D" else 0
    return Forward(flops, outputs)


class _Answering:
    """A model's stand-in that answers every attack alike, and counts the images that it sees."""

    def __init__(self, model: Trainable):
        self.branches = model.branches
        self.classes = model.classes
        self.asked = 0

    def logits_fn(self, *_) -> LogitsFn:
        """Returns the one answer: the classes by the images' brightness."""

        def logits(images: tf.Tensor) -> tf.Tensor:
            self.asked += images.shape[0]
            brightness = tf.reduce_mean(images, [1, 2, 3])[:, tf.newaxis]
            return brightness * tf.range(self.classes, dtype=tf.float32)

        return logits


def _images_used(
    model: Trainable, strategy: Strategy, attack: Attack, images: int
) -> tuple[float, int]:
    """Returns at how many images a step's attacks look, whosever they are, and how many train.

    The strategy does what it does in a step, on images of a few pixels and step by step.
    """
    steps = getattr(attack, "steps", 0)
    more = max(steps / _STEPS_COUNTED, 1.0)
    if more > 1:
        attack = copy.copy(attack)
        attack.steps = _STEPS_COUNTED
    answering = _Answering(model)
    network = Network(answering, kinds=strategy.kinds)
    x, labels = tf.zeros((images, 4, 4, 3)), tf.zeros((images,), tf.int32)
    seeds = randomness.example_seeds(0, "workload", tf.range(images))
    eagerly = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        found = strategy.training_images(network, attack, x, labels, seeds)
    finally:
        tf.config.run_functions_eagerly(eagerly)
    return answering.asked * more, sum(batch.shape[0] for batch in found.values())
