"""The climb of Auto-PGD (Croce & Hein, 2020, algorithm 1), one step after the other."""

from typing import NamedTuple

import tensorflow as tf

from tfadv.attacks.balls import L2Ball, LinfBall
from tfadv.attacks.gradients import by_image

# Section 3.2 and 3.4 of the paper: α, ρ, and the lengths of the first checkpoints.
MOMENTUM = 0.75
ENOUGH_RISES = 0.75
FIRST_CHECKPOINT, SHORTEST, SHORTER_BY = 0.22, 0.06, 0.03


def checkpoints(steps: int) -> dict[int, int]:
    """Returns the iterations, counted from 0, that end a stretch, and the stretches' lengths.

    Of N steps the first stretch takes 0.22·N, each later one 0.03·N fewer, at least 0.06·N.
    """
    length, shortest, by = (
        max(int(share * steps), 1) for share in (FIRST_CHECKPOINT, SHORTEST, SHORTER_BY)
    )
    ends, end = {}, length - 1
    while end < steps:
        ends[end] = length
        length = max(length - by, shortest)
        end += length
    return ends


class State(NamedTuple):
    """Where the climb is: a value per image, but for a `count` that all have in common."""

    count: tf.Tensor
    x: tf.Tensor
    before: tf.Tensor
    gradient: tf.Tensor
    loss: tf.Tensor
    best: tf.Tensor
    best_gradient: tf.Tensor
    best_loss: tf.Tensor
    best_loss_then: tf.Tensor
    step: tf.Tensor
    rises: tf.Tensor
    halved_then: tf.Tensor


def next_iterate(s: State, ball: LinfBall | L2Ball) -> tf.Tensor:
    """Returns the next iterates, float32 [N, H, W, C]."""
    ahead = ball.project(s.x + by_image(s.step) * ball.steepest(s.gradient))
    momentum = tf.where(s.count == 0, 1.0, MOMENTUM)
    momentum = by_image(momentum) if momentum.shape.rank else momentum
    return ball.project(s.x + momentum * (ahead - s.x) + (1 - momentum) * (s.x - s.before))


def moved(s: State, x: tf.Tensor, gradient: tf.Tensor, loss: tf.Tensor, steps: int) -> State:
    """Returns the state after a step to `x`, of that gradient and loss, of so many `steps`."""
    ends = checkpoints(steps)
    lengths = tf.constant([ends.get(count, 0) for count in range(steps + 1)], tf.float32)
    return at_checkpoint(_moved(s, x, gradient, loss), tf.gather(lengths, s.count))


def first_state(start: tf.Tensor, step: float, gradient: tf.Tensor, loss: tf.Tensor) -> State:
    """Returns the state before the first step, whose size that is."""
    nothing = tf.zeros_like(loss)
    return State(
        count=tf.constant(0),
        x=start,
        before=start,
        gradient=gradient,
        loss=nothing,  # the authors' first comparison, with 0
        best=start,
        best_gradient=gradient,
        best_loss=loss,
        best_loss_then=loss,
        step=nothing + step,
        rises=nothing,
        halved_then=tf.ones_like(loss, tf.bool),
    )


def _moved(s: State, x, gradient, loss) -> State:
    better = loss > s.best_loss
    return s._replace(
        count=s.count + 1,
        x=x,
        before=s.x,
        gradient=gradient,
        loss=loss,
        best=tf.where(by_image(better), x, s.best),
        best_gradient=tf.where(by_image(better), gradient, s.best_gradient),
        best_loss=tf.maximum(loss, s.best_loss),
        rises=s.rises + tf.cast(loss > s.loss, tf.float32),
    )


def at_checkpoint(s: State, length: tf.Tensor) -> State:
    """Halves the steps that got too little, where a stretch of `length` > 0 ends."""
    ends = length > 0
    too_few = s.rises <= ENOUGH_RISES * length
    no_gain = ~s.halved_then & (s.best_loss_then >= s.best_loss)
    halve = ends & (too_few | no_gain)
    back = by_image(halve)
    return s._replace(
        x=tf.where(back, s.best, s.x),
        gradient=tf.where(back, s.best_gradient, s.gradient),
        step=tf.where(halve, s.step / 2, s.step),
        rises=tf.where(ends, tf.zeros_like(s.rises), s.rises),
        halved_then=tf.where(ends, halve, s.halved_then),
        best_loss_then=tf.where(ends, s.best_loss, s.best_loss_then),
    )
