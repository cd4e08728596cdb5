"""Robustness by the number of steps: one PGD run for many lengths, and no step of it twice.

PGD with sign steps of one size is a deterministic map on finitely many images, so
every image's iterates end in a cycle, and from then on each later iterate is one
that was there before. Where a cycle is found, the run goes on to the places in it
that the lengths asked for fall on, and the image makes room for another one.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfadv.attacks.balls import BALLS
from tfadv.attacks.base import Attack, LogitsFn
from tfadv.attacks.pgd import PGD
from tfadv.devices import compiles
from tfadv.errors import UserError, check

# A cycle is looked for from an anchor, which moves on when the run is this much
# longer: Brent's method (1980) with a smaller factor, since cycles are short.
LONGER, AT_LEAST = 1.25, 16
# Once no image waits, the batch shrinks to a multiple of so many.
ROWS = 16
UNKNOWN = -1


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


class Outcome(NamedTuple):
    """What became of one image.

    Attributes:
        index: of the image.
        label: its class.
        target: where it was driven to; the label, untargeted.
        predictions: int32 [lengths], the class of each length's iterate.
        final: float32 [H, W, C], the longest run's iterate.
        period: of its cycle; 0 if none was found.
        passes: forward and backward passes that were spent on it.
    """

    index: int
    label: int
    target: int
    predictions: np.ndarray
    final: np.ndarray
    period: int
    passes: int


class _Slots(NamedTuple):
    """The images in the batch, a row each."""

    index: tf.Tensor
    images: tf.Tensor
    labels: tf.Tensor
    draw: tf.Tensor
    target: tf.Tensor
    x: tf.Tensor
    steps: tf.Tensor
    passes: tf.Tensor
    anchor: tf.Tensor
    anchor_at: tf.Tensor
    period: tf.Tensor
    stops: tf.Tensor
    predictions: tf.Tensor
    final: tf.Tensor

    def where(self, mask: tf.Tensor, other: "_Slots") -> "_Slots":
        """Returns these rows where `mask` holds, else the other's."""
        return _Slots(
            *(
                tf.where(tf.reshape(mask, [-1] + [1] * (mine.shape.rank - 1)), mine, theirs)
                for mine, theirs in zip(self, other, strict=True)
            )
        )


class Curve:
    """PGD at several lengths along one trajectory.

    Args:
        attack: says everything but the number of steps.
        lengths: numbers of steps, > 0.
        skip_cycles: whether to skip what an image's cycle tells; the outcomes are
            the same, bit for bit.
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
        whole = self.lengths[-1] + 1  # the last one is only classified
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
            batches: dictionaries of ``image`` float32 [N, H, W, C] in 0..255,
                ``label`` int32 [N], ``index`` int64 [N] and ``counts`` bool [N],
                whether a row is one to attack; all of one N.
            seeds_of: maps indices [N] to seeds int64 [N, 2].

        Yields:
            An outcome for each image, in the order in which they finish.
        """
        jit = compiles(self._attack.jit_compile)
        advance = tf.function(
            lambda slots: self._advance(logits_fn, slots), jit_compile=jit, autograph=False
        )
        enter = tf.function(
            lambda *batch: self._enter(logits_fn, seeds_of, *batch), autograph=False
        )
        waiting = _examples(batches)
        first = next(waiting, None)
        if first is None:
            return
        size = first.pop("batch")
        waiting = _chained(first, waiting)
        slots, active, full = None, np.zeros(size, bool), True
        while True:
            rows = np.flatnonzero(~active).tolist() if full else []
            entering = dict(zip(rows, waiting, strict=False))
            if entering:
                fresh = enter(*_stacked(entering, size, first))
                mask = np.isin(np.arange(size), list(entering))
                slots = fresh if slots is None else fresh.where(tf.constant(mask), slots)
                active |= mask
            if not active.any():
                return
            full = len(entering) == len(rows) and full
            before, slots = slots, advance(slots)
            if not full and 2 * _room(active) <= len(active):
                slots, active = _smaller(advance, before, slots, active)
            finished = active & np.all(slots.predictions.numpy() != UNKNOWN, axis=1)
            if finished.any():
                yield from _outcomes(slots, np.flatnonzero(finished))
                active &= ~finished

    def _enter(self, logits_fn, seeds_of, images, labels, index) -> _Slots:
        seeds = seeds_of(index)
        classes = logits_fn(images).shape[-1]
        draw = self._attack.target_draw(seeds)
        start = self._attack.start(images, seeds)
        nothing = tf.zeros_like(labels)
        stops = tf.tile(tf.constant([self.lengths], tf.int32), [labels.shape[0], 1])
        return _Slots(
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

    def _advance(self, logits_fn, slots: _Slots) -> _Slots:
        """Does some steps; the images of a call lie in their balls as its loop sees them."""
        ball = BALLS[self._attack.ball](slots.images, self._attack.epsilon)
        objective = self._attack.objective(logits_fn, slots.images, slots.labels, slots.draw)

        def step(count, *rows):
            s = _Slots(*rows)
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(s.x)
                logits = logits_fn(s.x)
                loss = tf.reduce_sum(objective(logits))
            here = (s.stops == s.steps[:, None]) & (s.predictions == UNKNOWN)
            found = tf.argmax(logits, -1, tf.int32)[:, None]
            unfinished = tf.reduce_any(s.predictions == UNKNOWN, axis=1)
            last = tf.reshape(here[:, -1], [-1, 1, 1, 1])
            direction, _ = self._attack.direction(tape.gradient(loss, s.x), ())
            x = ball.project(s.x - self._attack.step_size * direction)
            moved = s._replace(
                x=x,
                steps=s.steps + 1,
                passes=s.passes + tf.cast(unfinished, tf.int32),
                predictions=tf.where(here, found, s.predictions),
                final=tf.where(last, s.x, s.final),
            )
            return count + 1, *self._look_for_a_cycle(moved)

        _, *rows = tf.while_loop(
            lambda count, *_: count < self._steps_per_call,
            step,
            (tf.constant(0), *slots),
            maximum_iterations=self._steps_per_call,
            parallel_iterations=1,
        )
        return _Slots(*rows)

    def _look_for_a_cycle(self, s: _Slots) -> _Slots:
        """Moves the lengths still to come to where the image is in its cycle then."""
        if not self._skip_cycles:
            return s
        back = tf.reduce_all(s.x == s.anchor, axis=[1, 2, 3]) & (s.period == 0)
        period = tf.where(back, s.steps - s.anchor_at, s.period)
        now = s.steps[:, None]
        ahead = now + (s.stops - now) % tf.maximum(period, 1)[:, None]
        stops = tf.where(back[:, None] & (s.stops > now), ahead, s.stops)
        due = tf.maximum(tf.cast(s.anchor_at, tf.float32) * LONGER, 0.0) + AT_LEAST
        moves = (tf.cast(s.steps, tf.float32) >= due) & (period == 0)
        return s._replace(
            period=period,
            stops=stops,
            anchor=tf.where(tf.reshape(moves, [-1, 1, 1, 1]), s.x, s.anchor),
            anchor_at=tf.where(moves, s.steps, s.anchor_at),
        )


def _room(active: np.ndarray) -> int:
    """Returns how many rows the images need, in steps that kernels like."""
    return ROWS * math.ceil(active.sum() / ROWS)


def _smaller(
    advance: Callable[[_Slots], _Slots], before: _Slots, after: _Slots, active: np.ndarray
) -> tuple[_Slots, np.ndarray]:
    """Moves the last images to a smaller batch, if their steps are the same bits there."""
    rows = np.argsort(~active, kind="stable")[: _room(active)]
    images = int(active.sum())
    moved = advance(_Slots(*(tf.gather(kind, rows) for kind in before)))
    same = all(
        bool(tf.reduce_all(tf.gather(large, rows[:images]) == small[:images]))
        for large, small in zip(after, moved, strict=True)
    )
    return (moved, np.arange(len(rows)) < images) if same else (after, active)


def _examples(batches: Iterable[dict]) -> Iterator[dict]:
    for batch in batches:
        arrays = {name: np.asarray(batch[name]) for name in ("image", "label", "index")}
        for row in np.flatnonzero(np.asarray(batch["counts"])):
            example = {name: values[row] for name, values in arrays.items()}
            yield example | {"batch": len(arrays["label"])}


def _chained(first: dict, rest: Iterator[dict]) -> Iterator[dict]:
    yield first
    yield from rest


def _stacked(entering: dict[int, dict], size: int, filling: dict) -> list[tf.Tensor]:
    """Returns image, label and index of a batch whose other rows hold any example."""
    rows = [entering.get(row, filling) for row in range(size)]
    kinds = (("image", tf.float32), ("label", tf.int32), ("index", tf.int64))
    return [tf.constant(np.stack([row[name] for row in rows]), kind) for name, kind in kinds]


def _outcomes(slots: _Slots, rows: np.ndarray) -> Iterator[Outcome]:
    taken = {
        name: tf.gather(getattr(slots, "labels" if name == "label" else name), rows).numpy()
        for name in Outcome._fields
    }
    for row in range(len(rows)):
        values = {name: value[row] for name, value in taken.items()}
        yield Outcome(
            **{k: v if np.ndim(v) else int(v) for k, v in values.items()},
        )
