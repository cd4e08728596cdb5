"""FAB by row: wrong classes one after the other, until a mistake is found within the ball."""

from typing import NamedTuple, Protocol

import tensorflow as tf

from tfadv.attacks.balls import BALLS
from tfadv.attacks.gradients import NOT_FINITE, by_image, classified, is_broken
from tfadv.attacks.objectives import likeliest_wrong
from tfadv.attacks.planes import nowhere, slope_towards
from tfadv.attacks.row_attack import RowAttack, Rows
from tfadv.devices.local import fuses
from tfadv.pixels import LogitsFn


class Search(Protocol):
    """What is asked of a FAB."""

    epsilon: float
    ball: str
    steps: int
    classes: int
    restarts: int
    jit_compile: bool | str

    def start(self, images, seeds, number: int) -> tf.Tensor:
        """Returns where the restart of that number begins."""

    def step(self, differentiate, images, x, labels, targets) -> tf.Tensor:
        """Returns the next iterates."""

    def back(self, images, x, there) -> tf.Tensor:
        """Returns iterates, drawn back where they are misclassified."""

    def result(self, images, found, distance) -> tf.Tensor:
        """Returns what was found, in the ball."""


class Nearest(NamedTuple):
    """FAB's rows.

    Attributes:
        towards: int32 [N, classes], the wrong classes in the order of their rounds.
        x: float32 [N, H, W, C], the iterates.
        found: float32 [N, H, W, C], the nearest misclassified points.
        distance: float32 [N, 1, 1, 1], how far they are.
        clean: int32 [N], the originals' classes.
    """

    towards: tf.Tensor
    x: tf.Tensor
    found: tf.Tensor
    distance: tf.Tensor
    clean: tf.Tensor


class FABRows(RowAttack[Nearest]):
    """FAB by row.

    Args:
        logits_fn: see `RowAttack`.
        attack: the FAB.
    """

    passes, start_passes = 1.3, 0.0  # a look after each step

    def __init__(self, logits_fn: LogitsFn, attack: Search):
        super().__init__(logits_fn)
        self.rounds, self.steps = attack.restarts * attack.classes, attack.steps
        self._attack = attack
        jit = fuses(attack.jit_compile)
        self._kept = tf.function(self._keep, jit_compile=jit, autograph=False)
        self._differentiate = slope_towards(logits_fn)

    def enter(self, images: tf.Tensor, labels: tf.Tensor, seeds: tf.Tensor) -> Nearest:
        """Returns the classes that the rounds are about, and that nothing was found yet."""
        logits = self.look(images)
        towards = likeliest_wrong(logits, labels, self._attack.classes)
        return Nearest(towards, images, images, nowhere(images), classified(logits))

    def begin(self, own: Nearest, rows: Rows) -> tuple[Nearest, tf.Tensor]:
        """Returns the rounds' starts, and the originals' classes; see `RowAttack.begin`."""
        restart, start = rows.round // self._attack.classes, rows.images
        for number in range(1, self._attack.restarts):
            again = self._attack.start(rows.images, rows.seeds, number)
            start = tf.where(by_image(restart == number), again, start)
        return own._replace(x=start), own.clean

    def step(self, own: Nearest, rows: Rows, count: tf.Tensor) -> tuple[Nearest, tf.Tensor]:
        """Returns the rows after a step; see `RowAttack.step`."""
        attack, images = self._attack, rows.images
        target = tf.gather(own.towards, rows.round % attack.classes, axis=1, batch_dims=1)
        x = attack.step(self._differentiate, images, own.x, rows.labels, target)
        own, found = self._kept(images, x, self.look(x), rows.labels, rows.live, own)
        return own, tf.where(is_broken(x), NOT_FINITE, found)

    def _keep(self, images, x, logits, labels, live, own: Nearest):
        """Returns the rows after a look at the iterates, and what was found within the ball."""
        attack, found = self._attack, classified(logits)
        there, now = by_image(found != labels), BALLS[self._attack.ball].size(x - images)
        nearer = there & (now < own.distance) & by_image(live)
        inside = tf.reshape(there & (now <= attack.epsilon), [-1])
        own = own._replace(
            x=attack.back(images, x, there),
            found=tf.where(nearer, x, own.found),
            distance=tf.where(nearer, now, own.distance),
        )
        return own, tf.where(inside, found, labels)

    def close(self, own: Nearest, rows: Rows) -> tf.Tensor:
        """Returns the classes of what lies beyond the ball, projected; see `RowAttack.close`."""
        return self.classes(self._attack.result(rows.images, own.found, own.distance))
