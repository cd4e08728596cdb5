"""Numbers that are not finite, found inside a traced step."""

from collections.abc import Iterable, Sequence

import keras
import tensorflow as tf

from tfadv.training.step.by_block import Blocks


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


def not_finite_values(
    blocks: Blocks, variables: Sequence[keras.Variable], tensors: Sequence[tf.Tensor]
) -> tf.Tensor:
    """Returns what `not_finite` does, of tensors that belong to a variable each."""

    def of_some(_, tensors):
        return tf.unstack(not_finite(tensors), len(tensors))

    return tf.stack(blocks.for_each("not finite", variables, of_some, list(tensors)))


def not_finite_by_image(
    tensors: Sequence[tf.Tensor], places: tf.Tensor, batch_size: int, broken: tf.Tensor
) -> tf.Tensor:
    """Returns float32 [T, batch_size]: 1 for each image whose row of a tensor is not finite.

    Args:
        tensors: [N_t, …] each, of the first N_t images.
        places: of the images in the batch, int [N].
        batch_size: images of the whole batch.
        broken: whether there is anything to look for, a bool scalar.
    """

    def of(tensor: tf.Tensor) -> tf.Tensor:
        fine = tf.reduce_all(tf.math.is_finite(tensor), list(range(1, tensor.shape.rank)))
        rows = tensor.shape[0]
        return tf.scatter_nd(places[:rows, None], 1 - tf.cast(fine, tf.float32), [batch_size])

    return tf.cond(
        broken,
        lambda: tf.stack([of(tensor) for tensor in tensors]),
        lambda: tf.zeros([len(tensors), batch_size]),
    )
