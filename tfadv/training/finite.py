"""Numbers that are not finite: found inside a traced step, reported outside of it."""

from collections.abc import Iterable, Sequence

import tensorflow as tf

from tfadv.errors import UserError


def not_finite(tensors: Iterable[tf.Tensor]) -> tf.Tensor:
    """Returns float32 [M]: 1 for each tensor that holds a NaN or an infinity, else 0.

    One sum of squares of each tells in a single pass that all is well; only where one of
    those is not finite, which large numbers are enough for, each value is looked at.
    """
    tensors = list(tensors)
    sums = tf.stack([tf.nn.l2_loss(tensor) for tensor in tensors])

    def looked_at() -> tf.Tensor:
        fine = tf.stack([tf.reduce_all(tf.math.is_finite(tensor)) for tensor in tensors])
        return 1 - tf.cast(fine, tf.float32)

    fine = tf.reduce_all(tf.math.is_finite(sums))
    return tf.cond(fine, lambda: tf.zeros_like(sums), looked_at)


def require_finite(found: Sequence[float], names: Sequence[str], step: int) -> None:
    """Raises `UserError` that names the first of some tensors that was not finite in a step.

    Args:
        found: what `not_finite` returned, or means of it over replicas and micro-batches.
        names: of the M tensors, in the order in which a step computes them: the first is
            the cause of the others.
        step: counted from 1.
    """
    wrong = [name for name, share in zip(names, found, strict=True) if share > 0]
    if wrong:
        raise UserError(
            f"step {step}: {wrong[0]} holds numbers that are not finite: the run stops, and "
            "nothing after the last checkpoint is saved (a lower LearningRate.rate_per_256 may "
            "help, or the strategy's loss has no derivative there)"
        )
