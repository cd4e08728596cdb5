"""Attacks by row, run through a rolling batch: an image is done with its first mistake."""

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import tensorflow as tf

from tfadv.attacks.row_attack import RowAttack, Rows
from tfadv.devices.local import compiles
from tfadv.devices.replicas import Replicas
from tfadv.evaluation.trajectory.rolling import Rolling, where_rows
from tfadv.profiling.profile import UNPROFILED, Unprofiled

Own = TypeVar("Own")
# About so many steps run as one call, after which images that are done leave the batch.
_AT_ONCE = 20


class Searched(NamedTuple, Generic[Own]):
    """The images in the batch, a row each.

    Attributes:
        index: int64 [N].
        images: float32 [N, H, W, C] in 0..255, the originals.
        labels: int32 [N].
        seeds: int64 [N, 2].
        round: int32 [N], -1 before the first.
        count: int32 [N], steps done in the round.
        taken: int32 [N], steps done in all rounds.
        done: bool [N].
        prediction: int32 [N], of those that are done: a wrong class, or that of the result.
        own: what the attack knows of them.
    """

    index: tf.Tensor
    images: tf.Tensor
    labels: tf.Tensor
    seeds: tf.Tensor
    round: tf.Tensor
    count: tf.Tensor
    taken: tf.Tensor
    done: tf.Tensor
    prediction: tf.Tensor
    own: Own


class Searching:
    """An attack by row on a stream of images.

    Args:
        attack: the attack.
        seeds_of: maps indices [N] to seeds int64 [N, 2].
        replicas: to run it on.
        jit_compile: whether XLA is to compile the steps; see `PGD`.
        profile: of the calls; see `AttackRunner.profile`.
    """

    def __init__(
        self,
        attack: RowAttack,
        seeds_of: Callable[[tf.Tensor], tf.Tensor],
        replicas: Replicas,
        jit_compile: bool | str,
        profile: Unprofiled = UNPROFILED,
    ):
        self._attack = attack
        self._seeds_of = seeds_of
        self._replicas = replicas
        steps = max(attack.steps, 1)
        self._at_once = math.ceil(steps / math.ceil(steps / _AT_ONCE))
        advance = tf.function(self._advance, jit_compile=compiles(jit_compile), autograph=False)
        self._rolling = Rolling(self._enter, advance, replicas, profile, self._work)

    def run(self, batches: Iterable[dict]) -> Iterator[Mapping[str, np.ndarray]]:
        """Attacks images, as many at a time as a batch has.

        Args:
            batches: see `Rolling.run`.

        Yields:
            Of some images, in the order in which they are done, columns [n]: ``index``, the
            ``prediction`` and the ``passes`` that were spent.
        """
        for state, rows in self._rolling.run(batches):
            read = functools.partial(self._replicas.take, rows=rows)
            yield {
                "index": read(state.index),
                "prediction": read(state.prediction).astype(np.int64),
                "passes": self._spent(state, read),
            }

    def _spent(self, s: Searched, read: Callable[[tf.Tensor], np.ndarray]) -> np.ndarray:
        """Returns the passes that were spent on the rows that are read."""
        return read(s.taken) * self._attack.passes + (read(s.round) + 1) * self._attack.start_passes

    def _work(self, before: Searched, after: Searched) -> float:
        one, other = (self._spent(s, self._replicas.whole).sum() for s in (before, after))
        return float(other - one)

    def _enter(self, images, labels, index) -> Searched:
        seeds, nothing = self._seeds_of(index), tf.zeros_like(labels)
        return Searched(
            index=index,
            images=images,
            labels=labels,
            seeds=seeds,
            round=nothing - 1,
            count=nothing + self._attack.steps,
            taken=nothing,
            done=tf.zeros_like(labels, tf.bool),
            prediction=labels,
            own=self._attack.enter(images, labels, seeds),
        )

    def _advance(self, *state) -> tuple[Searched, tf.Tensor]:
        """Begins the rounds that are due, does some steps, and ends what is at its end."""
        s = self._begun(Searched(*state))
        at_first = self._live(s)

        def unfinished(number, s):
            """Ends where most of the images have made room, so that others can take it."""
            live = self._live(s)
            return (number < self._at_once) & (live > 0) & (2 * live >= at_first)

        _, s = tf.while_loop(
            unfinished,
            lambda number, s: (number + 1, self._stepped(s)),
            (tf.constant(0), s),
            maximum_iterations=self._at_once,
            parallel_iterations=1,
        )
        s = self._closed(s)
        return s, s.done

    def _begun(self, s: Searched) -> Searched:
        due = ~s.done & (s.count == self._attack.steps) & (s.round < self._attack.rounds - 1)

        def begin():
            on = s._replace(round=tf.where(due, s.round + 1, s.round))
            own, found = self._attack.begin(on.own, _rows(on, due))
            own = tf.nest.map_structure(lambda new, old: where_rows(due, new, old), own, s.own)
            count = tf.where(due, 0, s.count)
            return _found(on._replace(own=own, count=count), found, due)

        return tf.cond(tf.reduce_any(due), begin, lambda: s)

    def _live(self, s: Searched) -> tf.Tensor:
        """Returns how many rows have steps to do."""
        return tf.math.count_nonzero(_live(s, self._attack.steps), dtype=tf.int32)

    def _stepped(self, s: Searched) -> Searched:
        live = _live(s, self._attack.steps)
        own, found = self._attack.step(s.own, _rows(s, live), s.count)
        stepped = tf.cast(live, tf.int32)
        s = s._replace(own=own, count=s.count + stepped, taken=s.taken + stepped)
        return _found(s, found, live)

    def _closed(self, s: Searched) -> Searched:
        last = s.round == self._attack.rounds - 1
        ended = ~s.done & (s.count == self._attack.steps) & last

        def close():
            found = self._attack.close(s.own, _rows(s, ended))
            prediction = tf.where(ended, found, s.prediction)
            return s._replace(prediction=prediction, done=s.done | ended)

        return tf.cond(tf.reduce_any(ended), close, lambda: s)


def _live(s: Searched, steps: int) -> tf.Tensor:
    return ~s.done & (s.count < steps)


def _rows(s: Searched, live: tf.Tensor) -> Rows:
    return Rows(s.images, s.labels, s.seeds, tf.maximum(s.round, 0), live)


def _found(s: Searched, found: tf.Tensor, live: tf.Tensor) -> Searched:
    """Returns the rows after a pass in which those that are `live` were found to be classes."""
    beaten = live & (found != s.labels)
    return s._replace(
        prediction=tf.where(beaten, found, s.prediction),
        done=s.done | beaten,
    )
