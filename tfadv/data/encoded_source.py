"""Images that are decoded when they are fetched."""

import abc
import functools
import io
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfadv.data.centre_square import CentreSquare
from tfadv.data.image_files.decoding import USUAL, decoded, turned_upright, unfit
from tfadv.data.image_files.headers import Header, UnreadableImageError, read_header
from tfadv.data.source import Source, eager_constant, first_line

UPRIGHT = 1


class Look(NamedTuple):
    """What was seen of some files without decoding them; one value for each.

    Attributes:
        orientations: EXIF's, 1..8, uint8 [N].
        kinds: as in a `Header`, uint8 [N].
        unreadable: by number, why a file can't be read.
    """

    orientations: np.ndarray
    kinds: np.ndarray
    unreadable: dict[int, str]

    @classmethod
    def of(cls, headers: Iterable[Header | str], channels: int) -> "Look":
        """Returns a look at files that are to have so many channels.

        Args:
            headers: of each file, or why there is none.
            channels: of the images that it is to be decoded to.
        """
        orientations, kinds, unreadable = bytearray(), bytearray(), {}
        for number, header in enumerate(headers):
            reason = header if isinstance(header, str) else unfit(header, channels)
            if reason:
                unreadable[number] = reason
            orientations.append(UPRIGHT if isinstance(header, str) else header.orientation)
            kinds.append(USUAL[0] if isinstance(header, str) else header.kind)
        as_array = functools.partial(np.frombuffer, dtype=np.uint8)
        return cls(as_array(orientations), as_array(kinds), unreadable)

    @classmethod
    def joined(cls, looks: Sequence["Look"]) -> "Look":
        """Returns the look at some files and those that follow them."""
        unreadable, done = {}, 0
        for look in looks:
            unreadable |= {done + number: why for number, why in look.unreadable.items()}
            done += len(look.kinds)
        orientations, kinds, _ = zip(*looks, strict=True)
        return cls(np.concatenate(orientations), np.concatenate(kinds), unreadable)


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

    @abc.abstractmethod
    def read(self, index: tf.Tensor) -> tf.Tensor:
        """Returns the encoded image `index` (scalar int64), a scalar string, in a tf.data map."""

    @abc.abstractmethod
    def title(self, index: int) -> str:
        """Returns what an image is called in messages, such as its file's path."""

    def path(self, index: int) -> str:
        """Returns what an image is called wherever the set lies; see `Source.path`."""
        return self.title(index)

    def fetch(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns example `index`; see `Source.fetch`."""
        image, label = self.fetch_original(index)
        return self.view(image), label

    def fetch_original(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns example `index` whole; see `Source.fetch_original`."""
        kind = None if self._kinds is None else tf.gather(self._kind_tensor, index)
        image = decoded(self.read(index), self.channels, kind)
        if self._orientations is not None:
            turn = tf.cast(tf.gather(self._orientation_tensor, index), tf.int32)
            image = tf.cond(turn == UPRIGHT, lambda: image, lambda: turned_upright(image, turn))
        return tf.cast(image, tf.float32), tf.gather(self.label_tensor, index)

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
        return unfit(header, self.channels) or super().problem(index)

    @functools.cached_property
    def _orientation_tensor(self) -> tf.Tensor:
        return eager_constant(self._orientations)

    @functools.cached_property
    def _kind_tensor(self) -> tf.Tensor:
        return eager_constant(self._kinds)
