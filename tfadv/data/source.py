"""Labelled images that can be fetched one by one, in any order."""

import functools
import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfadv import digests
from tfadv.data.manifest import AUTO
from tfadv.data.plausibility import checked_images, checked_labels, pixel_warnings
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

    Raises:
        UserError: there is no image, a label is not a whole number in range, or
            two classes have one name.
    """

    warnings: tuple[str, ...] = ()

    def __init__(
        self,
        name: str,
        labels: np.ndarray,
        class_names: Sequence[str],
        image_shape: Sequence[int],
    ):
        self.name = name
        self.class_names = _checked_names(name, class_names)
        self.image_shape = tuple(image_shape)
        self.labels = checked_labels(name, np.asarray(labels), len(self.class_names))

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)

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
    """Images held in memory.

    Args:
        name: where the images are from, for messages.
        images: [N, H, W, 3] (or 1 channel, which is repeated), any real dtype,
            finite, in 0..255.
        labels: integers [N].
        class_names: names of the classes.

    Raises:
        UserError: a shape, pixel or label is out of range, or the pixels are those of
            another range.
    """

    def __init__(
        self, name: str, images: np.ndarray, labels: np.ndarray, class_names: Sequence[str]
    ):
        images = checked_images(name, np.asarray(images))
        if len(images) != len(labels):
            raise UserError(f"{name}: {len(images)} images but {len(labels)} labels")
        super().__init__(name, labels, class_names, images.shape[1:])
        self._images = images
        self.warnings = pixel_warnings(name, images)

    def fetch(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns example `index`; see `Source.fetch`."""
        image = tf.cast(tf.gather(self._image_tensor, index), tf.float32)
        return image, tf.gather(self.label_tensor, index)

    def pixel_hashes(self) -> list[int]:
        """Returns a number for each image: equal for equal pixels, and hardly ever for others."""
        return [hash(image.astype(np.float32).tobytes()) for image in self._images]

    def stored(self, way: str) -> dict[str, str]:
        """Returns a digest of the array; see `Source.stored`."""
        return {"pixels": digests.of_array(self._images)}

    @functools.cached_property
    def _image_tensor(self) -> tf.Tensor:
        return eager_constant(self._images)


def eager_constant(array: np.ndarray) -> tf.Tensor:
    """Returns a tensor that traced functions capture instead of copying.

    Sources make theirs when they are first asked for an example: it starts
    TensorFlow's devices, which must not happen while a config is checked.
    """
    with tf.init_scope():
        return tf.constant(array)


class Splits(NamedTuple):
    """The images to train on and those to evaluate on."""

    train: Source
    test: Source


def _checked_names(name: str, class_names: Sequence[str]) -> tuple[str, ...]:
    names = tuple(n.decode() if isinstance(n, bytes) else str(n) for n in class_names)
    first = {}
    for number, class_name in enumerate(names):
        if first.setdefault(class_name, number) != number:
            raise UserError(
                f"{name}: classes {first[class_name]} and {number} are both called '{class_name}'"
            )
    return names
