"""Some of a source's images, or of its classes."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tfadv import digests
from tfadv.data.absent import AbsentSource
from tfadv.data.in_place import eager_constant
from tfadv.data.manifest import AUTO
from tfadv.data.source import Source
from tfadv.data.stored_image import StoredImage


class SelectedImages(Source):
    """Some images of a source, numbered anew.

    Args:
        source: the images.
        indices: which of them, int64 [N], in their new order.
        name: what they are called in messages.
        kept_classes: the classes that are left, increasing int64 [K], of which every
            label must be one; None keeps all.

    Attributes:
        source: as given.
    """

    def __init__(
        self,
        source: Source,
        indices: np.ndarray,
        name: str,
        kept_classes: np.ndarray | None = None,
    ):
        labels, class_names = source.labels[indices], source.class_names
        if kept_classes is not None:
            labels = np.searchsorted(kept_classes, labels)
            class_names = [class_names[number] for number in kept_classes]
        super().__init__(name, labels, class_names, source.image_shape)
        self.warnings = source.warnings
        if source.soft_labels is not None and kept_classes is None:
            self.soft_labels = source.soft_labels[indices]
        self.source = source
        self._indices = np.asarray(indices, np.int64)
        self.unreadable = _renumbered(source.unreadable, self._indices)
        self.skipped = _renumbered(source.skipped, self._indices)

    def fetch(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns example `index`; see `Source.fetch`."""
        image, _ = self.source.fetch(self._theirs(index))
        return image, tf.gather(self.label_tensor, index)

    def fetch_original(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns example `index` whole; see `Source.fetch_original`."""
        image, _ = self.source.fetch_original(self._theirs(index))
        return image, tf.gather(self.label_tensor, index)

    def shapes(self, indices: tf.Tensor) -> tf.Tensor | None:
        """Returns heights and widths of images; see `Source.shapes`."""
        return self.source.shapes(self._theirs(indices))

    def read_ahead(self, indices: tf.Tensor) -> tf.Tensor | None:
        """Reads many images at once; see `Source.read_ahead`."""
        return self.source.read_ahead(self._theirs(indices))

    def open(
        self, index: tf.Tensor, content: tf.Tensor | None = None
    ) -> tuple[StoredImage, tf.Tensor]:
        """Returns example `index`, of which parts are decoded; see `Source.open`."""
        image, _ = self.source.open(self._theirs(index), content)
        return image, tf.gather(self.label_tensor, index)

    def title(self, index: int) -> str:
        """Returns what an image is called; see `Source.title`."""
        return self.source.title(int(self._indices[index]))

    def path(self, index: int) -> str:
        """Returns an image's path in the set; see `Source.path`."""
        return self.source.path(int(self._indices[index]))

    def contents(self, index: int) -> bytes:
        """Returns an image as it is stored; see `Source.contents`."""
        return self.source.contents(int(self._indices[index]))

    def size(self, index: int) -> int:
        """Returns the number of bytes of `contents`; see `Source.size`."""
        return self.source.size(int(self._indices[index]))

    def problem(self, index: int) -> str:
        """Returns why an image can't be fetched now; see `Source.problem`."""
        return self.source.problem(int(self._indices[index]))

    def check_present(self) -> None:
        """Raises `UserError` if the source's images are not on this machine."""
        self.source.check_present()

    def manifest(self, way: str = AUTO) -> dict[str, object] | None:
        """Returns what identifies these images; see `Source.manifest`."""
        return None if isinstance(self.source, AbsentSource) else super().manifest(way)

    def stored(self, way: str) -> dict[str, str]:
        """Returns digests of the source's images and of which are taken; see `Source.stored`."""
        return self.source.stored(way) | {"selection": digests.of_array(self._indices)}

    def _theirs(self, index: tf.Tensor) -> tf.Tensor:
        return tf.gather(eager_constant(self._indices), index)


def _renumbered(by_number: Mapping[int, str], indices: np.ndarray) -> dict[int, str]:
    places = np.flatnonzero(np.isin(indices, [*by_number]))
    return {int(place): by_number[int(indices[place])] for place in places}


def whole(source: Source) -> Source:
    """Returns the images of which these are a selection, if they are one."""
    return whole(source.source) if isinstance(source, SelectedImages) else source


def with_occurring_classes(source: Source) -> tuple[Source, np.ndarray]:
    """Returns a source without the classes of which it has no image, and those that are left.

    Args:
        source: the images.

    Returns:
        The images with labels in 0..K'-1, and the K' classes as they were numbered,
        increasing int64 [K'].
    """
    kept = np.unique(source.labels)
    return SelectedImages(source, np.arange(len(source)), source.name, kept), kept
