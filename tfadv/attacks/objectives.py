"""What attacks make large: losses of each example, by name.

z are the logits, y the label, t a target, and z₍₁₎ ≥ z₍₂₎ ≥ … the logits in falling order.
"""

from collections.abc import Callable

import tensorflow as tf

from tfadv.errors import check
from tfadv.losses import cross_entropy

_TINY = 1e-12


def _at(logits: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
    return tf.gather(logits, classes, axis=-1, batch_dims=1)


def _others(logits: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
    given = tf.one_hot(classes, logits.shape[-1], on_value=True, off_value=False, dtype=tf.bool)
    return tf.where(given, logits.dtype.min, logits)


def best_other(logits: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
    """Returns the largest logit of a class that isn't the given one, float32 [N]."""
    return tf.reduce_max(_others(logits, classes), -1)


def likeliest_wrong(logits: tf.Tensor, labels: tf.Tensor, count: int) -> tf.Tensor:
    """Returns the wrong classes by falling logit, int32 [N, count], or as many as there are."""
    return tf.math.top_k(_others(logits, labels), min(count, logits.shape[-1] - 1)).indices


def difference(logits: tf.Tensor, labels: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Returns ``z_t - z_y``, float32 [N]."""
    return _at(logits, targets) - _at(logits, labels)


def margin(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Returns ``max_{k≠y} z_k - z_y``, float32 [N]: positive where misclassified.

    The loss of Carlini & Wagner (2017, section V) without its threshold.
    """
    return best_other(logits, labels) - _at(logits, labels)


def dlr(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Difference of logits ratio (Croce & Hein, 2020, equation 6), float32 [N].

    ``DLR = (max_{k≠y} z_k - z_y) / (z₍₁₎ - z₍₃₎)``; neither a shift nor a scale of the
    logits changes it. It needs three classes or more.
    """
    classes = logits.shape[-1]
    check(classes >= 3, "loss = 'dlr'", "be used with 3 classes or more", classes)
    top = tf.math.top_k(logits, 3).values
    return margin(logits, labels) / (top[:, 0] - top[:, 2] + _TINY)


def targeted_dlr(logits: tf.Tensor, labels: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Targeted DLR (Croce & Hein, 2020, equation 7), float32 [N].

    ``DLR_t = (z_t - z_y) / (z₍₁₎ - ½·(z₍₃₎ + z₍₄₎))``. It needs four classes or more.
    """
    classes = logits.shape[-1]
    check(classes >= 4, "a targeted loss = 'dlr'", "be used with 4 classes or more", classes)
    top = tf.math.top_k(logits, 4).values
    scale = top[:, 0] - (top[:, 2] + top[:, 3]) / 2 + _TINY
    return difference(logits, labels, targets) / scale


def check_classes(parameter: str, loss: str, targeted: bool, classes: int) -> None:
    """Raises `UserError` where a loss compares more logits than there are classes.

    Args:
        parameter: that chose the loss, for the error.
        loss: a name of `AWAY` and `TOWARDS`.
        targeted: whether it is one of `TOWARDS`.
        classes: K.
    """
    least = 4 if targeted else 3
    rule = f"be 'cross_entropy' or 'margin' where there are only {classes} classes"
    check(loss != "dlr" or classes >= least, parameter, rule, loss)


# To be made large: away from the label, and towards a target.
AWAY: dict[str, Callable] = {"cross_entropy": cross_entropy, "margin": margin, "dlr": dlr}
TOWARDS: dict[str, Callable] = {
    "cross_entropy": lambda logits, labels, targets: -cross_entropy(logits, targets),
    "margin": lambda logits, labels, targets: -margin(logits, targets),
    "dlr": targeted_dlr,
}
