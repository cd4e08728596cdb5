"""Images that are decoded when they are fetched."""

import abc
import array
import functools
import io
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfadv.data.centre_square import CentreSquare
from tfadv.data.encoded_image import encoded_image
from tfadv.data.image_files.decoding import USUAL, lies_on_its_side, unfit
from tfadv.data.image_files.headers import JPEG, Header, UnreadableImageError, read_header
from tfadv.data.in_place import eager_constant
from tfadv.data.source import Source
from tfadv.data.stored_image import StoredImage, Turned
from tfadv.data.tensorflow_errors import first_line

UPRIGHT = 1
# Stands for the headers of files that can't be read.
_UNKNOWN = Header(JPEG, 1, 1, 3)


class Look(NamedTuple):
    """What was seen of some files without decoding them; one value for each.

    Attributes:
        orientations: EXIF's, 1..8, uint8 [N].
        kinds: as in a `Header`, uint8 [N].
        shapes: heights and widths as they are stored, int32 [N, 2].
        unreadable: by number, why a file can't be read.
    """

    orientations: np.ndarray
    kinds: np.ndarray
    shapes: np.ndarray
    unreadable: dict[int, str]

    @classmethod
    def of(cls, headers: Iterable[Header | str], channels: int) -> "Look":
        """Returns a look at files that are to have so many channels.

        Args:
            headers: of each file, or why there is none.
            channels: of the images that it is to be decoded to.
        """
        orientations, kinds, shapes, unreadable = bytearray(), bytearray(), array.array("i"), {}
        for number, header in enumerate(headers):
            reason = header if isinstance(header, str) else unfit(header, channels)
            if reason:
                unreadable[number] = reason
            seen = _UNKNOWN if isinstance(header, str) else header
            orientations.append(seen.orientation)
            kinds.append(seen.kind)
            shapes.extend((seen.height, seen.width))
        orientations, kinds = (np.frombuffer(each, np.uint8) for each in (orientations, kinds))
        return cls(orientations, kinds, np.array(shapes, np.int32).reshape(-1, 2), unreadable)

    @classmethod
    def joined(cls, looks: Sequence["Look"]) -> "Look":
        """Returns the look at some files and those that follow them."""
        unreadable, done = {}, 0
        for look in looks:
            unreadable |= {done + number: why for number, why in look.unreadable.items()}
            done += len(look.kinds)
        return cls(
            *map(np.concatenate, zip(*(look[:3] for look in looks), strict=True)), unreadable
        )


class EncodedSource(Source):
    """Images that are decoded when they are fetched.

    Args:
        name: where the images are from, for messages.
        labels: integers [N], each in 0..K-1.
        class_names: K names, all different.
        view: makes images of one size.
        look: what was seen of them, or None for images that are all upright and usual.
        exif_orientation: whether pictures are turned upright, as their EXIF data say.
        channels: 1 grey, 2 grey and alpha, 3 colours, 4 colours and alpha.
    """

    def __init__(
        self,
        name: str,
        labels: np.ndarray,
        class_names: Sequence[str],
        view: CentreSquare,
        look: Look | None = None,
        exif_orientation: bool = True,
        channels: int = 3,
    ):
        super().__init__(name, labels, class_names, (view.image_size, view.image_size, channels))
        self.view = view
        self.exif_orientation = exif_orientation
        self.channels = channels
        self.unreadable = look.unreadable if look else {}
        turns = exif_orientation and look is not None and bool((look.orientations != UPRIGHT).any())
        self._orientations = look.orientations if turns else None
        unusual = look is not None and not np.isin(look.kinds, USUAL).all()
        self._kinds = look.kinds if unusual else None
        self._shapes = None if look is None else look.shapes
        self._only_jpegs = look is not None and bool((look.kinds == JPEG).all())

    @abc.abstractmethod
    def read(self, index: tf.Tensor) -> tf.Tensor:
        """Returns the encoded image `index` (scalar int64), a scalar string, in a tf.data map."""

    @abc.abstractmethod
    def title(self, index: int) -> str:
        """Returns what an image is called in messages, such as its file's path."""

    def path(self, index: int) -> str:
        """Returns what an image is called wherever the set lies; see `Source.path`."""
        return self.title(index)

    def shapes(self, indices: tf.Tensor) -> tf.Tensor | None:
        """Returns heights and widths of images once they are upright; see `Source.shapes`."""
        if self._shapes is None:
            return None
        shapes = tf.gather(self._shape_tensor, indices)
        if self._orientations is None:
            return shapes
        on_its_side = lies_on_its_side(tf.gather(self._orientation_tensor, indices))
        return tf.where(on_its_side[:, tf.newaxis], shapes[:, ::-1], shapes)

    def fetch(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns example `index`; see `Source.fetch`."""
        image, label = self.open(index)
        return self.view.centre(image), label

    def fetch_original(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns example `index` whole; see `Source.fetch_original`."""
        image, label = self.open(index)
        return tf.cast(image.whole(), tf.float32), label

    def open(
        self, index: tf.Tensor, content: tf.Tensor | None = None
    ) -> tuple[StoredImage, tf.Tensor]:
        """Returns example `index`, of which parts are decoded; see `Source.open`."""
        kind = shape = None
        if self._kinds is not None:
            kind = tf.gather(self._kind_tensor, index)
        if self._shapes is not None:
            shape = tf.gather(self._shape_tensor, index)
        data = self.read(index) if content is None else content
        image = encoded_image(data, self.channels, kind, self._only_jpegs, shape)
        if self._orientations is not None:
            turn = tf.cast(tf.gather(self._orientation_tensor, index), tf.int32)
            image = Turned(image, turn)
        return image, tf.gather(self.label_tensor, index)

    def contents(self, index: int) -> bytes:
        """Returns an image's file; see `Source.contents`."""
        try:
            return self.read(tf.constant(index, tf.int64)).numpy()
        except tf.errors.OpError as error:
            raise OSError(first_line(error)) from error

    def problem(self, index: int) -> str:
        """Returns why an image can't be decoded now; see `Source.problem`."""
        try:
            header = read_header(io.BytesIO(self.read(tf.constant(index, tf.int64)).numpy()))
        except tf.errors.NotFoundError:
            return "is gone"
        except tf.errors.OpError as error:
            return f"can't be read: {first_line(error)}"
        except UnreadableImageError as error:
            return str(error)
        return (
            unfit(header, self.channels)
            or self._other_size(index, header)
            or super().problem(index)
        )

    def _other_size(self, index: int, header: Header) -> str:
        if self._shapes is None or (header.height, header.width) == tuple(self._shapes[index]):
            return ""
        height, width = self._shapes[index]
        return f"has changed: it is {header.height}x{header.width} pixels, and was {height}x{width}"

    @functools.cached_property
    def _orientation_tensor(self) -> tf.Tensor:
        return eager_constant(self._orientations)

    @functools.cached_property
    def _kind_tensor(self) -> tf.Tensor:
        return eager_constant(self._kinds)

    @functools.cached_property
    def _shape_tensor(self) -> tf.Tensor:
        return eager_constant(self._shapes)
