"""Activations that a backward computes again, in place of those that a forward keeps.

Chen et al., 2016, "Training deep nets with sublinear memory cost": of each block only the input
stays, and its gradient begins with its forward.
"""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from tfadv.devices.custom_gradients import custom_gradient
from tfadv.errors import UserError
from tfadv.models.classifier import Trainable
from tfadv.norms.base import Collected
from tfadv.registry.choices import BLOCKS

# Tensors in; tensors out, and the statistics that the block's norms measured.
Block = Callable[[Sequence[tf.Tensor]], tuple[list[tf.Tensor], Collected]]


def check_blocks(model: Trainable, recompute: str) -> None:
    """Raises `UserError` if a model's blocks are to be recomputed and it has none.

    Args:
        model: the model.
        recompute: as ``Training.recompute``.
    """
    # A network of somebody else's may know nothing of it.
    if recompute == BLOCKS and not getattr(model, "has_blocks", False):
        raise UserError(
            f"Training.recompute = 'blocks': no layer of '{model.name}' is named after a block, "
            "such as stage1_block1_first: name them so, or take Training.micro_batch_size",
            "Training.recompute",
        )


def recomputed(
    block: Block, inputs: Sequence[tf.Tensor], variables: Sequence[keras.Variable]
) -> tuple[list[tf.Tensor], Collected]:
    """Runs a block of which a backward keeps the inputs alone.

    The same arithmetic is done twice, so outputs and gradients are bit by bit those of the
    block itself. Statistics are of the first forward, and have no gradient.

    Args:
        block: reads what it draws of and what varies from tensors or `variables`.
        inputs: float32 or bfloat16.
        variables: all that the block reads.

    Returns:
        What the block does.
    """
    values = [tf.convert_to_tensor(variable) for variable in variables]
    trained = [place for place, variable in enumerate(variables) if variable.trainable]
    found: list[Collected] = []

    def run(tensors, weights):
        changed = list(values)
        for place, weight in zip(trained, weights, strict=True):
            changed[place] = weight
        with keras.StatelessScope(state_mapping=zip(variables, changed, strict=True)):
            return block(tensors)

    @custom_gradient
    def compute(*taken):
        tensors, weights = taken[: len(inputs)], taken[len(inputs) :]
        outputs, collected = run(tensors, weights)
        found.append(tf.nest.map_structure(tf.stop_gradient, collected))

        def gradient(*by_outputs):
            again = _after(by_outputs, tensors)
            with tf.GradientTape() as tape:
                tape.watch([*again, *weights])
                outputs, _ = run(again, weights)
            return tape.gradient(outputs, [*again, *weights], by_outputs)

        return outputs, gradient

    outputs = compute(*inputs, *(values[place] for place in trained))
    return tf.nest.flatten(outputs), found[0]


def _after(gradients: Sequence[tf.Tensor], tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Returns tensors as they are, but not before there are gradients.

    Otherwise both forwards would be merged, or done one after the other. The tensors depend on a
    gradient's value, and not by control alone, of which XLA knows nothing.
    """
    first = tf.cast(tf.reshape(gradients[0], [-1])[0], tf.float32)
    one = tf.where(tf.math.is_nan(first), first, 1.0)
    return [x * tf.cast(one, x.dtype) for x in tensors]
