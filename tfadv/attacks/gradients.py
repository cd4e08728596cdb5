"""Gradients by the images, and images for which a model gives no finite answer."""

import functools
from collections.abc import Callable

import tensorflow as tf

from tfadv.losses import cross_entropy
from tfadv.pixels import LogitsFn

# The class of an image that a model gives no finite answer for.
NOT_FINITE = -2


def classified(logits: tf.Tensor, images: tf.Tensor | None = None) -> tf.Tensor:
    """Returns the class of the largest logit, int32 [N], or `NOT_FINITE`.

    Args:
        logits: [N, K]; a row with a NaN or an infinity names no class.
        images: [N, H, W, C], what they are of: those that are not finite have no class.
    """
    fine = tf.reduce_all(tf.math.is_finite(logits), -1)
    if images is not None:
        fine &= tf.reduce_all(tf.math.is_finite(images), [1, 2, 3])
    return tf.where(fine, tf.argmax(logits, -1, tf.int32), NOT_FINITE)


def input_gradient(
    function: Callable, images: tf.Tensor, *others: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, object]:
    """Differentiates a loss by the images.

    Args:
        function: maps images [N, H, W, C] and any more tensors to a pair: losses [N],
            and whatever else is wanted of the same pass.
        images: float32 [N, H, W, C].
        *others: what else the function takes.

    Returns:
        The gradient of the losses' sum [N, H, W, C], 0 where no operation on the way has
        one, the losses and the rest. An image whose loss or gradient is not finite has
        nothing but NaN for a gradient.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(images)
        losses, rest = function(images, *others)
        total = tf.reduce_sum(losses)
    gradient = tape.gradient(total, images, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    fine = tf.reduce_all(tf.math.is_finite(gradient), [1, 2, 3]) & tf.math.is_finite(losses)
    return unless_broken(gradient, ~fine), losses, rest


def with_input_gradient(function: Callable) -> Callable:
    """Returns `input_gradient` of a function as one call of the graph.

    The call is kept whole. TensorFlow chooses a CPU's kernels node by node, and inside
    a loop in an order that varies from trace to trace: a max-pooling's gradient is
    oneDNN's if its pooling came first, else Eigen's, which is slower and shares ties
    otherwise. A function of its own has no such cycle, so a run's bits are repeatable.

    Args:
        function: as `input_gradient` takes it.

    Returns:
        A function of the images and any more tensors, for use in a traced function.
    """
    return tf.function(
        functools.partial(input_gradient, function),
        autograph=False,
        experimental_attributes={"_noinline": True},
    )


def expected(differentiate: Callable, samples: int) -> Callable:
    """Returns `with_input_gradient`'s function as an average over several passes.

    That is the gradient of the expected loss of a model that answers at random, such as by
    noise of its own: expectation over transformation (Athalye et al., 2018, section 4.2).

    Args:
        differentiate: returns gradients, losses and the rest of a pass.
        samples: how many passes; 1 changes nothing.

    Returns:
        A function that returns the average gradients and losses, and the rest of one pass.
    """
    if samples == 1:
        return differentiate

    def averaged(images: tf.Tensor, *others: tf.Tensor) -> tuple:
        def add(count, gradient, losses):
            more, more_losses, _ = differentiate(images, *others)
            return count + 1, gradient + more, losses + more_losses

        gradient, losses, rest = differentiate(images, *others)
        _, gradient, losses = tf.while_loop(
            lambda count, *_: count < samples,
            add,
            (tf.constant(1), gradient, losses),
            maximum_iterations=samples - 1,
            parallel_iterations=1,
        )
        return gradient / samples, losses / samples, rest

    return averaged


def label_gradient(
    logits_fn: LogitsFn, images: tf.Tensor, labels: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the gradient [N, H, W, C] of the labels' cross-entropies, and the logits [N, K]."""

    def losses(images):
        logits = logits_fn(images)
        return cross_entropy(logits, labels), logits

    gradient, _, logits = input_gradient(losses, images)
    return gradient, logits


def is_broken(gradient: tf.Tensor) -> tf.Tensor:
    """Returns bool [N]: where `input_gradient` found a number that is not finite."""
    return tf.math.is_nan(gradient[:, 0, 0, 0])


def unless_broken(images: tf.Tensor, broken: tf.Tensor) -> tf.Tensor:
    """Returns images, those that are marked in `broken`, bool [N], as NaN."""
    return tf.where(broken[:, None, None, None], float("nan"), images)


def by_image(values: tf.Tensor) -> tf.Tensor:
    """Returns values [N] as [N, 1, 1, 1]."""
    return values[:, None, None, None]
