"""A batch whose images come and go: each row in its own state, at one shape."""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
import tensorflow as tf

# Once no image waits, the batch shrinks to a multiple of so many.
ROWS = 16
# The prediction of a length that an image has not come to yet.
UNKNOWN = -1


class Outcome(NamedTuple):
    """What became of one image.

    Attributes:
        index: of the image.
        label: its class.
        target: where it was driven to; the label, untargeted.
        predictions: int32 [lengths], the class of each length's iterate.
        final: float32 [H, W, C], the longest run's iterate; in the worst case the
            first that was misclassified, if any was.
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


class RollingBatch(NamedTuple):
    """The images in the batch, a row each."""

    index: tf.Tensor
    images: tf.Tensor
    labels: tf.Tensor
    draw: tf.Tensor
    target: tf.Tensor
    x: tf.Tensor
    steps: tf.Tensor
    passes: tf.Tensor
    prints: tf.Tensor
    kept: tf.Tensor
    kept_at: tf.Tensor
    kept_print: tf.Tensor
    period: tf.Tensor
    stops: tf.Tensor
    predictions: tf.Tensor
    final: tf.Tensor

    def where(self, mask: tf.Tensor, other: "RollingBatch") -> "RollingBatch":
        """Returns these rows where `mask` holds, else the other's."""
        return RollingBatch(
            *(
                tf.where(tf.reshape(mask, [-1] + [1] * (mine.shape.rank - 1)), mine, theirs)
                for mine, theirs in zip(self, other, strict=True)
            )
        )


def room(active: np.ndarray) -> int:
    """Returns how many rows the images need, in steps that kernels like."""
    return ROWS * math.ceil(active.sum() / ROWS)


def smaller(
    advance: Callable[[RollingBatch], RollingBatch],
    before: RollingBatch,
    after: RollingBatch,
    active: np.ndarray,
) -> tuple[RollingBatch, np.ndarray]:
    """Moves the last images to a smaller batch, if their steps are the same bits there."""
    rows = np.argsort(~active, kind="stable")[: room(active)]
    images = int(active.sum())
    moved = advance(RollingBatch(*(tf.gather(kind, rows) for kind in before)))
    same = all(
        bool(tf.reduce_all(tf.gather(large, rows[:images]) == small[:images]))
        for large, small in zip(after, moved, strict=True)
    )
    return (moved, np.arange(len(rows)) < images) if same else (after, active)


def examples(batches: Iterable[dict]) -> Iterator[dict]:
    """Yields the examples of the rows that count, each with its batch's size."""
    for batch in batches:
        arrays = {name: np.asarray(batch[name]) for name in ("image", "label", "index")}
        for row in np.flatnonzero(np.asarray(batch["counts"])):
            example = {name: values[row] for name, values in arrays.items()}
            yield example | {"batch": len(arrays["label"])}


def stacked(entering: dict[int, dict], size: int, filling: dict) -> list[tf.Tensor]:
    """Returns image, label and index of a batch whose other rows hold any example."""
    rows = [entering.get(row, filling) for row in range(size)]
    kinds = (("image", tf.float32), ("label", tf.int32), ("index", tf.int64))
    return [tf.constant(np.stack([row[name] for row in rows]), kind) for name, kind in kinds]


def outcomes(slots: RollingBatch, rows: np.ndarray) -> Iterator[Outcome]:
    """Yields the outcomes of some rows."""
    taken = {
        name: tf.gather(getattr(slots, "labels" if name == "label" else name), rows).numpy()
        for name in Outcome._fields
    }
    for row in range(len(rows)):
        values = {name: value[row] for name, value in taken.items()}
        yield Outcome(
            **{k: v if np.ndim(v) else int(v) for k, v in values.items()},
        )
