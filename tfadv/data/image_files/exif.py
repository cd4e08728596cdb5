"""How a picture lies, as its EXIF data say."""

import struct

_ORIENTATION = 0x0112


def orientation(tiff: bytes) -> int:
    """Returns the orientation 1..8 of EXIF data; 1 where they are too odd to hold one."""
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
