"""What an image file says of itself in its first and last bytes, without decoding it."""

import os
import struct
from collections.abc import Callable
from typing import BinaryIO, NamedTuple

from tfadv.data.image_files import exif

JPEG, PNG, GIF, BMP, WEBP = range(5)
KINDS = ("JPEG", "PNG", "GIF", "BMP", "WebP")
# Decoders hold all pixels of an image at once; Pillow calls more than these a bomb.
PIXELS_AT_MOST = 89_478_485
CUT_SHORT = "was cut short: fetch it again, or remove it"
# Most files' headers are shorter: they are read at once.
_HEAD = 4096
# Parts of the files, of either byte order.
_SEGMENT, _FRAME, _PNG_HEADER = map(struct.Struct, (">BBH", ">HHB", ">IIBB"))
_MARKER_SIZE = 2
_SIDES, _SIZE, _BMP_HEADER, _WEBP_HEADER = map(struct.Struct, ("<HH", "<I", "<iiHH", "<B3x6B"))
# Markers of a JPEG that no length follows, those that begin a frame, and some others.
_BARE = {0x00, 0x01, *range(0xD0, 0xD9)}
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_APP1, _START_OF_SCAN, _END_OF_IMAGE = 0xE1, 0xDA, 0xD9
_ANIMATED = 2  # of a WebP's flags
_EXIF = b"Exif\0\0"
_JPEG_END, _PNG_END, _GIF_END = b"\xff\xd9", b"IEND\xaeB`\x82", b"\0;"


class UnreadableImageError(ValueError):
    """A file that can't be decoded; the message completes "the file …"."""


class Header(NamedTuple):
    """What an image file says of itself.

    Attributes:
        kind: one of `JPEG`, `PNG`, `GIF`, `BMP` and `WEBP`.
        height: in pixels, as they are stored.
        width: in pixels, as they are stored.
        channels: 1 grey, 2 grey and alpha, 3 colours, 4 colours and alpha or ink.
        orientation: how the picture lies, 1..8 as EXIF has it; 1 is upright.
    """

    kind: int
    height: int
    width: int
    channels: int
    orientation: int = 1


def read_header(opened: BinaryIO) -> Header:
    """Looks at an image file's start and end.

    Args:
        opened: the file's bytes.

    Raises:
        UnreadableImageError: it is no image that is read here, was cut short, or has no
            pixel or too many.
        OSError: it can't be read.
    """

    def read(count: int, start: int) -> bytes:
        opened.seek(start)
        return opened.read(count)

    return header_of_parts(read, opened.seek(0, os.SEEK_END))


def header_of_parts(read: Callable[[int, int], bytes], size: int) -> Header:
    """Looks at an image file's start and end, which are read in a few parts.

    Args:
        read: returns so many bytes from a place on, as `os.pread` does.
        size: of the file in bytes.

    Raises:
        UnreadableImageError: as `read_header` does.
        OSError: as `read` does.
    """
    if not size:
        raise UnreadableImageError("is empty")
    data = _Bytes(read, size)
    for start, header_of in _READERS:
        if data.head.startswith(start):
            header = header_of(data)
            _check_size(header)
            return header
    raise UnreadableImageError(f"is no {', '.join(KINDS[:-1])} or {KINDS[-1]} file")


class _Bytes:
    """Parts of a file, of which the start is read at once."""

    def __init__(self, read: Callable[[int, int], bytes], size: int):
        self._read = read
        self.size = size
        self.head = read(_HEAD, 0)

    def __call__(self, start: int, count: int) -> bytes:
        if start + count <= len(self.head):
            return self.head[start : start + count]
        found = self._read(count, start)
        if len(found) < count:
            raise UnreadableImageError(CUT_SHORT)
        return found

    def unpack(self, layout: struct.Struct, start: int) -> tuple:
        """Returns the values of a layout at a place."""
        if start + layout.size <= len(self.head):
            return layout.unpack_from(self.head, start)
        return layout.unpack(self(start, layout.size))

    def segment(self, place: int) -> tuple[int, int, int]:
        """Returns the two bytes of a JPEG's marker, and the length that most often follows."""
        if place + _SEGMENT.size <= len(self.head):
            return _SEGMENT.unpack_from(self.head, place)
        rest = min(_SEGMENT.size, max(self.size - place, _MARKER_SIZE))
        return _SEGMENT.unpack(self(place, rest).ljust(_SEGMENT.size, b"\0"))

    def check_end(self, end: bytes, start: int) -> None:
        """Raises `UnreadableImageError` unless `end` comes after `start`, most often last."""
        if self._read(len(end), max(self.size - len(end), 0)) != end and (
            start >= self.size or end not in self._read(self.size - start, start)
        ):
            raise UnreadableImageError(CUT_SHORT)


def _check_size(header: Header) -> None:
    size = f"{header.width:,} x {header.height:,} pixels"
    if not header.width or not header.height:
        raise UnreadableImageError(f"has {size}")
    if header.width * header.height > PIXELS_AT_MOST:
        raise UnreadableImageError(
            f"has {size}, more than the {PIXELS_AT_MOST:,} that are decoded: make it smaller"
        )


def _jpeg(read: _Bytes) -> Header:
    orientation, frame, place = None, None, 2
    while True:
        marker, code, length = read.segment(place)
        if marker != 0xFF or code == 0xFF:  # bytes that decoders skip
            place += 1
            continue
        if code in _BARE:
            place += 2
            continue
        if code == _END_OF_IMAGE:
            raise UnreadableImageError("is a JPEG without a picture")
        if code in _FRAMES:
            frame = read.unpack(_FRAME, place + 5)
        elif code == _APP1 and orientation is None and length >= 2 + len(_EXIF):
            segment = read(place + 4, length - 2)
            if segment.startswith(_EXIF):
                orientation = exif.orientation(segment[len(_EXIF) :])
        place += 2 + length
        if code == _START_OF_SCAN:
            break
    if frame is None:
        raise UnreadableImageError("is a JPEG without a picture")
    read.check_end(_JPEG_END, place)
    return Header(JPEG, *frame, orientation or 1)


def _png(read: _Bytes) -> Header:
    width, height, _, colours = read.unpack(_PNG_HEADER, 16)
    read.check_end(_PNG_END, 0)
    # A palette's colours are those of its entries.
    channels = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}.get(colours, 0)
    return Header(PNG, height, width, channels)


def _gif(read: _Bytes) -> Header:
    width, height = read.unpack(_SIDES, 6)
    read.check_end(_GIF_END, 0)
    return Header(GIF, height, width, 3)


def _bmp(read: _Bytes) -> Header:
    (size,) = read.unpack(_SIZE, 2)
    width, height, _, bits = read.unpack(_BMP_HEADER, 18)
    if bits not in (24, 32):
        raise UnreadableImageError(f"is a BMP of {bits} bits a pixel; 24 and 32 are read")
    if size > read.size:
        raise UnreadableImageError(CUT_SHORT)
    return Header(BMP, abs(height), abs(width), bits // 8)


def _webp(read: _Bytes) -> Header:
    if read(8, 4) != b"WEBP":
        raise UnreadableImageError("is a RIFF file, but no WebP")
    (size,) = read.unpack(_SIZE, 4)
    if size + 8 > read.size:
        raise UnreadableImageError(CUT_SHORT)
    form = read(12, 4)
    if form == b"VP8 ":
        width, height = read.unpack(_SIDES, 26)
        return Header(WEBP, height & 0x3FFF, width & 0x3FFF, 3)
    if form == b"VP8L":
        (bits,) = read.unpack(_SIZE, 21)
        alpha = bits >> 28 & 1
        return Header(WEBP, (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1, 3 + alpha)
    flags, *sides = read.unpack(_WEBP_HEADER, 20)
    if flags & _ANIMATED:  # TensorFlow's decoder writes where it must not (2.21)
        raise UnreadableImageError("is an animated WebP, of which no picture is read")
    width, height = (int.from_bytes(bytes(side), "little") for side in (sides[:3], sides[3:]))
    return Header(WEBP, height + 1, width + 1, 3 + (flags >> 4 & 1))


_READERS: tuple[tuple[bytes, Callable[[_Bytes], Header]], ...] = (
    (b"\xff\xd8\xff", _jpeg),
    (b"\x89PNG", _png),
    (b"GIF8", _gif),
    (b"BM", _bmp),
    (b"RIFF", _webp),
)
