"""Many files looked at without decoding them: what they say of themselves, sizes and times."""

import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfadv.data import remote_path
from tfadv.data.class_files import ClassFiles
from tfadv.data.encoded_source import Look
from tfadv.data.image_files.headers import Header, UnreadableImageError, header_of_parts

# Files that a thread looks at before the next one; looking waits for disks and networks.
_SHARE = 256
_THREADS = 16
_REMOTE_SHARE = 16


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
        size = _REMOTE_SHARE if files.is_remote else _SHARE
        look = _look_at_remote if files.is_remote else _look_at

        def share(start: int) -> FileLooks:
            paths = files.paths(start, min(start + size, len(files)))
            headers, sizes, times = map(list, zip(*map(look, paths), strict=True))
            return cls(
                Look.of(headers, channels), np.array(sizes, np.int64), np.array(times, np.int64)
            )

        with ThreadPoolExecutor(remote_path.THREADS if files.is_remote else _THREADS) as readers:
            looks, sizes, times = zip(*readers.map(share, range(0, len(files), size)), strict=True)
        return cls(Look.joined(looks), np.concatenate(sizes), np.concatenate(times))


def _look_at(path: bytes) -> tuple[Header | str, int, int]:
    """Returns a file's header, or why there is none, its size and the time of its last change."""
    try:
        opened = os.open(path, os.O_RDONLY)
        try:
            stat = os.fstat(opened)
            header = _header(functools.partial(os.pread, opened), stat.st_size)
        finally:
            os.close(opened)
    except OSError as error:
        return f"can't be read: {error.strerror}", 0, 0
    return header, stat.st_size, stat.st_mtime_ns


def _look_at_remote(path: bytes) -> tuple[Header | str, int, int]:
    """Does what `_look_at` does."""
    try:
        with remote_path.os_errors(), remote_path.RemotePath(os.fsdecode(path)).open() as opened:
            stat = tf.io.gfile.stat(path)

            def read(count: int, start: int) -> bytes:
                opened.seek(start)
                return opened.read(count)

            header = _header(read, stat.length)
    except OSError as error:
        return f"can't be read: {error.strerror}", 0, 0
    return header, stat.length, max(stat.mtime_nsec, 1)


def _header(read: Callable[[int, int], bytes], size: int) -> Header | str:
    try:
        return header_of_parts(read, size)
    except UnreadableImageError as error:
        return str(error)
