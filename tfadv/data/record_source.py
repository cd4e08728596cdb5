"""Encoded images in array_record files, read one by one when they are fetched."""

from collections.abc import Sequence

import tensorflow as tf

from tfadv.data.centre_square import CentreSquare
from tfadv.data.encoded_source import EncodedSource, Look
from tfadv.data.image_index import ImageIndex
from tfadv.data.records import Records


class RecordSource(EncodedSource):
    """Images in the records of array_record files, each a ``tf.train.Example``.

    Args:
        name: where the images are from, for messages.
        records: one for each image.
        index: what is known of the images.
        class_names: K names, all different.
        view: makes images of one size.
        exif_orientation: whether pictures are turned upright, as their EXIF data say.
        channels: of the images; see `EncodedSource`.
        image_key: the feature of the encoded image.
    """

    def __init__(
        self,
        name: str,
        records: Records,
        index: ImageIndex,
        class_names: Sequence[str],
        view: CentreSquare,
        exif_orientation: bool,
        channels: int,
        image_key: str = "image",
    ):
        look = Look.of(index.headers(), channels)
        super().__init__(name, index.labels, class_names, view, look, exif_orientation, channels)
        self._records = records
        self._sizes = index.sizes
        self._features = {image_key: tf.io.FixedLenFeature([], tf.string)}
        self._image_key = image_key

    def read(self, index: tf.Tensor) -> tf.Tensor:
        """Returns a record's image; see `EncodedSource.read`."""
        record = self._records.read(index)
        return tf.io.parse_single_example(record, self._features)[self._image_key]

    def read_ahead(self, indices: tf.Tensor) -> tf.Tensor:
        """Reads many records at once, in one call of Python; see `Source.read_ahead`."""
        records = self._records.read_many(indices)
        image = tf.io.FixedLenFeature([], tf.string, default_value="")
        return tf.io.parse_example(records, {self._image_key: image})[self._image_key]

    def title(self, index: int) -> str:
        """Returns where a record is; see `EncodedSource.title`."""
        return self._records.place(index)

    def size(self, index: int) -> int:
        """Returns an image's size in bytes; see `Source.size`."""
        return int(self._sizes[index])
