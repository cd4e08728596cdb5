"""Robustness by the number of steps: one PGD run for many lengths, and no step of it twice.

PGD with sign steps of one size is a deterministic map on finitely many images, so
every image's iterates end in a cycle, and from then on each later iterate is one
that was there before. Where a cycle is found, the run continues to the places in it
that the lengths asked for fall on, and the image makes room for another one. How
soon that is depends on the model and on the number of pixels.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from tfadv.attacks.balls import BALLS
from tfadv.attacks.base import Attack
from tfadv.attacks.gradients import NOT_FINITE, classified, expected, with_input_gradient
from tfadv.attacks.pgd import PGD
from tfadv.devices.local import compiles
from tfadv.devices.replicas import Replicas
from tfadv.errors import UserError, check
from tfadv.evaluation.trajectory.cycles import WINDOW, watched, where_any
from tfadv.evaluation.trajectory.rolling import Rolling
from tfadv.evaluation.trajectory.rolling_batch import UNKNOWN, Outcome, RollingBatch, outcomes
from tfadv.pixels import LogitsFn
from tfadv.profiling.profile import UNPROFILED, Unprofiled

# Of an attack: a step's size says what its rule has made of ε and α.
_BESIDE_THE_WAY = ("steps", "_alpha", "_step_rule")


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
    held = sorted(vars(attack).items())
    return type(attack), *(item for item in held if item[0] not in _BESIDE_THE_WAY)


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
        replicas: Replicas | None = None,
        profile: Unprofiled = UNPROFILED,
    ) -> Iterator[Outcome]:
        """Attacks a stream of images, as many at a time as a batch has.

        Args:
            logits_fn: maps images to logits.
            batches: all of one N: ``image`` float32 [N, H, W, C] in 0..255, ``label``,
                ``index`` [N] and ``counts`` bool [N], the rows to attack.
            seeds_of: maps indices [N] to seeds int64 [N, 2].
            replicas: to run it on; None for one.
            profile: of the calls; see `AttackRunner.profile`.

        Yields:
            An outcome for each image, in the order in which they finish.
        """
        replicas = replicas or Replicas()
        for finished in self.rolling(logits_fn, seeds_of, replicas, profile).run(batches):
            yield from outcomes(finished, replicas)

    def rolling(
        self,
        logits_fn: LogitsFn,
        seeds_of: Callable[[tf.Tensor], tf.Tensor],
        replicas: Replicas,
        profile: Unprofiled = UNPROFILED,
    ) -> Rolling[RollingBatch]:
        """Returns the batch that images pass through, traced once; see `run`."""

        def enter(images, labels, index):
            return self._enter(logits_fn, seeds_of, images, labels, index)

        def work(before, after):
            return float(np.sum(replicas.whole(after.steps) - replicas.whole(before.steps)))

        advance = self._advancing(logits_fn, self._steps_per_call)
        return Rolling(enter, advance, replicas, profile, work)

    def _advancing(self, logits_fn, steps) -> Callable:
        def advance(*rows):
            slots = self._advance(logits_fn, RollingBatch(*rows), steps)
            return slots, tf.reduce_all(slots.predictions != UNKNOWN, axis=1)

        return tf.function(advance, jit_compile=compiles(self._attack.jit_compile), autograph=False)

    def _enter(self, logits_fn, seeds_of, images, labels, index) -> RollingBatch:
        seeds = seeds_of(index)
        classes = logits_fn(images).shape[-1]
        draw = self._attack.target_draw(seeds)
        start = self._attack.start(images, seeds)
        nothing = tf.zeros_like(labels)
        stops = tf.tile(tf.constant([self.lengths], tf.int32), [labels.shape[0], 1])
        return RollingBatch(
            index=index,
            images=images,
            labels=labels,
            draw=draw,
            target=self._attack.goal(labels, classes, draw),
            x=start,
            steps=nothing,
            passes=nothing,
            prints=tf.zeros([labels.shape[0], WINDOW], tf.uint32),
            kept=start,
            kept_at=nothing - WINDOW - 1,
            kept_print=tf.zeros(labels.shape, tf.uint32),
            period=nothing,
            stops=stops,
            predictions=tf.fill(stops.shape, UNKNOWN),
            final=start,
        )

    def _advance(self, logits_fn, slots: RollingBatch, steps: int) -> RollingBatch:
        """Does some steps, or fewer where all is known before."""
        ball = BALLS[self._attack.ball](slots.images, self._attack.epsilon)
        objective = self._attack.objective(logits_fn, slots.images, slots.labels, slots.draw)

        @with_input_gradient
        def once(x):
            logits = logits_fn(x)
            return objective(logits), logits

        differentiate = expected(once, self._attack.expectation_samples)

        def step(count, *rows):
            s = RollingBatch(*rows)
            gradient, _, logits = differentiate(s.x)
            if self._skip_cycles:
                s = self._read_off(s, watched(s, logits))
            s = self._judged(s, classified(logits, s.x)[:, None])
            direction, _ = self._attack.direction(gradient, ())
            x = ball.project(s.x - self._attack.step_size * direction)
            return count + 1, *s._replace(x=x, steps=s.steps + 1)

        def unfinished(count, *rows):
            return (count < steps) & tf.reduce_any(RollingBatch(*rows).predictions == UNKNOWN)

        _, *rows = tf.while_loop(
            unfinished,
            step,
            (tf.constant(0), *slots),
            maximum_iterations=steps,
            parallel_iterations=1,
        )
        return RollingBatch(*rows)

    def _read_off(self, before: RollingBatch, now: RollingBatch) -> RollingBatch:
        """Moves the lengths of images that are back to where they are in their cycle then.

        In the worst case that is here, since all their iterates were seen.
        """
        back, steps = now.period > before.period, now.steps[:, None]
        ahead = steps
        if not self._worst_case:
            ahead += (now.stops - steps) % tf.maximum(now.period, 1)[:, None]
        stops = tf.where(back[:, None] & (now.stops > steps), ahead, now.stops)
        return now._replace(stops=stops)

    def _judged(self, s: RollingBatch, found: tf.Tensor) -> RollingBatch:
        """Notes what the iterates are taken for, int32 [N, 1], where that is asked for."""
        unknown, steps = s.predictions == UNKNOWN, s.steps[:, None]
        here = ((s.stops == steps) | (found == NOT_FINITE)) & unknown
        if self._worst_case:
            here |= (found != s.labels[:, None]) & (steps > 0) & unknown
        return s._replace(
            passes=s.passes + tf.cast(tf.reduce_any(unknown, axis=1), tf.int32),
            predictions=tf.where(here, found, s.predictions),
            final=where_any(here[:, -1], s.x, s.final),
        )
