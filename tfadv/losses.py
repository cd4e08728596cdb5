"""Losses of one example, and the weight penalty."""

from collections.abc import Iterable

import tensorflow as tf

from tfadv.devices.custom_gradients import custom_gradient

PAIRING_REDUCTIONS = ("mean", "sum")


def cross_entropy(logits: tf.Tensor, labels: tf.Tensor, smoothing: float = 0.0) -> tf.Tensor:
    """Cross-entropy of each example with smoothed labels (Szegedy et al., 2016, section 7).

    ``L = -Σₖ qₖ · log softmax(z)ₖ`` with ``qₖ = (1 - ε)·[k = y] + ε/K``, or, of soft
    labels y, ``qₖ = (1 - ε)·yₖ + ε/K``.

    Args:
        logits: z, float32 [N, K].
        labels: y, integer [N], or soft ones, float32 [N, K].
        smoothing: ε (the released pipeline trains with 0.1); 0 leaves the labels as they are.

    Returns:
        float32 [N].
    """
    classes = logits.shape[-1]
    if are_soft(labels):
        soft = (1 - smoothing) * labels + smoothing / classes if smoothing else labels
        return tf.nn.softmax_cross_entropy_with_logits(soft, logits)
    if not smoothing:
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    soft = tf.one_hot(labels, classes, 1 - smoothing + smoothing / classes, smoothing / classes)
    return tf.nn.softmax_cross_entropy_with_logits(soft, logits)


def are_soft(labels: tf.Tensor) -> bool:
    """Returns whether labels are shares of the classes, [N, K], rather than classes, [N]."""
    return len(labels.shape) == 2


def likeliest(labels: tf.Tensor) -> tf.Tensor:
    """Returns the class with the largest share or logit, int32 [N]; classes are returned as such.

    Args:
        labels: float32 [N, K], or integer [N].
    """
    return tf.argmax(labels, -1, tf.int32) if are_soft(labels) else labels


def weighted(logits: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Returns the logits, whose gradients are multiplied by a weight for each example.

    Any loss that is a sum of one term for each example has then the gradient of the sum
    of ``wᵢ·Lᵢ``, and its own value.

    Args:
        logits: float32 [N, K].
        weights: w, float32 [N].
    """

    @custom_gradient
    def same(z):
        return tf.identity(z), lambda gradient: gradient * weights[:, tf.newaxis]

    return same(logits)


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


def divergence(logits: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """Returns KL(softmax(z) ‖ softmax(z′)) of logits z and z′ [N, K], float32 [N]."""
    log_p, log_q = tf.nn.log_softmax(logits), tf.nn.log_softmax(other)
    return tf.reduce_sum(tf.exp(log_p) * (log_p - log_q), -1)


def l2_penalty(weights: Iterable[tf.Tensor]) -> tf.Tensor:
    """Returns ½ · Σ ‖W‖₂² over the weights W; a scalar."""
    return tf.add_n([tf.nn.l2_loss(weight) for weight in weights])
