"""Which image each example of a run shows, as a function of its number alone."""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfadv.data.in_place import eager_constant
from tfadv.data.permutation import permuted
from tfadv.data.source import Source

# From numbers of examples in the run, int64 [N], to numbers of images in a source, int64 [N].
Order = Callable[[tf.Tensor], tf.Tensor]
PURPOSE = "training order"


@dataclasses.dataclass(frozen=True)
class Passes:
    """Every image once in each pass, each pass in an order of its own.

    Attributes:
        images: how many there are.
        seed: the run's seed.
        purpose: what the order is for; other purposes get other orders.
    """

    images: int
    seed: int
    purpose: str = PURPOSE

    def __call__(self, index: tf.Tensor) -> tf.Tensor:
        """Returns the images of examples; see `Order`."""
        number, place = index // self.images, index % self.images
        return permuted(place, self.images, self.seed, self.purpose, number)


class Balanced:
    """Every class once in each round, in random order, and each class's images in passes.

    Args:
        source: the images, at least one of each class.
        seed: the run's seed.
        purpose: what the order is for.
    """

    def __init__(self, source: Source, seed: int, purpose: str = PURPOSE):
        self._classes = source.classes
        self._seed = seed
        self._purpose = f"{purpose}, balanced"
        # Images by class, and where those of each begin.
        self._images = np.argsort(source.labels, kind="stable").astype(np.int64)
        self._counts = np.bincount(source.labels, minlength=source.classes).astype(np.int64)
        self._starts = np.cumsum(self._counts) - self._counts

    def __call__(self, index: tf.Tensor) -> tf.Tensor:
        """Returns the images of examples; see `Order`."""
        rounds, place = index // self._classes, index % self._classes
        label = permuted(place, self._classes, self._seed, f"{self._purpose}: classes", rounds)
        count = tf.gather(eager_constant(self._counts), label)
        passes = (rounds // count) * self._classes + label
        which = permuted(rounds % count, count, self._seed, f"{self._purpose}: images", passes)
        first = tf.gather(eager_constant(self._starts), label)
        return tf.gather(eager_constant(self._images), first + which)


class Shared:
    """Two orders, of which the second has a fixed number of places in every batch.

    Args:
        first: of the first source's images, numbered from 0.
        second: of the second's, likewise; they are numbered after the first's.
        images: how many the first source has.
        batch_size: of a step over all replicas.
        of_second: places of a batch that are the second's.
    """

    def __init__(self, first: Order, second: Order, images: int, batch_size: int, of_second: int):
        self._orders = first, second
        self._images = images
        self._sizes = batch_size - of_second, of_second
        self._is_second = spread(batch_size, of_second)
        # The how manieth of its source each place of a batch is.
        ranks = [np.cumsum(self._is_second == second) - 1 for second in (False, True)]
        self._ranks = np.where(self._is_second, ranks[1], ranks[0]).astype(np.int64)

    def __call__(self, index: tf.Tensor) -> tf.Tensor:
        """Returns the images of examples; see `Order`."""
        step, place = index // sum(self._sizes), index % sum(self._sizes)
        rank = tf.gather(eager_constant(self._ranks), place)
        first, second = (
            order(step * size + rank) for order, size in zip(self._orders, self._sizes, strict=True)
        )
        is_second = tf.gather(eager_constant(self._is_second), place)
        return tf.where(is_second, self._images + second, first)


def spread(batch_size: int, count: int) -> np.ndarray:
    """Returns which places of a batch are taken, bool [batch_size], spread evenly over its parts.

    A replica has the places r, r + R, … of a batch, and micro-batches and ghost batches are
    taken of those alike. For a power of two D, each part of the places p, p + D, … has
    ``count / D`` of them, where D doesn't divide `count` rounded up or down; for other
    D nearly so.

    Args:
        batch_size: B.
        count: places to take, 0..B.
    """
    # Digits reversed, the smallest radices first (van der Corput's sequence for powers of two):
    # the places p, p + 2, … become one half of 0..B-1.
    position, rest, weight = np.zeros(batch_size, int), np.arange(batch_size), batch_size
    for radix in _prime_factors(batch_size):
        weight //= radix
        position += rest % radix * weight
        rest //= radix
    return (position + 1) * count // batch_size > position * count // batch_size


def _prime_factors(number: int) -> list[int]:
    found, factor = [], 2
    while number > 1:
        while number % factor == 0:
            found.append(factor)
            number //= factor
        factor += 1
    return found
