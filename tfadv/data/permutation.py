"""The random order of the training images, computed place by place."""

import numpy as np
import tensorflow as tf

from tfadv import randomness

# Rounds of the cipher (Simon) that shuffles. TensorFlow's own `index_shuffle` takes 4, which
# leave successive permutations of 50,000 correlated by 0.7, and 8 still leave 0.02.
ROUNDS = 24


def permuted(
    place: tf.Tensor, total: int | tf.Tensor, seed: int, purpose: str, number: tf.Tensor | int
) -> tf.Tensor:
    """Returns what is at a place of a random permutation of 0..total-1.

    Args:
        place: int64, of any shape, each in 0..total-1.
        total: the length of the permutation, or int64 of the shape of `place`.
        seed: the run's seed, any integer.
        purpose: what the order is for; other purposes get other permutations.
        number: which of the purpose's permutations, int64 of the shape of `place` or a scalar.

    Returns:
        int64 of the shape of `place`.
    """
    numbers, which = tf.unique(tf.reshape(tf.cast(number, tf.int64), [-1]))
    streams = randomness.example_seeds(seed, purpose, numbers)
    # A hash of all of it: keys that resemble each other would give orders that do.
    keys = tf.map_fn(_key, streams, fn_output_signature=tf.uint32)
    seeds = tf.reshape(tf.gather(keys, which), tf.concat([tf.shape(number), [3]], 0))
    return _at(place, total, seeds)


def shuffled(total: int, seed: int, purpose: str) -> np.ndarray:
    """Returns the whole first permutation of a purpose, int64 [total], for a plan.

    Before a run's devices are chosen: it starts none of TensorFlow's, which could then no longer
    be divided or join a cluster.
    """
    on_cpu = tf.compat.v1.ConfigProto(device_count={"GPU": 0})
    with tf.Graph().as_default(), tf.compat.v1.Session(config=on_cpu) as session:
        # Not by `permuted`, whose loop over several permutations starts devices.
        stream = randomness.example_seeds(seed, purpose, tf.zeros([1], tf.int64))[0]
        return session.run(_at(tf.range(total, dtype=tf.int64), total, _key(stream)))


def _at(place, total, seeds):
    last = tf.convert_to_tensor(total - 1, tf.int64)
    return tf.raw_ops.RandomIndexShuffle(index=place, seed=seeds, max_index=last, rounds=ROUNDS)


def _key(stream):
    return tf.random.stateless_uniform([3], stream, None, None, tf.uint32, randomness.ALGORITHM)
