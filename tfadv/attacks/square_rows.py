"""Square by row: queries one after the other until one is misclassified."""

from typing import NamedTuple, Protocol

import tensorflow as tf

from tfadv import randomness
from tfadv.attacks.gradients import NOT_FINITE, by_image, classified
from tfadv.attacks.objectives import margin
from tfadv.attacks.row_attack import RowAttack, Rows
from tfadv.attacks.square_search import SQUARES
from tfadv.devices.local import fuses
from tfadv.pixels import LogitsFn


class Search(Protocol):
    """What is asked of a Square."""

    epsilon: float
    ball: str
    queries: int
    jit_compile: bool | str

    def sides(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the sides of images' squares, float32 [queries]."""


class Growing(NamedTuple):
    """Square's rows.

    Attributes:
        x: float32 [N, H, W, C], the points of the largest margins so far.
        best: float32 [N], those margins.
        found: int32 [N], the classes there.
    """

    x: tf.Tensor
    best: tf.Tensor
    found: tf.Tensor


class SquareRows(RowAttack[Growing]):
    """Square by row. The first query is the start.

    Args:
        logits_fn: see `RowAttack`.
        attack: the Square.
    """

    rounds = 1
    passes = start_passes = 1 / 3  # forward alone

    def __init__(self, logits_fn: LogitsFn, attack: Search):
        super().__init__(logits_fn)
        self.steps = attack.queries - 1
        self._attack = attack
        self._changed = self._fused(self._change)
        self._kept = self._fused(self._keep)

    def enter(self, images: tf.Tensor, labels: tf.Tensor, seeds: tf.Tensor) -> Growing:
        """Returns the originals, and their classes."""
        return Growing(images, tf.zeros(labels.shape), self.classes(images))

    def begin(self, own: Growing, rows: Rows) -> tuple[Growing, tf.Tensor]:
        """Returns the first images; those of an image that is misclassified are itself."""
        squares = SQUARES[self._attack.ball](rows.images, self._attack.epsilon)
        wrong = own.found != rows.labels
        start = squares.start(randomness.for_purpose(rows.seeds, "square"))
        x = tf.where(by_image(wrong), rows.images, start)
        best, found = _judged(self.look(x), rows.labels)
        return Growing(x, best, found), found

    def step(self, own: Growing, rows: Rows, count: tf.Tensor) -> tuple[Growing, tf.Tensor]:
        """Returns the rows after a query; see `RowAttack.step`."""
        candidate = self._changed(own.x, rows.images, rows.seeds, count + 1)
        own = Growing(*self._kept(candidate, self.look(candidate), rows.labels, *own))
        return own, own.found

    def close(self, own: Growing, rows: Rows) -> tf.Tensor:
        """Returns the classes of the largest margins; see `RowAttack.close`."""
        return own.found

    def _fused(self, function):
        jit = fuses(self._attack.jit_compile)
        return tf.function(function, jit_compile=jit, autograph=False)

    def _change(self, x, images, seeds, query):
        """Returns the images that a query is about."""
        squares = SQUARES[self._attack.ball](images, self._attack.epsilon)
        side = tf.gather(self._attack.sides(images), tf.minimum(query, self.steps))
        seeds = randomness.for_purpose(seeds, "square")
        return squares.changed(x, side, randomness.uniform_at(seeds, query, squares.draws))

    def _keep(self, candidate, logits, labels, x, best, found):
        """Returns the rows after a query that was answered by some logits."""
        now, there = _judged(logits, labels)
        better = (now > best) & (best <= 0)
        return (
            tf.where(by_image(better), candidate, x),
            tf.where(better, now, best),
            tf.where(better | (there == NOT_FINITE), there, found),
        )


def _judged(logits, labels):
    """Returns margins [N] and classes [N]; no class of a margin that is not finite."""
    now = margin(logits, labels)
    return now, tf.where(tf.math.is_finite(now), classified(logits), NOT_FINITE)
