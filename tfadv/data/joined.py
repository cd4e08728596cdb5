"""Two sources as one."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfadv.data.source import Source


class JoinedImages(Source):
    """The images of two sources, those of the second numbered after those of the first.

    Args:
        first: N images.
        second: M images of the same shape and as many classes, N, N + 1, … here.
    """

    def __init__(self, first: Source, second: Source):
        name = f"{first.name} and {second.name}"
        labels = np.concatenate([first.labels, second.labels])
        super().__init__(name, labels, first.class_names, first.image_shape)
        self.parts = first, second
        self.warnings = (*first.warnings, *second.warnings)
        self.unreadable = self._renumbered("unreadable")

    @property
    def has_soft_labels(self) -> bool:
        """Whether any image may belong to several classes; see `Source`."""
        return any(part.has_soft_labels for part in self.parts)

    @property
    def skipped(self) -> Mapping[int, str]:
        """The images that are left out; see `Source`."""
        return self._renumbered("skipped")

    def from_part(self, index: tf.Tensor, make: Callable[[Source, tf.Tensor], Any]) -> Any:
        """Returns what is made of the part that holds an image; see `Source.from_part`."""
        (first, second), begin = self.parts, len(self.parts[0])
        return tf.cond(
            index < begin, lambda: make(first, index), lambda: make(second, index - begin)
        )

    def fetch(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns example `index`; see `Source.fetch`."""
        return self.from_part(index, lambda part, number: part.fetch(number))

    def fetch_original(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns example `index` as it was stored; see `Source.fetch_original`."""
        return self.from_part(index, lambda part, number: part.fetch_original(number))

    def target(self, index: tf.Tensor) -> tf.Tensor:
        """Returns the classes' shares of an image; see `Source.target`."""
        return self.from_part(index, lambda part, number: part.target(number))

    def shapes(self, indices: tf.Tensor) -> tf.Tensor | None:
        """Returns heights and widths of images; see `Source.shapes`."""
        return self._of_both(indices, lambda part, numbers: part.shapes(numbers))

    def read_ahead(self, indices: tf.Tensor) -> tf.Tensor | None:
        """Reads many images at once; see `Source.read_ahead`."""
        return self._of_both(indices, lambda part, numbers: part.read_ahead(numbers))

    def stand_in(self, indices: tf.Tensor) -> tf.Tensor:
        """Returns the images to train on in place of some; see `Source.stand_in`."""
        first, second = self.parts
        begin, is_second = len(first), indices >= len(first)
        return tf.where(
            is_second,
            begin + second.stand_in(tf.maximum(indices - begin, 0)),
            first.stand_in(tf.minimum(indices, begin - 1)),
        )

    def skip(self, bad: Mapping[int, str]) -> None:
        """Leaves some images out; see `Source.skip`."""
        for number, reason in bad.items():
            part, own = self._part(number)
            part.skip({own: reason})

    def title(self, index: int) -> str:
        """Returns what an image is called, and of which source; see `Source.title`."""
        part, own = self._part(index)
        return f"{part.title(own)} of {part.name}"

    def path(self, index: int) -> str:
        """Returns an image's path in its set; see `Source.path`."""
        part, own = self._part(index)
        return part.path(own)

    def contents(self, index: int) -> bytes:
        """Returns an image as it is stored; see `Source.contents`."""
        part, own = self._part(index)
        return part.contents(own)

    def problem(self, index: int) -> str:
        """Returns why an image can't be fetched now; see `Source.problem`."""
        part, own = self._part(index)
        return part.problem(own)

    def check_present(self) -> None:
        """Raises `UserError` if images of either source are not on this machine."""
        for part in self.parts:
            part.check_present()

    def _part(self, index: int) -> tuple[Source, int]:
        (first, second), begin = self.parts, len(self.parts[0])
        return (first, int(index)) if index < begin else (second, int(index) - begin)

    def _of_both(self, indices, make):
        begin = len(self.parts[0])
        places = [tf.where(indices < begin)[:, 0], tf.where(indices >= begin)[:, 0]]
        first, second = (tf.gather(indices, place) for place in places)
        values = [make(self.parts[0], first), make(self.parts[1], second - begin)]
        if any(value is None for value in values):
            return None
        return tf.dynamic_stitch([tf.cast(place, tf.int32) for place in places], values)

    def _renumbered(self, attribute: str) -> dict[int, str]:
        first, second = (getattr(part, attribute) for part in self.parts)
        begin = len(self.parts[0])
        return {**first, **{begin + number: reason for number, reason in second.items()}}
