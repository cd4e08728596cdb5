"""Cycles of an attack's iterates, found as they close, in constant memory.

A deterministic step on finitely many images ends in a cycle. Which iterate may close
one is recognized by its logits, of which a number is kept for each of the last steps: where
one of those comes back, so may the image have. That iterate is kept, and once it
comes back itself, bit for bit, the cycle is sure.
"""

import numpy as np
import tensorflow as tf

from tfadv.evaluation.trajectory.rolling_batch import RollingBatch

# The longest cycle that is found. An image in a longer one runs on.
WINDOW = 128


def fingerprint(logits: tf.Tensor) -> tf.Tensor:
    """Returns uint32 [N]: equal for equal logits [N, K], and hardly ever for others."""
    bits = tf.bitcast(tf.cast(logits, tf.float32), tf.uint32)
    factors = np.random.default_rng(0).integers(2**32, size=logits.shape[-1], dtype=np.uint32)
    return tf.reduce_sum(bits * tf.constant(factors | 1), axis=-1)


def watched(s: RollingBatch, logits: tf.Tensor) -> RollingBatch:
    """Looks whether the iterates are where they were before.

    Args:
        s: the images in the batch.
        logits: [N, K], of their iterates ``x``.

    Returns:
        The same; `period` is set where an iterate has come back.
    """
    print_ = fingerprint(logits)
    age = s.steps - s.kept_at
    seen = tf.reduce_any(s.prints == print_[:, None], axis=1) & (s.period == 0)
    keeps = seen & (age > WINDOW)
    may_be_back = seen & (age <= WINDOW) & (print_ == s.kept_print)
    back = tf.cond(
        tf.reduce_any(may_be_back),
        lambda: may_be_back & tf.reduce_all(s.x == s.kept, axis=[1, 2, 3]),
        lambda: may_be_back,
    )
    return s._replace(
        prints=tf.concat([print_[:, None], s.prints[:, :-1]], axis=1),
        kept=where_any(keeps, s.x, s.kept),
        kept_at=tf.where(keeps, s.steps, s.kept_at),
        kept_print=tf.where(keeps, print_, s.kept_print),
        period=tf.where(back, age, s.period),
    )


def where_any(rows: tf.Tensor, new: tf.Tensor, old: tf.Tensor) -> tf.Tensor:
    """Returns new images in some rows and old ones in the others; costs nothing if in none."""
    return tf.cond(
        tf.reduce_any(rows),
        lambda: tf.where(tf.reshape(rows, [-1, 1, 1, 1]), new, old),
        lambda: old,
    )
