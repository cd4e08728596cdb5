"""Labelled images that can be fetched one by one, in any order."""

import functools
import hashlib
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfadv import digests
from tfadv.data import in_place
from tfadv.data.in_place import eager_constant
from tfadv.data.manifest import AUTO
from tfadv.data.plausibility import (
    checked_images,
    checked_labels,
    checked_names,
    pixel_warnings,
    slices,
)
from tfadv.data.stored_image import DecodedImage, StoredImage
from tfadv.data.tensorflow_errors import first_line
from tfadv.errors import UserError


class Source:
    """Base class of the sources: numbered examples of one shape.

    Args:
        name: where the images are from, for messages.
        labels: integers [N], each in 0..K-1.
        class_names: K names, all different.
        image_shape: (height, width, 3).

    Attributes:
        warnings: what is odd about the images, in lines that a run prints first.
        unreadable: by number, why an image can't be read, to complete "the file …".
        skipped: the images that are left out, likewise.
        soft_labels: the classes' shares of each image, float32 [N, K], where they are known.

    Raises:
        UserError: there is no image, a label is not a whole number in range, or
            two classes have one name.
    """

    warnings: tuple[str, ...] = ()
    unreadable: Mapping[int, str] = types.MappingProxyType({})
    skipped: Mapping[int, str] = types.MappingProxyType({})
    soft_labels: np.ndarray | None = None

    def __init__(
        self,
        name: str,
        labels: np.ndarray,
        class_names: Sequence[str],
        image_shape: Sequence[int],
    ):
        self.name = name
        self.class_names = checked_names(name, class_names)
        self.image_shape = tuple(image_shape)
        self.labels = checked_labels(name, np.asarray(labels), len(self.class_names))

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)

    @property
    def class_shares(self) -> np.ndarray:
        """The classes' shares of the images, float64 [K], which sum to 1."""
        if self.soft_labels is not None:
            return self.soft_labels.mean(0, dtype=np.float64)
        return np.bincount(self.labels, minlength=self.classes) / len(self)

    @property
    def has_soft_labels(self) -> bool:
        """Whether any image may belong to several classes."""
        return self.soft_labels is not None

    def target(self, index: tf.Tensor) -> tf.Tensor:
        """Returns the classes' shares of an image, float32 [K], within a tf.data map."""
        if self.soft_labels is not None:
            return tf.gather(eager_constant(self.soft_labels), index)
        return tf.one_hot(tf.gather(self.label_tensor, index), self.classes)

    def from_part(self, index: tf.Tensor, make: Callable[["Source", tf.Tensor], Any]) -> Any:
        """Returns what `make` makes of an image's source and its number there, in a tf.data map."""
        return make(self, index)

    def shapes(self, indices: tf.Tensor) -> tf.Tensor | None:
        """Returns heights and widths of images int64 [N] as stored, int32 [N, 2], if known."""
        return None

    @functools.cached_property
    def label_tensor(self) -> tf.Tensor:
        """The labels, int32 [N]."""
        return eager_constant(self.labels.astype(np.int32))

    def fetch(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns example `index` (scalar int64) within a tf.data map.

        Returns:
            float32 [H, W, 3] in 0..255 and its int32 label.
        """
        raise TypeError(f"{type(self).__name__} defines no fetch(index)")

    def fetch_original(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns example `index` as it was stored, for augmentations that crop it.

        Returns:
            float32 [h, w, 3] of any size in 0..255 and its int32 label.
        """
        return self.fetch(index)

    def read_ahead(self, indices: tf.Tensor) -> tf.Tensor | None:
        """Reads what `open` needs of many images, where that costs less than one by one.

        Returns:
            Of images int64 [N] string [N], or None. What can't be read is empty.
        """
        return None

    def open(
        self, index: tf.Tensor, content: tf.Tensor | None = None
    ) -> tuple[StoredImage, tf.Tensor]:
        """Returns example `index` as it was stored, of which parts can be had.

        Here it is fetched whole; a source that can decode a part alone should override this.

        Args:
            index: of the image, scalar int64.
            content: what `read_ahead` read of it, a scalar.
        """
        image, label = self.fetch_original(index)
        return DecodedImage(image), label

    def title(self, index: int) -> str:
        """Returns what an image is called in messages."""
        return f"image {index}"

    def path(self, index: int) -> str:
        """Returns what an image is called wherever the set lies: a path in it, or a number."""
        return str(index)

    def contents(self, index: int) -> bytes:
        """Returns an image as it is stored: its file, or its pixels.

        Raises:
            OSError: it can't be read.
        """
        return self.pixels(index).tobytes()

    def pixels(self, index: int) -> np.ndarray:
        """Returns an image [h, w, C] of 0..255 as `fetch_original` does, or in a smaller dtype."""
        return self.fetch_original(tf.constant(index, tf.int64))[0].numpy()

    def size(self, index: int) -> int:
        """Returns the number of bytes of `contents`."""
        return len(self.contents(index))

    def problem(self, index: int) -> str:
        """Returns why an image can't be fetched now, to complete "the file …", or ``""``."""
        try:
            self.fetch_original(tf.constant(index, tf.int64))
        except tf.errors.OpError as error:
            return f"can't be decoded: {first_line(error)}"
        return ""

    def skip(self, bad: Mapping[int, str]) -> None:
        """Leaves some images out, beside those that are left out already.

        In training the next image that isn't left out stands in for each, so that the order
        and the steps of all others stay as they are. Pipelines that were made before don't
        know of it.

        Args:
            bad: by number, why.
        """
        self.skipped = dict(sorted({**self.skipped, **bad}.items()))

    def stand_in(self, indices: tf.Tensor) -> tf.Tensor:
        """Returns the images to train on in place of some, int64 [N]: mostly themselves."""
        if not self.skipped:
            return indices
        skipped = np.array([*self.skipped], np.int64)
        left = np.setdiff1d(np.arange(len(self)), skipped)
        others = left[np.searchsorted(left, skipped) % len(left)]
        place = tf.minimum(tf.searchsorted(skipped, indices), len(skipped) - 1)
        return tf.where(tf.gather(skipped, place) == indices, tf.gather(others, place), indices)

    def check_present(self) -> None:
        """Raises `UserError` if the images are known of but not on this machine."""

    def manifest(self, way: str = AUTO) -> dict[str, object] | None:
        """Returns what identifies these examples; see `tfadv.data.manifest`.

        Args:
            way: whether files are identified by their contents, one of `manifest.WAYS`.

        Returns:
            JSON values by part, or None where the images are not on this machine.
        """
        return {
            "examples": len(self),
            "image_shape": list(self.image_shape),
            "class_names": digests.of_texts(self.class_names),
            "labels": digests.of_array(self.labels),
            **self.stored(way),
        }

    def stored(self, way: str) -> dict[str, str]:
        """Returns digests of the images as they are stored, for `manifest`.

        Here every image is fetched, which is right for any source and takes as long as an
        epoch: a source that reads large files should override this with something faster.
        """
        numbers = tf.data.Dataset.range(len(self))
        examples = numbers.map(self.fetch_original, tf.data.AUTOTUNE, deterministic=True)
        found = hashlib.sha256()
        for image, _ in examples.as_numpy_iterator():
            found.update(digests.of_array(image).encode())
        return {"pixels": found.hexdigest()}


class ArraySource(Source):
    """Images held in memory, or in a file that is mapped into it.

    An array of uint8 or float32 is used where it is, if TensorFlow can read it there (see
    `tfadv.data.in_place`), and must not be changed any more.

    Args:
        name: where the images are from, for messages.
        images: [N, H, W, channels] (or 1 channel where 3 are wanted, which is repeated), any
            real dtype, finite, in 0..255.
        labels: integers [N].
        class_names: names of the classes.
        channels: of the images, 1..4.

    Raises:
        UserError: a shape, pixel or label is out of range, or the pixels are those of
            another range.
    """

    def __init__(
        self,
        name: str,
        images: np.ndarray,
        labels: np.ndarray,
        class_names: Sequence[str],
        channels: int = 3,
    ):
        images = checked_images(name, np.asarray(images), channels)
        if len(images) != len(labels):
            raise UserError(f"{name}: {len(images)} images but {len(labels)} labels")
        super().__init__(name, labels, class_names, (*images.shape[1:3], channels))
        self._images = images
        self.warnings = pixel_warnings(name, images)

    def fetch(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns example `index`; see `Source.fetch`."""
        image = tf.cast(tf.gather(self._shared_images.get_value(), index), tf.float32)
        if image.shape != self.image_shape:
            image = tf.broadcast_to(image, self.image_shape)
        return image, tf.gather(self.label_tensor, index)

    def pixels(self, index: int) -> np.ndarray:
        """Returns an image [H, W, 3] as it is stored; see `Source.pixels`."""
        return self._images[index]

    def pixel_hashes(self) -> list[int]:
        """Returns a number for each image: equal for equal pixels, and hardly ever for others."""
        return [hash(self._whole(image).astype(np.float32).tobytes()) for image in self._images]

    def stored(self, way: str) -> dict[str, str]:
        """Returns a digest of the array; see `Source.stored`."""
        shape = (len(self), *self.image_shape)
        parts = map(self._whole, slices(self._images))
        return {"pixels": digests.of_parts(self._images.dtype, shape, parts)}

    def _whole(self, images: np.ndarray) -> np.ndarray:
        """Returns images with all channels."""
        return np.broadcast_to(images, (*images.shape[:-1], self.image_shape[-1]))

    @functools.cached_property
    def _shared_images(self) -> tf.experimental.Optional:
        # When it is first asked for an example: it starts TensorFlow's devices.
        return in_place.shared(self._images)


class Splits(NamedTuple):
    """The images to train on and those to evaluate on."""

    train: Source
    test: Source
