"""Losses of one example, and the weight penalty."""

from collections.abc import Iterable

import tensorflow as tf

PAIRING_REDUCTIONS = ("mean", "sum")


def cross_entropy(logits: tf.Tensor, labels: tf.Tensor, smoothing: float = 0.0) -> tf.Tensor:
    """Cross-entropy of each example, with label smoothing in its ε/K form.

    Args:
        logits: float32 [N, K].
        labels: integer [N].
        smoothing: ε; every class gets ε/K and the true one 1 - ε more
            (the released pipeline trains with 0.1).

    Returns:
        float32 [N].
    """
    if not smoothing:
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    classes = logits.shape[-1]
    soft = tf.one_hot(labels, classes, 1 - smoothing + smoothing / classes, smoothing / classes)
    return tf.nn.softmax_cross_entropy_with_logits(soft, logits)


def logit_pairing(
    clean_logits: tf.Tensor, adv_logits: tf.Tensor, reduction: str = "mean"
) -> tf.Tensor:
    """Squared distance of the logits of each pair (Kannan et al., 2018).

    Args:
        clean_logits: float32 [N, K].
        adv_logits: float32 [N, K]; the gradient flows into both.
        reduction: over the classes, ``mean`` (as Kannan et al.) or ``sum``.

    Returns:
        float32 [N].
    """
    reduce = tf.reduce_mean if reduction == "mean" else tf.reduce_sum
    return reduce(tf.square(clean_logits - adv_logits), axis=-1)


def l2_penalty(kernels: Iterable[tf.Tensor], weight_decay: float) -> tf.Tensor:
    """Returns ½ · weight_decay · Σ‖W‖² over the kernels."""
    return weight_decay * tf.add_n([tf.nn.l2_loss(kernel) for kernel in kernels])
