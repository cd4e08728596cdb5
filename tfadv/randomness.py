"""Stateless random draws: one independent stream for each example.

A stream depends on the run's seed, the purpose and the example's global index
and on nothing else, so the same image gets the same noise on any number of
replicas, and after a resume.
"""

import hashlib
from collections.abc import Sequence

import tensorflow as tf

from tfadv.errors import check

# Named, because 'auto_select' may differ from one kind of device to the next.
ALGORITHM = "philox"
_GOLDEN = 0x9E3779B97F4A7C15


def check_seed(parameter: str, seed: int) -> None:
    """Raises `UserError` unless every generator of this package takes the seed as it is."""
    whole = isinstance(seed, int) and not isinstance(seed, bool)
    check(whole and 0 <= seed < 2**31, parameter, "be a whole number in 0..2³¹-1", seed)


def example_seeds(seed: int, purpose: str, index: tf.Tensor) -> tf.Tensor:
    """Returns the seeds of a batch.

    Args:
        seed: the run's seed.
        purpose: what the draws are for; other purposes get other streams.
        index: integer tensor [N], the global indices of the examples.

    Returns:
        int64 tensor [N, 2].
    """
    index = tf.cast(index, tf.int64)
    return tf.stack([tf.fill(tf.shape(index), _word(f"{seed}/{purpose}")), index], axis=-1)


def for_purpose(seeds: tf.Tensor, purpose: str) -> tf.Tensor:
    """Returns seeds [..., 2] of streams that are independent of the given ones.

    A purpose within a purpose is another one, be it the same twice or two in the
    other order, which a mere sum or exclusive or of the two would not be.
    """
    return _scattered(seeds) + tf.constant([_word(purpose), 0], tf.int64)


def for_purposes(seeds: tf.Tensor, purposes: Sequence[str], which: tf.Tensor) -> tf.Tensor:
    """Returns `for_purpose` of seeds [N, 2], each for the purpose of its number, int32 [N]."""
    words = tf.constant([[_word(purpose), 0] for purpose in purposes], tf.int64)
    return _scattered(seeds) + tf.gather(words, which)


@tf.function(autograph=False)
def uniform(seeds: tf.Tensor, shape, low: float, high: float) -> tf.Tensor:
    """Draws uniform float32 values ``[N, *shape]`` in [low, high), a stream a row."""
    return tf.map_fn(
        lambda seed: tf.random.stateless_uniform(shape, seed, low, high, tf.float32, ALGORITHM),
        seeds,
        fn_output_signature=tf.float32,
        parallel_iterations=32,
    )


@tf.function(autograph=False)
def normal(seeds: tf.Tensor, shape) -> tf.Tensor:
    """Draws standard normal float32 values ``[N, *shape]``, a stream a row."""
    return tf.map_fn(
        lambda seed: tf.random.stateless_normal(shape, seed, alg=ALGORITHM),
        seeds,
        fn_output_signature=tf.float32,
        parallel_iterations=32,
    )


@tf.function(autograph=False)
def integers(seeds: tf.Tensor, bound: int) -> tf.Tensor:
    """Draws one int32 value [N] in 0..bound-1 for each stream."""
    return tf.map_fn(
        lambda seed: tf.random.stateless_uniform((), seed, 0, bound, tf.int32, ALGORITHM),
        seeds,
        fn_output_signature=tf.int32,
        parallel_iterations=32,
    )


def uniform_at(seeds: tf.Tensor, counter: tf.Tensor | int, count: int) -> tf.Tensor:
    """Draws uniform float32 values [N, count] in [0, 1), other ones at each `counter`.

    It is SplitMix64 (Steele et al., 2014), a few integer operations on the whole
    batch: for loops that draw in each step. XLA gives the same numbers.

    Args:
        seeds: int64 [N, 2].
        counter: integer >= -1, a scalar or one a row [N].
        count: how many values a row.
    """
    counter = tf.reshape(tf.cast(counter, tf.int64), [-1, 1])
    stream = _mixed(tf.bitcast(seeds[:, 0], tf.uint64)) ^ tf.bitcast(seeds[:, 1], tf.uint64)
    place = tf.bitcast((counter + 2) * count + tf.range(count, dtype=tf.int64), tf.uint64)
    mixed = _mixed(_mixed(stream)[:, None] + place * tf.constant(_GOLDEN, tf.uint64))
    top = tf.bitwise.right_shift(mixed, tf.constant(40, tf.uint64))
    return tf.cast(tf.bitcast(top, tf.int64), tf.float32) / 2**24


def _scattered(seeds: tf.Tensor) -> tf.Tensor:
    return seeds * tf.constant([_GOLDEN - 2**64, 1], tf.int64)


def _mixed(z: tf.Tensor) -> tf.Tensor:
    """Returns uint64 values with their bits stirred (SplitMix64's finalizer)."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z ^= tf.bitwise.right_shift(z, tf.constant(shift, tf.uint64))
        z *= tf.constant(factor, tf.uint64)
    return z ^ tf.bitwise.right_shift(z, tf.constant(31, tf.uint64))


def _word(text: str) -> int:
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)
