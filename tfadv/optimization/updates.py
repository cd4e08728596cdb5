"""What is done to a step beside the optimizer's own formula: clipping, and rates by weights."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from tfadv.devices.custom_gradients import all_reduce
from tfadv.errors import UserError


def decay_alone(
    optimizer: keras.optimizers.Optimizer,
    decayed: Sequence[keras.Variable],
    weights: Sequence[keras.Variable],
) -> None:
    """Has an optimizer's own weight decay act on some weights alone; before it is built."""
    kept = {id(variable) for variable in decayed}
    optimizer.exclude_from_weight_decay([one for one in weights if id(one) not in kept])


def check_decays(
    optimizer: keras.optimizers.Optimizer,
    decayed: Sequence[keras.Variable],
    weights: Sequence[keras.Variable],
) -> None:
    """Raises `UserError` unless a built optimizer's decay acts on some weights alone."""
    asked = {id(variable) for variable in decayed}
    odd = [one.path for one in weights if optimizer._use_weight_decay(one) != (id(one) in asked)]
    if optimizer.weight_decay and odd:
        raise UserError(
            f"the optimizer '{optimizer.name}' decides itself which weights decay ({odd[0]}), "
            "unlike Training.weight_decay_of: leave that as it is",
            "Training.weight_decay_of",
        )


def scale_rates(optimizer: keras.optimizers.Optimizer, factors: Sequence[float]) -> None:
    """Has an optimizer move each weight at a rate of its own, and decay it at that.

    Args:
        optimizer: built.
        factors: of the learning rate, for each of the weights that it was built for.
    """
    update_step = optimizer.update_step
    decays = [optimizer._use_weight_decay(one) for one in optimizer._trainable_variables]

    def scaled(gradient, variable, learning_rate):
        number = optimizer._get_variable_index(variable)
        rate = factors[number] * learning_rate
        if optimizer.weight_decay and decays[number]:
            optimizer.assign_sub(variable, variable * optimizer.weight_decay * rate)
        update_step(gradient, variable, rate)

    # Keras has one rate for all, and no other place to give each weight its own.
    optimizer.update_step = scaled
    optimizer._apply_weight_decay = lambda variables: None


def clipped(gradients: Sequence[tf.Tensor], most: float) -> tuple[list[tf.Tensor], tf.Tensor]:
    """Scales gradients down to a norm of all of them together (Pascanu et al., 2013).

    ``g ← g · min(1, most/‖g‖)``, with g the sum over the replicas; in replica context.

    Args:
        gradients: float32, this replica's part of the sum.
        most: the norm beyond which they are scaled.

    Returns:
        This replica's part of the clipped sum, and the norm before, a scalar.
    """
    replica = tf.distribute.get_replica_context()
    whole = list(gradients)
    if replica.num_replicas_in_sync > 1:
        whole = all_reduce(tf.distribute.ReduceOp.SUM, whole)
    norm = tf.linalg.global_norm(whole)
    scale = most / tf.maximum(norm, most)
    return [gradient * scale for gradient in gradients], norm
