"""Many files looked at without decoding them: what they say of themselves, sizes and times."""

import functools
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from tfadv.data.class_files import ClassFiles
from tfadv.data.encoded_source import Look
from tfadv.data.image_files.headers import Header, UnreadableImageError, header_of_parts

# Files that a thread looks at before the next one; looking waits for disks and networks.
_SHARE = 256
_THREADS = 16


class FileLooks(NamedTuple):
    """What was seen of some files; one value for each.

    Attributes:
        look: what they say of themselves.
        sizes: in bytes, int64 [N].
        times: of their last changes, in ns, int64 [N]; 0 of a file that can't be read.
    """

    look: Look
    sizes: np.ndarray
    times: np.ndarray

    @classmethod
    def at(cls, files: ClassFiles, channels: int) -> "FileLooks":
        """Looks at files that are to have so many channels."""
        starts = range(0, len(files), _SHARE)

        def share(start: int) -> FileLooks:
            return cls._of(files.paths(start, min(start + _SHARE, len(files))), channels)

        with ThreadPoolExecutor(_THREADS) as readers:
            looks, sizes, times = zip(*readers.map(share, starts), strict=True)
        return cls(Look.joined(looks), np.concatenate(sizes), np.concatenate(times))

    @classmethod
    def _of(cls, paths: Iterable[bytes], channels: int) -> "FileLooks":
        headers, sizes, times = zip(*map(_look_at, paths), strict=True)
        return cls(Look.of(headers, channels), np.array(sizes, np.int64), np.array(times, np.int64))


def _look_at(path: bytes) -> tuple[Header | str, int, int]:
    """Returns a file's header, or why there is none, its size and the time of its last change."""
    try:
        opened = os.open(path, os.O_RDONLY)
        try:
            stat = os.fstat(opened)
            try:
                header = header_of_parts(functools.partial(os.pread, opened), stat.st_size)
            except UnreadableImageError as error:
                header = str(error)
        finally:
            os.close(opened)
    except OSError as error:
        return f"can't be read: {error.strerror}", 0, 0
    return header, stat.st_size, stat.st_mtime_ns
