"""Images as they are stored, of which a part can be had without the rest."""

import abc

import tensorflow as tf

from tfadv.data.image_files.decoding import lies_on_its_side, reversed_sides, turned_upright

# As many lines of a part may differ from the image's, on each side that the image goes on at.
MARGIN = 1


class StoredImage(abc.ABC):
    """An image of any size, within a tf.data map.

    Attributes:
        shape: height and width, int32 [2].
    """

    shape: tf.Tensor

    @abc.abstractmethod
    def part(self, corner: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
        """Returns a rectangle of the image, of which `MARGIN` may be inexact.

        Args:
            corner: its first row and column, int32 [2].
            size: its height and width, int32 [2].

        Returns:
            uint8 or float32 [*size, C] in 0..255, C known.
        """

    def whole(self) -> tf.Tensor:
        """Returns all of the image; see `part`."""
        return self.part(tf.zeros([2], tf.int32), self.shape)


class DecodedImage(StoredImage):
    """An image whose pixels are there.

    Args:
        pixels: uint8 or float32 [h, w, C] in 0..255.
    """

    def __init__(self, pixels: tf.Tensor):
        self._pixels = tf.convert_to_tensor(pixels)
        self.shape = tf.shape(self._pixels)[:2]

    def part(self, corner: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
        """Returns a rectangle; see `StoredImage.part`."""
        channels = self._pixels.shape[-1]
        part = tf.slice(self._pixels, tf.pad(corner, [[0, 1]]), tf.concat([size, [channels]], 0))
        return tf.ensure_shape(part, [None, None, channels])

    def whole(self) -> tf.Tensor:
        """Returns the pixels."""
        return self._pixels


class Turned(StoredImage):
    """An image turned upright.

    Args:
        image: as it lies.
        orientation: how it lies, 1..8 as EXIF has it, an int32 scalar.
    """

    def __init__(self, image: StoredImage, orientation: tf.Tensor):
        self._image = image
        self._orientation = orientation
        self._on_its_side = lies_on_its_side(orientation)
        self.shape = tf.where(self._on_its_side, image.shape[::-1], image.shape)

    def part(self, corner: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
        """Returns a rectangle of the upright image; see `StoredImage.part`."""
        from_the_end = reversed_sides(self._orientation)
        corner = tf.where(from_the_end, self.shape - corner - size, corner)
        corner, size = (tf.where(self._on_its_side, two[::-1], two) for two in (corner, size))
        return turned_upright(self._image.part(corner, size), self._orientation)
