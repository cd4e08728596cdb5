"""Images that pass through one batch, or a share of it on each replica: they come and go."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import tensorflow as tf

from tfadv.devices.replicas import Replicas
from tfadv.profiling.profile import UNPROFILED, Unprofiled

# Once no image waits, the batch shrinks to a multiple of so many on each replica.
ROWS = 16

State = TypeVar("State")


class Finished(NamedTuple, Generic[State]):
    """Images that are done.

    Attributes:
        state: of all rows.
        rows: int64 [n], which of them are done.
    """

    state: State
    rows: np.ndarray


class Rolling(Generic[State]):
    """A batch whose images come and go, each row in its own state, at one shape.

    The images wait in one queue for all replicas: a row that is free takes the next one. Once
    none waits, the last images move together into a smaller batch, if their steps are the
    same bits there.

    Args:
        enter: maps images float32 [N, H, W, C], labels int32 [N] and indices int64 [N] to the
            rows' state, a named tuple of tensors [N, ...]; for use in a traced function.
        advance: maps the state's tensors to the state some steps later, and to whether each
            row is done, bool [N]; likewise.
        replicas: where the rows lie.
        profile: of the calls of `advance`.
        work: of such a call, from the state before and after it; see `AttackRunner.profile`.
    """

    def __init__(
        self,
        enter: Callable[..., State],
        advance: Callable[..., tuple[State, tf.Tensor]],
        replicas: Replicas,
        profile: Unprofiled = UNPROFILED,
        work: Callable[[State, State], float] = lambda before, after: math.nan,
    ):
        self._replicas = replicas
        self._profile = profile
        self._work = work
        self._enter = replicas.on_each(enter)
        self._advance = replicas.on_each(advance)
        self._merge = replicas.on_each(_where)

    def run(self, batches: Iterable[dict]) -> Iterator[Finished[State]]:
        """Passes a stream of images through, as many at a time as a batch has.

        Args:
            batches: all of one N: ``image`` float32 [N, H, W, C] in 0..255, ``label``,
                ``index`` [N] and ``counts`` bool [N], the rows to take.

        Yields:
            Images in the order in which they are done.
        """
        waiting = examples(batches)
        first = next(waiting, None)
        if first is None:
            return
        size = first.pop("batch")
        waiting = itertools.chain([first], waiting)
        state, active, full, movable = None, np.zeros(size, bool), True, True
        while True:
            rows = self._free(active) if full else []
            entering = dict(zip(rows, waiting, strict=False))
            if entering:
                fresh = self._enter(*self._replicas.spread(stacked(entering, size, first)))
                mask = np.isin(np.arange(size), list(entering))
                merged = (self._replicas.spread(mask), fresh, state)
                state = fresh if state is None else self._merge(*merged)
                active |= mask
            if not active.any():
                return
            full = len(entering) == len(rows) and full
            before = state
            state, done = self._profiled(before)
            if movable and not full and 2 * self._room(active) <= len(active):
                state, done, active = self._smaller(before, state, done, active)
                movable = len(active) < size
                size = len(active)
            finished = active & self._replicas.whole(done)
            if finished.any():
                yield Finished(state, np.flatnonzero(finished))
                active &= ~finished

    def _profiled(self, before: State) -> tuple[State, tf.Tensor]:
        with self._profile.call(self._advance) as call:
            state, done = self._advance(*before)
            self._replicas.whole(done)  # waits for it
            if self._profile is not UNPROFILED:
                call.work = self._work(before, state)
        return state, done

    def _free(self, active: np.ndarray) -> list[int]:
        """Returns the free rows, as many of each replica in a row as there are."""
        rows, each = np.flatnonzero(~active), len(active) // self._replicas.count
        return rows[np.argsort(rows % each, kind="stable")].tolist()

    def _room(self, active: np.ndarray) -> int:
        """Returns how many rows the images need, in steps that kernels like."""
        least = ROWS * self._replicas.count
        return least * math.ceil(active.sum() / least)

    def _smaller(self, before: State, after: State, done: tf.Tensor, active: np.ndarray):
        """Moves the last images to a smaller batch, if their steps are the same bits there."""
        count = self._room(active)
        rows = np.argsort(~active, kind="stable")[:count]
        rows = np.concatenate(
            [rows[n :: self._replicas.count] for n in range(self._replicas.count)]
        )
        moved, moved_done = self._advance(*self._replicas.moved(before, rows))
        kept = np.flatnonzero(active[rows])
        same = all(
            np.array_equal(self._replicas.take(large, rows[kept]), self._replicas.take(small, kept))
            for large, small in zip(tf.nest.flatten(after), tf.nest.flatten(moved), strict=True)
        )
        return (moved, moved_done, active[rows]) if same else (after, done, active)


def _where(mask: tf.Tensor, some: State, others: State) -> State:
    """Returns the rows where `mask` holds of one state, else of another."""
    return tf.nest.map_structure(lambda *rows: where_rows(mask, *rows), some, others)


def where_rows(mask: tf.Tensor, some: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """Returns rows [N, ...] of one tensor where `mask`, bool [N], holds, else of another."""
    return tf.where(tf.reshape(mask, [-1] + [1] * (some.shape.rank - 1)), some, others)


def examples(batches: Iterable[dict]) -> Iterator[dict]:
    """Yields the examples of the rows that count, each with its batch's size."""
    for batch in batches:
        arrays = {name: np.asarray(batch[name]) for name in ("image", "label", "index")}
        for row in np.flatnonzero(np.asarray(batch["counts"])):
            example = {name: values[row] for name, values in arrays.items()}
            yield example | {"batch": len(arrays["label"])}


def stacked(entering: dict[int, dict], size: int, filling: dict) -> list[np.ndarray]:
    """Returns image, label and index of a batch whose other rows hold any example."""
    rows = [entering.get(row, filling) for row in range(size)]
    kinds = (("image", np.float32), ("label", np.int32), ("index", np.int64))
    return [np.stack([row[name] for row in rows]).astype(kind) for name, kind in kinds]
