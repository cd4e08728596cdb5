"""A run's optimizer: built for a model, its decay and rates as the plan says."""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from tfadv.models.classifier import Trainable
from tfadv.models.weight_groups import by_depth, weights_of
from tfadv.optimization.stateless import computing_values, slots
from tfadv.optimization.updates import check_decays, clipped, decay_alone, scale_rates
from tfadv.planning.plan import Plan
from tfadv.training.step.by_block import Blocks
from tfadv.training.step.values import with_values

GRADIENT_NORM = "gradient_norm"


def built_optimizer(plan: Plan, model: Trainable) -> keras.optimizers.Optimizer:
    """Returns the plan's optimizer with its variables; call it in the distribution's scope.

    Raises:
        UserError: it decides itself what decays, and the plan says otherwise.
    """
    training, weights = plan.training, model.trainable_variables
    optimizer = plan.build_optimizer()
    decayed = weights_of(model, training.weight_decay_of)
    if not training.decays_kernels_alone:
        decay_alone(optimizer, decayed, weights)
    optimizer.build(weights)
    if not training.decays_kernels_alone:
        check_decays(optimizer, decayed, weights)
    if training.layer_rate_decay != 1:
        scale_rates(optimizer, rate_factors(model, training.layer_rate_decay))
    return optimizer


def rate_factors(model: Trainable, decay: float) -> list[float]:
    """Returns the factor of the learning rate of each trainable weight, by its depth.

    ``d^k``, k the number of groups of `by_depth` after the weight's: 1 for the head (Clark et
    al., 2020, section 3.3; Bao et al., 2022, for ViT).
    """
    groups = by_depth(model)
    factors = {
        id(variable): decay ** (len(groups) - 1 - depth)
        for depth, group in enumerate(groups)
        for variable in group
    }
    return [factors[id(variable)] for variable in model.trainable_variables]


def apply(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[tf.Tensor],
    weights: Sequence[keras.Variable],
    clip_norm: float | None,
    blocks: Blocks,
) -> dict[str, tf.Tensor]:
    """Computes one update in replica context; returns `GRADIENT_NORM`, a scalar, if it clips.

    The new values are those of a `keras.StatelessScope`.

    Args:
        optimizer: built.
        gradients: of each weight, this replica's part of the sum.
        weights: to update.
        clip_norm: see ``Training.clip_norm``.
        blocks: of the model.
    """
    metrics = {}
    if clip_norm is not None:
        gradients, metrics[GRADIENT_NORM] = clipped(gradients, clip_norm)
    gradients = blocks.over_replicas(tf.distribute.ReduceOp.SUM, weights, list(gradients))
    with computing_values(_update_by_block(optimizer, blocks)):
        optimizer.apply(gradients, weights)
    return metrics


def slots_by_weight(optimizer: keras.optimizers.Optimizer) -> dict[int, list[keras.Variable]]:
    """Returns what an optimizer keeps for each weight, by the weight's id, where that is known."""
    weights = optimizer._trainable_variables
    return {id(w): own for w, own in zip(weights, slots(optimizer) or (), strict=False)}


def _update_by_block(optimizer: keras.optimizers.Optimizer, blocks: Blocks) -> Callable | None:
    """Returns what moves all weights, those of alike blocks by one trace; None if nothing can."""
    by_weight = slots_by_weight(optimizer)
    if not by_weight:
        return None

    def moved(weights, gradients, values, kept, rate, number):
        own = [slot for weight in weights for slot in by_weight[id(weight)]]
        variables = [*weights, *own, optimizer.iterations]
        with with_values(variables, [*values, *tf.nest.flatten(kept), number]):
            for gradient, weight in zip(gradients, weights, strict=True):
                optimizer.update_step(gradient, weight, rate)
            return [[v.value for v in (weight, *by_weight[id(weight)])] for weight in weights]

    def update(gradients, weights, rate):
        values = [weight.value for weight in weights]
        kept = [[slot.value for slot in by_weight[id(weight)]] for weight in weights]
        shared = tf.convert_to_tensor(rate), tf.convert_to_tensor(optimizer.iterations.value)
        found = blocks.for_each("update", weights, moved, gradients, values, kept, shared=shared)
        for weight, (value, *new) in zip(weights, found, strict=True):
            for variable, one in zip((weight, *by_weight[id(weight)]), (value, *new), strict=True):
                variable.assign(one)

    return update
