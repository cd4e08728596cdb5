"""Batches as a pure function of the seed and the step."""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfadv import randomness
from tfadv.data.augmentation import Augmentation
from tfadv.data.drawing import Drawing
from tfadv.data.order import Passes
from tfadv.data.permutation import permuted
from tfadv.data.source import Source


@dataclasses.dataclass(frozen=True)
class Shares:
    """Which shares of each batch one input pipeline makes.

    Attributes:
        replicas: shares of a batch in all, one for each replica.
        first: the first share made here.
        here: how many are made here.
    """

    replicas: int = 1
    first: int = 0
    here: int = 1

    @classmethod
    def of(cls, context: tf.distribute.InputContext) -> "Shares":
        """Returns what a distribution asks of one of its input pipelines."""
        here = context.num_replicas_in_sync // context.num_input_pipelines
        return cls(context.num_replicas_in_sync, context.input_pipeline_id * here, here)

    def split(self, number: tf.Tensor, batch_size: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns the batch, the share and the place in it of this pipeline's n-th example."""
        per_replica = batch_size // self.replicas
        batch, within = number // (per_replica * self.here), number % (per_replica * self.here)
        return batch, self.first + within // per_replica, within % per_replica


# One replica's.
ALL = Shares()
# A multiple of what processors compute at once, so that an image's plan is the same to the
# last bit wherever it stands among the others.
_PLANNED_AT_ONCE = 64
# Batches.
_AHEAD = 2


def train_batches(
    source: Source,
    augmentation: Augmentation,
    batch_size: int,
    shares: Shares,
    seed: int,
    start: int,
    drawing: Drawing | None = None,
) -> tf.data.Dataset:
    """Returns endless training data from step `start` on.

    If nothing else is drawn, the images come in a new random order at each pass over them, and
    each pass begins where the one before it ended: none is left out, and a batch may hold the end
    of one and the beginning of another. The elements are one replica's share of a batch: the r-th
    of R shares has the images r, r + R, … of it.

    Args:
        source: the images.
        augmentation: applied to every image.
        batch_size: of one step over all replicas, which must divide it.
        shares: the shares to make.
        seed: the run's seed.
        start: the first step.
        drawing: what is drawn of them; None for passes.

    Returns:
        Elements ``image`` float32 or uint8 [N, H, W, C] in 0..255, as the augmentation makes
        them, ``label`` int32 [N] and ``index`` int64 [N], the example's number in the whole run.
        Of mixed or softly labelled images ``target`` float32 [N, K], of whose rows ``label`` is
        the largest; with weights of classes ``weight`` [N]; with second views ``view``, float32.
    """
    drawing = drawing or Drawing(Passes(len(source), seed), len(source), seed)
    per_replica = batch_size // shares.replicas

    @tf.autograph.experimental.do_not_convert  # which takes longer than all else
    def planned(numbers):
        step, share, within = shares.split(numbers, batch_size)
        index = step * batch_size + within * shares.replicas + share
        seeds = randomness.example_seeds(seed, "augmentation", index)
        own = _ahead(source, augmentation, drawing.order(index), seeds)
        return index, own, *_partners(source, augmentation, drawing, index, seeds)

    @tf.autograph.experimental.do_not_convert
    def example(*plan):
        return _example(source, augmentation, drawing, *plan)

    numbers = tf.data.Dataset.range(start * per_replica * shares.here, tf.int64.max)
    # Of many at once: an operation costs more than what it does to one number.
    plans = numbers.batch(_PLANNED_AT_ONCE).map(planned, tf.data.AUTOTUNE, deterministic=True)
    return _batched(plans.unbatch(), example, per_replica)


def _partners(source, augmentation, drawing, index, seeds):
    """Returns what is known of the images that some are mixed with, if any are."""
    if not drawing.mixing.is_on:
        return ()
    images, mixing_seeds = drawing.partners(index)
    seeds = randomness.for_purpose(seeds, "partner")
    return _ahead(source, augmentation, images, seeds), mixing_seeds


def _example(source, augmentation, drawing, index, own, partner=None, seed=None):
    """Returns an element for one example by its plan, and its partner's if it has one."""
    image, label = _augmented(source, augmentation, *own)
    target = source.target(own[0]) if source.has_soft_labels else None
    if partner is not None:
        image, share = drawing.mixing(
            tf.cast(image, tf.float32),
            lambda: tf.cast(_augmented(source, augmentation, *partner)[0], tf.float32),
            seed,
        )
        target = share * source.target(own[0]) + (1 - share) * source.target(partner[0])
    example = {"image": image, "label": label, "index": index}
    if target is not None:
        example |= {"target": target, "label": tf.argmax(target, output_type=tf.int32)}
    if drawing.class_weights is not None:
        example["weight"] = drawing.weights(source.target(own[0]) if target is None else target)
    if drawing.view is not None:
        seed = randomness.for_purpose(own[1], "view")
        example["view"] = drawing.view(tf.cast(image, tf.float32), seed)
    return example


def _ahead(source, augmentation, images, seeds):
    """Returns what is known of some images before any is opened, in rows for `_augmented`."""
    images = source.stand_in(images)
    if not augmentation.takes_original:
        return images, seeds, None, None
    shapes = source.shapes(images)
    plan = None if shapes is None else augmentation.plan(shapes, seeds)
    return images, seeds, plan, source.read_ahead(images)


def _augmented(source, augmentation, image, seed, plan, content):
    def of_part(part, number):
        if not augmentation.takes_original:
            image, label = part.fetch(number)
            return augmentation(image, seed), label
        stored, label = part.open(number, content)
        if plan is None:
            return augmentation.augment(stored, seed), label
        return augmentation.apply(stored, plan), label

    return source.from_part(image, of_part)


def _batched(numbers: tf.data.Dataset, example: Callable, size: int) -> tf.data.Dataset:
    """Returns batches of the examples that belong to numbers, two of them ahead of time."""
    options = tf.data.Options()
    # Images are made side by side: to share out one's operations only costs.
    options.threading.max_intra_op_parallelism = 1
    examples = numbers.map(example, tf.data.AUTOTUNE, deterministic=True)
    return examples.batch(size, drop_remainder=True).prefetch(_AHEAD).with_options(options)


def images_of_step(total: int, batch_size: int, seed: int, step: int) -> np.ndarray:
    """Returns which of `total` images `train_batches` takes in a step, int64 [batch_size]."""
    return Drawing(Passes(total, seed), total, seed).of_step(step, batch_size)


def evaluation_indices(source: Source, examples: int | None = None, seed: int = 0) -> np.ndarray:
    """Returns which images to evaluate on, int64 [N]: all, or a subset drawn by the seed.

    Those that the source skips are left out of either.

    Args:
        source: the images.
        examples: how many; None for all.
        seed: of the subset.
    """
    chosen = np.arange(len(source))
    if examples is not None and examples < len(source):
        places = tf.constant(chosen[:examples])
        chosen = permuted(places, len(source), seed, "evaluation subset", 0).numpy()
    return chosen[~np.isin(chosen, [*source.skipped])]


def evaluation_batches(
    source: Source, indices: np.ndarray, batch_size: int, shares: Shares = ALL
) -> tf.data.Dataset:
    """Returns images to evaluate on, each exactly once, in batches of one shape.

    Args:
        source: the images.
        indices: which of them, int64 [N].
        batch_size: of one step over all replicas, which must divide it.
        shares: the shares to make.

    Returns:
        Elements ``image``, ``label``, ``index`` int64 [N] within the source,
        and ``counts`` bool [N], false for what fills up the last batch.
    """
    total, chosen = len(indices), tf.constant(indices, tf.int64)
    per_replica = batch_size // shares.replicas
    here = -(-total // batch_size) * per_replica * shares.here

    @tf.autograph.experimental.do_not_convert
    def example(number):
        batch, share, place = shares.split(number, batch_size)
        position = batch * batch_size + share * per_replica + place
        index = chosen[tf.minimum(position, total - 1)]
        image, label = source.fetch(index)
        return {"image": image, "label": label, "index": index, "counts": position < total}

    return _batched(tf.data.Dataset.range(here), example, per_replica)


def some_examples(source: Source, count: int) -> dict[str, tf.Tensor]:
    """Returns a batch of `count` images, or all there are, the same ones each time."""
    indices = evaluation_indices(source, count)
    return next(iter(evaluation_batches(source, indices, len(indices))))
