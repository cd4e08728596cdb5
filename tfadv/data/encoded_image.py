"""Image files that are decoded no further than needed."""

import tensorflow as tf

from tfadv.data.image_files.decoding import COLOURS, GREY, decoded, decoded_part, jpeg_shape
from tfadv.data.stored_image import DecodedImage, StoredImage


class Jpeg(StoredImage):
    """A JPEG, of which parts are decoded.

    Args:
        data: the file's bytes, a scalar string.
        channels: 1 grey, 3 colours.
        shape: its height and width, int32 [2], where they are known.
    """

    def __init__(self, data: tf.Tensor, channels: int, shape: tf.Tensor | None = None):
        self._data = data
        self._channels = channels
        self.shape = jpeg_shape(data) if shape is None else shape

    def part(self, corner: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
        """Decodes a rectangle; see `StoredImage.part`."""
        return decoded_part(self._data, corner, size, self._channels)

    def whole(self) -> tf.Tensor:
        """Decodes all of it."""
        return decoded(self._data, self._channels)


class JpegOrOther(StoredImage):
    """A file of any kind, of which a JPEG alone is decoded in parts.

    Args:
        data: the file's bytes, a scalar string.
        channels: 1 grey, 3 colours.
        kind: of the file, as in `decoded`.
        shape: the image's height and width, int32 [2], where they are known.
    """

    def __init__(
        self,
        data: tf.Tensor,
        channels: int,
        kind: tf.Tensor | None,
        shape: tf.Tensor | None = None,
    ):
        self._data = data
        self._channels = channels
        self._kind = kind
        self._is_jpeg = tf.io.is_jpeg(data)
        if shape is None:
            shape = tf.cond(
                self._is_jpeg, lambda: jpeg_shape(data), lambda: tf.shape(self.whole())[:2]
            )
        self.shape = shape

    def part(self, corner: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
        """Returns a rectangle; see `StoredImage.part`."""
        return tf.cond(
            self._is_jpeg,
            lambda: Jpeg(self._data, self._channels, self.shape).part(corner, size),
            lambda: DecodedImage(self.whole()).part(corner, size),
        )

    def whole(self) -> tf.Tensor:
        """Returns all of the image; see `StoredImage.whole`."""
        return decoded(self._data, self._channels, self._kind)


def encoded_image(
    data: tf.Tensor,
    channels: int,
    kind: tf.Tensor | None,
    only_jpegs: bool,
    shape: tf.Tensor | None,
) -> StoredImage:
    """Returns an image file as an image.

    Args:
        data: the file's bytes, a scalar string.
        channels: 1 grey, 2 grey and alpha, 3 colours, 4 colours and alpha.
        kind: of the file, as in `decoded`.
        only_jpegs: whether it is certainly a JPEG.
        shape: the image's height and width, int32 [2], where they are known.
    """
    if channels not in (GREY, COLOURS):
        return DecodedImage(decoded(data, channels, kind))
    if only_jpegs:
        return Jpeg(data, channels, shape)
    return JpegOrOther(data, channels, kind, shape)
