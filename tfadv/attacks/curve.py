"""Robustness by the number of steps: one PGD run for many lengths, and no step of it twice.

PGD with sign steps of one size is a deterministic map on finitely many images, so
every image's iterates end in a cycle, and from then on each later iterate is one
that was there before. Where a cycle is found, the run goes on to the places in it
that the lengths asked for fall on, and the image makes room for another one. How
soon that is depends on the model and on the number of pixels.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from tfadv.attacks.balls import BALLS
from tfadv.attacks.base import Attack, LogitsFn, with_input_gradient
from tfadv.attacks.pgd import PGD
from tfadv.attacks.slots import UNKNOWN, Outcome, Slots, examples, outcomes, room, smaller, stacked
from tfadv.devices import compiles
from tfadv.errors import UserError, check

# A cycle is looked for from an anchor, which moves on when the run is this much
# longer: Brent's method (1980) with a smaller factor, since cycles are short.
LONGER, AT_LEAST = 1.25, 16


def has_curve(attack: Attack) -> bool:
    """Returns whether a step of this attack is a function of the iterate alone."""
    return (
        isinstance(attack, PGD)
        and not attack.memory_slots
        and type(attack).__call__ is PGD.__call__
        and type(attack).descend is PGD.descend
    )


def trajectory(attack: PGD) -> tuple:
    """Returns what attacks on one trajectory have in common: all but the number of steps."""
    return type(attack), *(item for item in sorted(vars(attack).items()) if item[0] != "steps")


class Curve:
    """PGD at several lengths along one trajectory.

    Args:
        attack: says everything but the number of steps.
        lengths: numbers of steps, > 0.
        skip_cycles: whether to skip what an image's cycle tells; the outcomes are
            the same, bit for bit.
        worst_case: whether an image counts as beaten from its first misclassified
            iterate on, and is done with there. The random start is no iterate.
        steps_per_call: steps that run as one call, after which finished images
            leave the batch; None divides the longest run into about 16 each.

    Raises:
        UserError: a step of this attack depends on more than the image.
    """

    def __init__(
        self,
        attack: PGD,
        lengths: Sequence[int],
        skip_cycles: bool = True,
        worst_case: bool = False,
        steps_per_call: int | None = None,
    ):
        check(bool(lengths) and min(lengths) > 0, "lengths", "be numbers > 0", lengths)
        if not has_curve(attack):
            raise UserError(
                f"{type(attack).__name__} has no curve: its steps depend on more than the image"
            )
        self.lengths = tuple(sorted(set(lengths)))
        self._attack = attack
        self._skip_cycles = skip_cycles
        self._worst_case = worst_case
        self._whole = whole = self.lengths[-1] + 1  # the last one is only classified
        self._steps_per_call = steps_per_call or math.ceil(whole / math.ceil(whole / 16))

    def run(
        self,
        logits_fn: LogitsFn,
        batches: Iterable[dict],
        seeds_of: Callable[[tf.Tensor], tf.Tensor],
    ) -> Iterator[Outcome]:
        """Attacks a stream of images, as many at a time as a batch has.

        Args:
            logits_fn: maps images to logits.
            batches: all of one N: ``image`` float32 [N, H, W, C] in 0..255, ``label``,
                ``index`` [N] and ``counts`` bool [N], the rows to attack.
            seeds_of: maps indices [N] to seeds int64 [N, 2].

        Yields:
            An outcome for each image, in the order in which they finish.
        """
        advance = self._advancing(logits_fn, self._steps_per_call)
        enter = tf.function(
            lambda *batch: self._enter(logits_fn, seeds_of, *batch), autograph=False
        )
        waiting = examples(batches)
        first = next(waiting, None)
        if first is None:
            return
        size = first.pop("batch")
        waiting = itertools.chain([first], waiting)
        slots, active, full, movable = None, np.zeros(size, bool), True, True
        while True:
            rows = np.flatnonzero(~active).tolist() if full else []
            entering = dict(zip(rows, waiting, strict=False))
            if entering:
                fresh = enter(*stacked(entering, size, first))
                mask = np.isin(np.arange(size), list(entering))
                slots = fresh if slots is None else fresh.where(tf.constant(mask), slots)
                active |= mask
            if not active.any():
                return
            full = len(entering) == len(rows) and full
            before, slots = slots, advance(slots)
            if movable and not full and 2 * room(active) <= len(active):
                slots, active = smaller(advance, before, slots, active)
                movable = len(active) < len(before.index)
            finished = active & np.all(slots.predictions.numpy() != UNKNOWN, axis=1)
            if finished.any():
                yield from outcomes(slots, np.flatnonzero(finished))
                active &= ~finished

    def attack_batch(
        self,
        logits_fn: LogitsFn,
        images: tf.Tensor,
        labels: tf.Tensor,
        index: tf.Tensor,
        seeds: tf.Tensor,
    ) -> Slots:
        """Attacks one batch until all its images are done: for use in a traced function.

        Args:
            logits_fn: maps images to logits.
            images: float32 [N, H, W, C] in 0..255.
            labels: int32 [N].
            index: int64 [N].
            seeds: int64 [N, 2].
        """
        slots = self._enter(logits_fn, lambda _: seeds, images, labels, index)
        return self._advancing(logits_fn, self._whole)(slots)

    def _advancing(self, logits_fn, steps) -> Callable[[Slots], Slots]:
        jit = compiles(self._attack.jit_compile)
        return tf.function(
            lambda slots: self._advance(logits_fn, slots, steps), jit_compile=jit, autograph=False
        )

    def _enter(self, logits_fn, seeds_of, images, labels, index) -> Slots:
        seeds = seeds_of(index)
        classes = logits_fn(images).shape[-1]
        draw = self._attack.target_draw(seeds)
        start = self._attack.start(images, seeds)
        nothing = tf.zeros_like(labels)
        stops = tf.tile(tf.constant([self.lengths], tf.int32), [labels.shape[0], 1])
        return Slots(
            index=index,
            images=images,
            labels=labels,
            draw=draw,
            target=self._attack.goal(labels, classes, draw),
            x=start,
            steps=nothing,
            passes=nothing,
            anchor=start,
            anchor_at=nothing,
            period=nothing,
            stops=stops,
            predictions=tf.fill(stops.shape, UNKNOWN),
            final=start,
        )

    def _advance(self, logits_fn, slots: Slots, steps: int) -> Slots:
        """Does some steps, or fewer where all is known before."""
        ball = BALLS[self._attack.ball](slots.images, self._attack.epsilon)
        objective = self._attack.objective(logits_fn, slots.images, slots.labels, slots.draw)

        @with_input_gradient
        def look(x):
            logits = logits_fn(x)
            return objective(logits), logits

        def step(count, *rows):
            s = Slots(*rows)
            gradient, _, logits = look(s.x)
            found = tf.argmax(logits, -1, tf.int32)[:, None]
            unknown = s.predictions == UNKNOWN
            here = (s.stops == s.steps[:, None]) & unknown
            if self._worst_case:
                here |= (found != s.labels[:, None]) & (s.steps[:, None] > 0) & unknown
            last = tf.reshape(here[:, -1], [-1, 1, 1, 1])
            direction, _ = self._attack.direction(gradient, ())
            x = ball.project(s.x - self._attack.step_size * direction)
            moved = s._replace(
                x=x,
                steps=s.steps + 1,
                passes=s.passes + tf.cast(tf.reduce_any(unknown, axis=1), tf.int32),
                predictions=tf.where(here, found, s.predictions),
                final=tf.where(last, s.x, s.final),
            )
            return count + 1, *self._look_for_a_cycle(moved)

        def unfinished(count, *rows):
            return (count < steps) & tf.reduce_any(Slots(*rows).predictions == UNKNOWN)

        _, *rows = tf.while_loop(
            unfinished,
            step,
            (tf.constant(0), *slots),
            maximum_iterations=steps,
            parallel_iterations=1,
        )
        return Slots(*rows)

    def _look_for_a_cycle(self, s: Slots) -> Slots:
        """Uses up what a cycle tells, and moves the anchor on when it is due."""
        if not self._skip_cycles:
            return s
        back = tf.reduce_all(s.x == s.anchor, axis=[1, 2, 3]) & (s.period == 0)
        if self._worst_case:  # whose start was not judged
            back &= s.anchor_at > 0
        s = s._replace(period=tf.where(back, s.steps - s.anchor_at, s.period))
        s = _none_was_beaten(s, back) if self._worst_case else _read_off(s, back)
        due = tf.maximum(tf.cast(s.anchor_at, tf.float32) * LONGER, 0.0) + AT_LEAST
        moves = tf.cast(s.steps, tf.float32) >= due
        return s._replace(
            anchor=tf.where(tf.reshape(moves, [-1, 1, 1, 1]), s.x, s.anchor),
            anchor_at=tf.where(moves, s.steps, s.anchor_at),
        )


def _read_off(s: Slots, back: tf.Tensor) -> Slots:
    """Moves the lengths still to come to where the image is in its cycle then."""
    now = s.steps[:, None]
    ahead = now + (s.stops - now) % tf.maximum(s.period, 1)[:, None]
    return s._replace(stops=tf.where(back[:, None] & (s.stops > now), ahead, s.stops))


def _none_was_beaten(s: Slots, back: tf.Tensor) -> Slots:
    """Gives an image that is back its label: all its iterates were seen."""
    unknown = back[:, None] & (s.predictions == UNKNOWN)
    return s._replace(
        predictions=tf.where(unknown, s.labels[:, None], s.predictions),
        final=tf.where(tf.reshape(tf.reduce_any(unknown, 1), [-1, 1, 1, 1]), s.x, s.final),
    )
