"""JPEG and PNG files: what their bytes say, and their pixels as OpenCV reads them."""

import struct
from typing import BinaryIO

import tensorflow as tf

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG"
_JPEG_END, _PNG_END = b"\xff\xd9", b"IEND\xaeB`\x82"
# Markers that no length follows, and those before the compressed pixels and at their end.
_BARE = {0x00, 0x01, *range(0xD0, 0xD9)}
_APP1, _START_OF_SCAN, _END_OF_IMAGE = 0xE1, 0xDA, 0xD9
_EXIF = b"Exif\0\0"
_ORIENTATION = 0x0112
CUT_SHORT = "was cut short: fetch it again, or remove it"
# Most files' headers are shorter: they are read at once.
_HEAD = 4096


class UnreadableImageError(ValueError):
    """A file that can't be decoded; the message completes "the file …"."""


def orientation(file: str) -> int:
    """Looks at an image file's start and end, without decoding it.

    Args:
        file: where it is.

    Returns:
        How the picture lies: the orientation 1..8 of a JPEG's EXIF data, where 1 is
        upright, which is also returned for what has none.

    Raises:
        UnreadableImageError: it is no JPEG or PNG, or was cut short.
    """
    try:
        with open(file, "rb", buffering=0) as opened:
            head = opened.read(_HEAD)
            if head.startswith(_PNG):
                _check_end(opened, _PNG_END, 0)
                return 1
            if head.startswith(_JPEG):
                found, scan = _read_header(_Bytes(opened, head))
                _check_end(opened, _JPEG_END, scan)
                return found
    except OSError as error:
        raise UnreadableImageError(f"can't be read: {error.strerror}") from error
    raise UnreadableImageError("is neither a JPEG nor a PNG file")


def decoded(data: tf.Tensor, channels: int = 3) -> tf.Tensor:
    """Decodes a JPEG or PNG file to the pixels of OpenCV's ``imread``, not turned.

    TensorFlow's own choice of a discrete cosine transform is a faster one that is
    off by a level on average. JPEGs of four colours (CMYK) are off by a level here.

    Args:
        data: the file's bytes, a scalar string.
        channels: 3, or 1 for grey.

    Returns:
        uint8 [h, w, channels]; of a PNG with 16 bits the upper ones, without transparency.
    """
    return tf.io.decode_jpeg(data, channels, dct_method="INTEGER_ACCURATE")


def turned_upright(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Turns and mirrors an image [h, w, 3] that lies as an EXIF orientation 1..8 says."""
    image = tf.cond(orientation >= 5, lambda: tf.transpose(image, [1, 0, 2]), lambda: image)
    rows, columns = (tf.reduce_any(orientation == said) for said in ([3, 4, 7, 8], [2, 3, 6, 7]))
    return tf.raw_ops.Reverse(tensor=image, dims=tf.stack([rows, columns, False]))


class _Bytes:
    """Parts of an open file, of which the start is already there."""

    def __init__(self, opened: BinaryIO, head: bytes):
        self._opened = opened
        self._head = head

    def __call__(self, start: int, count: int) -> bytes:
        if start + count <= len(self._head):
            return self._head[start : start + count]
        self._opened.seek(start)
        found = self._opened.read(count)
        if len(found) < count:
            raise UnreadableImageError(CUT_SHORT)
        return found


def _read_header(read: _Bytes) -> tuple[int, int]:
    """Returns a JPEG's orientation, and where its compressed pixels begin."""
    found, place = None, 2
    while True:
        marker, code = read(place, 2)
        if marker != 0xFF or code == 0xFF:  # bytes that decoders skip
            place += 1
        elif code in _BARE:
            place += 2
        elif code == _END_OF_IMAGE:
            raise UnreadableImageError("is a JPEG without a picture")
        else:
            (length,) = struct.unpack(">H", read(place + 2, 2))
            if code == _START_OF_SCAN:
                return found or 1, place + 2 + length
            if code == _APP1 and found is None and length >= 2 + len(_EXIF):
                segment = read(place + 4, length - 2)
                if segment.startswith(_EXIF):
                    found = _exif_orientation(segment[len(_EXIF) :])
            place += 2 + length


def _exif_orientation(tiff: bytes) -> int:
    """Returns the orientation of EXIF data; 1 where they are too odd to hold one."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return 1
    (first,) = struct.unpack_from(order + "I", tiff, 4)
    if first + 2 > len(tiff):
        return 1
    (entries,) = struct.unpack_from(order + "H", tiff, first)
    for entry in range(first + 2, min(first + 2 + 12 * entries, len(tiff) - 11), 12):
        tag, value = struct.unpack_from(order + "H6xH", tiff, entry)
        if tag == _ORIENTATION:
            return value if 1 <= value <= 8 else 1
    return 1


def _check_end(opened: BinaryIO, end: bytes, start: int) -> None:
    """Raises `UnreadableImageError` unless `end` comes after `start`, most often last of all."""
    size = opened.seek(0, 2)
    opened.seek(max(size - len(end), 0))
    if opened.read() != end:
        opened.seek(start)
        if end not in opened.read():
            raise UnreadableImageError(CUT_SHORT)
