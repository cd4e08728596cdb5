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
    passes = 1 / 3  # forward alone

    def __init__(self, logits_fn: LogitsFn, attack: Search):
        super().__init__(logits_fn)
        self.steps = attack.queries - 1
        self._attack = attack
        self._candidate = tf.function(
            self._changed, jit_compile=fuses(attack.jit_compile), autograph=False
        )

    def enter(self, images: tf.Tensor, labels: tf.Tensor, seeds: tf.Tensor) -> Growing:
        """Returns the originals, and their classes."""
        return Growing(images, tf.zeros(labels.shape), self.classes(images))

    def begin(self, own: Growing, rows: Rows) -> tuple[Growing, tf.Tensor]:
        """Returns the first images; those of an image that is misclassified are itself."""
        squares = SQUARES[self._attack.ball](rows.images, self._attack.epsilon)
        wrong = own.found != rows.labels
        start = squares.start(randomness.for_purpose(rows.seeds, "square"))
        x = tf.where(by_image(wrong), rows.images, start)
        best, found = self._judged(x, rows)
        return Growing(x, best, found), found

    def step(self, own: Growing, rows: Rows, count: tf.Tensor) -> tuple[Growing, tf.Tensor]:
        """Returns the rows after a query; see `RowAttack.step`."""
        candidate = self._candidate(own.x, rows.images, rows.seeds, count + 1)
        now, there = self._judged(candidate, rows)
        better = (now > own.best) & (own.best <= 0)
        own = Growing(
            tf.where(by_image(better), candidate, own.x),
            tf.where(better, now, own.best),
            tf.where(better | (there == NOT_FINITE), there, own.found),
        )
        return own, own.found

    def close(self, own: Growing, rows: Rows) -> tf.Tensor:
        """Returns the classes of the largest margins; see `RowAttack.close`."""
        return own.found

    def _changed(self, x, images, seeds, query):
        """Returns the images that a query is about."""
        squares, sides = (
            SQUARES[self._attack.ball](images, self._attack.epsilon),
            self._attack.sides,
        )
        side = tf.gather(sides(images), tf.minimum(query, self.steps))
        drawn = randomness.uniform_at(randomness.for_purpose(seeds, "square"), query, squares.draws)
        return squares.changed(x, side, drawn)

    def _judged(self, x, rows: Rows):
        """Returns margins [N] and classes [N]; no class of a margin that is not finite."""
        logits = self.look(x)
        now = margin(logits, rows.labels)
        return now, tf.where(tf.math.is_finite(now), classified(logits), NOT_FINITE)
