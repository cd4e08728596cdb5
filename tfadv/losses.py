"""Losses of one example, and the weight penalty."""

from collections.abc import Iterable

import tensorflow as tf

PAIRING_REDUCTIONS = ("mean", "sum")


def cross_entropy(logits: tf.Tensor, labels: tf.Tensor, smoothing: float = 0.0) -> tf.Tensor:
    """Cross-entropy of each example with smoothed labels (Szegedy et al., 2016, section 7).

    ``L = -Σₖ qₖ · log softmax(z)ₖ`` with ``qₖ = (1 - ε)·[k = y] + ε/K``.

    Args:
        logits: z, float32 [N, K].
        labels: y, integer [N].
        smoothing: ε (the released pipeline trains with 0.1); 0 leaves the labels as they are.

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

    ``L = (1/K) · Σₖ (zₖ - z′ₖ)²``, or the sum itself.

    Args:
        clean_logits: z, float32 [N, K].
        adv_logits: z′, float32 [N, K]; the gradient flows into both.
        reduction: over the classes, ``mean`` (as Kannan et al.) or ``sum``.

    Returns:
        float32 [N].
    """
    reduce = tf.reduce_mean if reduction == "mean" else tf.reduce_sum
    return reduce(tf.square(clean_logits - adv_logits), axis=-1)


def l2_penalty(kernels: Iterable[tf.Tensor], weight_decay: float) -> tf.Tensor:
    """Returns ½ · λ · Σ ‖W‖₂² over the kernels W, with λ = `weight_decay`; a scalar."""
    return weight_decay * tf.add_n([tf.nn.l2_loss(kernel) for kernel in kernels])
