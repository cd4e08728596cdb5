"""Batches as a pure function of the seed and the step."""

import tensorflow as tf

from tfadv import randomness
from tfadv.data.augmentation import Augmentation
from tfadv.data.source import Source


def train_batches(
    source: Source,
    augmentation: Augmentation,
    batch_size: int,
    replicas: int,
    seed: int,
    start: int,
) -> tf.data.Dataset:
    """Returns endless training data from step `start` on.

    Each epoch is a new permutation without the remainder that fills no batch.
    The elements are one replica's share of a batch: of `replicas` shares the
    r-th has the images r, r + replicas, … of the batch.

    Args:
        source: the images.
        augmentation: applied to every image.
        batch_size: of one step over all replicas, which must divide it.
        replicas: number of shares.
        seed: the run's seed.
        start: the first step.

    Returns:
        Elements ``image`` float32 [N, H, W, C], ``label`` int32 [N] and
        ``index`` int64 [N], the example's number in the whole run.
    """
    steps_per_epoch = len(source) // batch_size
    per_replica = batch_size // replicas
    fetch = source.fetch_original if augmentation.takes_original else source.fetch

    @tf.autograph.experimental.do_not_convert  # which takes longer than all else
    def example(number):
        step, within = number // batch_size, number % batch_size
        in_batch = within % per_replica * replicas + within // per_replica
        index = step * batch_size + in_batch
        epoch, batch = step // steps_per_epoch, step % steps_per_epoch
        position = batch * batch_size + in_batch
        image, label = fetch(_shuffled(position, len(source), seed, epoch))
        stream = randomness.example_seeds(seed, "augmentation", index[None])[0]
        return {"image": augmentation(image, stream), "label": label, "index": index}

    return (
        tf.data.Dataset.range(start * batch_size, tf.int64.max)
        .map(example, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .batch(per_replica, drop_remainder=True)
        .prefetch(tf.data.AUTOTUNE)
    )


def evaluation_batches(
    source: Source, examples: int | None, batch_size: int, replicas: int, seed: int
) -> tf.data.Dataset:
    """Returns images to evaluate on, each exactly once, in batches of one shape.

    Args:
        source: the images.
        examples: how many; None for all, else a subset drawn by the seed.
        batch_size: of one step over all replicas, which must divide it.
        replicas: number of shares; see `train_batches`.
        seed: of the subset.

    Returns:
        Elements ``image``, ``label``, ``index`` int64 [N] within the source,
        and ``counts`` bool [N], false for what fills up the last batch.
    """
    total = len(source) if examples is None else min(examples, len(source))
    padded = -(-total // batch_size) * batch_size

    @tf.autograph.experimental.do_not_convert
    def example(position):
        inside = tf.minimum(position, total - 1)
        whole = total == len(source)
        index = inside if whole else _shuffled(inside, len(source), seed, tf.constant(0, tf.int64))
        image, label = source.fetch(index)
        return {"image": image, "label": label, "index": index, "counts": position < total}

    return (
        tf.data.Dataset.range(padded)
        .map(example, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .batch(batch_size // replicas, drop_remainder=True)
        .prefetch(tf.data.AUTOTUNE)
    )


def _shuffled(position, total, seed, epoch):
    key = tf.cast(tf.stack([tf.constant(seed, tf.int64), epoch]), tf.uint32)
    return tf.random.experimental.index_shuffle(position, key, total - 1)
