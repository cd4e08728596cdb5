"""Attacks by row: each image of a batch is in a state of its own, and leaves where it is beaten."""

import abc
from typing import Generic, NamedTuple, TypeVar

import tensorflow as tf

from tfadv.attacks.gradients import classified
from tfadv.pixels import LogitsFn

Own = TypeVar("Own")


class Rows(NamedTuple):
    """What an attack is told of its images, a row each.

    Attributes:
        images: float32 [N, H, W, C] in 0..255, the originals.
        labels: int32 [N].
        seeds: int64 [N, 2], a stream for each.
        round: int32 [N], from 0: which of the attack's rounds each is in.
        live: bool [N], which rows are attacked; the others' iterates mean nothing.
    """

    images: tf.Tensor
    labels: tf.Tensor
    seeds: tf.Tensor
    round: tf.Tensor
    live: tf.Tensor


class RowAttack(abc.ABC, Generic[Own]):
    """An attack that only has to find out whether an image can be beaten.

    An image goes through `rounds` of `steps` each and is done with its first misclassified
    point of the ball, whatever the attack would have returned of all it found. What it
    knows of an image is a row of the tensors in `Own`, a named tuple. The methods are for use in
    a traced function.

    Args:
        logits_fn: maps float32 images [N, H, W, C] in 0..255 to logits [N, K].

    Attributes:
        rounds: how often each image is started anew: restarts, or classes to aim at.
        steps: of a round.
        passes: what a step costs, in forward and backward passes.
        start_passes: what the start of a round costs.
    """

    rounds: int
    steps: int
    passes = start_passes = 1.0

    def __init__(self, logits_fn: LogitsFn):
        self.look = tf.function(logits_fn, autograph=False)

    @abc.abstractmethod
    def enter(self, images: tf.Tensor, labels: tf.Tensor, seeds: tf.Tensor) -> Own:
        """Returns what is known of images before the first round."""

    @abc.abstractmethod
    def begin(self, own: Own, rows: Rows) -> tuple[Own, tf.Tensor]:
        """Returns what is known at the start of the rows' rounds, and what was found there.

        That is the class int32 [N] of a point of the ball, or `NOT_FINITE`; the label where none
        was misclassified.
        """

    @abc.abstractmethod
    def step(self, own: Own, rows: Rows, count: tf.Tensor) -> tuple[Own, tf.Tensor]:
        """Returns what is known after a step, and what was found by it; see `begin`.

        Args:
            own: what was known before it.
            rows: the images.
            count: int32 [N], the steps before it in the round.
        """

    def close(self, own: Own, rows: Rows) -> tf.Tensor:
        """Returns the class int32 [N] of the result where no round has beaten the image."""
        return rows.labels

    def classes(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the classes of images, int32 [N], or `NOT_FINITE`."""
        return classified(self.look(images), images)


def unchanged(attack: object, kind: type, *methods: str) -> bool:
    """Returns whether an attack has the methods of a class, and no subclass's own."""
    return all(getattr(type(attack), name) is getattr(kind, name) for name in methods)
