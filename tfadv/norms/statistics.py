"""What norms measure in a forward, and how it enters the running statistics."""

from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from tfadv.devices.custom_gradients import all_reduce

# What a norm measured in one batch: tensors that `Norm.updates` understands.
Statistics = tuple[tf.Tensor, ...]
# What the norms of a forward measured, by their paths: a norm that was called twice, twice.
Collected = dict[str, list[Statistics]]
# Running variables and their values after a step.
Updates = list[tuple[keras.Variable, tf.Tensor]]
# Mean and variance of each channel, float32 [C].
Moments = tuple[tf.Tensor, tf.Tensor]


def merged(collections: Sequence[Collected]) -> Collected:
    """Returns the statistics of several forwards, or of a forward's layers, as one collection."""
    found: Collected = {}
    for collected in collections:
        for path, measured in collected.items():
            found.setdefault(path, []).extend(measured)
    return found


def averaged(measured: Sequence[Statistics]) -> Statistics:
    """Returns the mean of several measurements of one norm."""
    return tuple(tf.add_n(same) / len(measured) for same in zip(*measured, strict=True))


def updates_of(norms: Mapping[str, keras.layers.Layer], collected: Collected) -> Updates:
    """Returns the running variables and their values after a step.

    Args:
        norms: each `Norm` by its path, as `norms_in` returns them.
        collected: what they measured. Several measurements of one norm are averaged: one
            update a step.
    """
    return [
        (variable, tf.stop_gradient(value))
        for path, measured in collected.items()
        for variable, value in norms[path].updates(averaged(measured))
    ]


def write_statistics(
    norms: Mapping[str, keras.layers.Layer], collected: Collected, across_replicas: str
) -> None:
    """Updates running statistics once for each norm; in replica context.

    Args:
        norms: each `Norm` by its path, as `norms_in` returns them.
        collected: what they measured; see `updates_of`.
        across_replicas: ``mean`` averages the new values over the replicas.
    """
    updates = updates_of(norms, collected)
    values = [value for _, value in updates]
    if values and across_replicas == "mean":
        values = all_reduce(tf.distribute.ReduceOp.MEAN, values)
    for (variable, _), value in zip(updates, values, strict=True):
        variable.assign(value)
