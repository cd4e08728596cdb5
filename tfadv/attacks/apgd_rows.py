"""Auto-PGD by row: restarts, or wrong classes, one after the other until one beats the image."""

from typing import NamedTuple, Protocol

import tensorflow as tf

from tfadv import randomness
from tfadv.attacks.apgd_climb import State, first_state, moved, next_iterate
from tfadv.attacks.balls import BALLS
from tfadv.attacks.gradients import NOT_FINITE, classified, expected, is_broken, with_input_gradient
from tfadv.attacks.objectives import likeliest_wrong
from tfadv.attacks.row_attack import RowAttack, Rows
from tfadv.devices.local import fuses
from tfadv.pixels import LogitsFn


class Climber(Protocol):
    """What is asked of an Auto-PGD."""

    epsilon: float
    ball: str
    steps: int
    expectation_samples: int
    jit_compile: bool | str

    def start(self, images: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
        """Returns where a round begins."""

    def losses(self, logits: tf.Tensor, labels: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """Returns what goes up, float32 [N]."""


class Climbing(NamedTuple):
    """Auto-PGD's rows.

    Attributes:
        towards: int32 [N, rounds], the class that each round is about.
        state: of the climb.
        ahead: float32 [N, H, W, C], the iterates after it.
    """

    towards: tf.Tensor
    state: State
    ahead: tf.Tensor


class APGDRows(RowAttack[Climbing]):
    """Auto-PGD by row.

    Args:
        logits_fn: see `RowAttack`.
        attack: the Auto-PGD.
        rounds: how many.
        towards_classes: whether each round is towards the next of the likeliest wrong classes.
    """

    def __init__(
        self, logits_fn: LogitsFn, attack: Climber, rounds: int, towards_classes: bool = False
    ):
        super().__init__(logits_fn)
        self.rounds, self.steps = rounds, attack.steps
        self.passes = self.start_passes = float(attack.expectation_samples)
        self._attack = attack
        self._towards_classes = towards_classes

        def once(x, labels, towards):
            logits = logits_fn(x)
            return attack.losses(logits, labels, towards), classified(logits)

        self._onwards = tf.function(
            self._moved, jit_compile=fuses(attack.jit_compile), autograph=False
        )
        self._differentiate = expected(with_input_gradient(once), attack.expectation_samples)

    def enter(self, images: tf.Tensor, labels: tf.Tensor, seeds: tf.Tensor) -> Climbing:
        """Returns the classes that the rounds are about."""
        if self._towards_classes:
            towards = likeliest_wrong(self.look(images), labels, self.rounds)
        else:
            towards = tf.repeat(labels[:, None], self.rounds, axis=1)
        none = tf.zeros_like(images)
        state = first_state(none, 0.0, none, tf.zeros(labels.shape))
        return Climbing(towards, state._replace(count=tf.zeros_like(labels)), none)

    def begin(self, own: Climbing, rows: Rows) -> tuple[Climbing, tf.Tensor]:
        """Returns the rounds' starts; see `RowAttack.begin`."""
        purposes = [f"round {number}" for number in range(self.rounds)]
        seeds = randomness.for_purposes(rows.seeds, purposes, rows.round)
        start = self._attack.start(rows.images, seeds)
        gradient, loss, found = self._at(start, own, rows)
        first = first_state(start, 2 * self._attack.epsilon, gradient, loss)
        first = first._replace(count=tf.zeros_like(rows.labels))
        ahead = next_iterate(first, self._ball(rows.images))
        return own._replace(state=first, ahead=ahead), found

    def step(self, own: Climbing, rows: Rows, count: tf.Tensor) -> tuple[Climbing, tf.Tensor]:
        """Returns the state after a step; see `RowAttack.step`."""
        gradient, loss, found = self._at(own.ahead, own, rows)
        state = own.state._replace(count=count)
        state, ahead = self._onwards(rows.images, own.ahead, gradient, loss, *state)
        return own._replace(state=state, ahead=ahead), found

    def _moved(self, images, x, gradient, loss, *state):
        """Returns the state after a step to `x`, and the iterates after it."""
        state = moved(State(*state), x, gradient, loss, self.steps)
        return state, next_iterate(state, self._ball(images))

    def _ball(self, images):
        return BALLS[self._attack.ball](images, self._attack.epsilon)

    def _at(self, x, own: Climbing, rows: Rows):
        """Returns gradients, losses and what was found at some points."""
        towards = tf.gather(own.towards, rows.round, axis=1, batch_dims=1)
        gradient, loss, found = self._differentiate(x, rows.labels, towards)
        return gradient, loss, tf.where(is_broken(gradient), NOT_FINITE, found)
