"""The image files of class folders: listed in order, and held in little memory."""

import collections
import functools
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePath

import numpy as np
import tensorflow as tf

from tfadv.data import in_place, remote_path
from tfadv.data.paths import AnyPath, scan
from tfadv.data.plausibility import UnfitError
from tfadv.data.remote_path import RemotePath
from tfadv.errors import UserError

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp")
# Pictures too, which nothing here reads.
OTHER_SUFFIXES = (".avif", ".heic", ".heif", ".jp2", ".pbm", ".pgm", ".ppm", ".svg", ".tga")
OTHER_SUFFIXES += (".tif", ".tiff")
READ = f"{', '.join(SUFFIXES[:-1])} and {SUFFIXES[-1]}"
_READ_OR = READ.replace(" and", " or")
_END = b"\0"  # which no name holds
_THREADS = 16
_CHARACTERS = [bytes([number]) for number in range(256)]


class ClassFiles:
    """Image files by their number: those of the first class, those of the second, and so on.

    Their names are held in one string: as Python's objects, a million of them would take
    hundreds of megabytes.

    Args:
        folders: of each class.
        names: of the files in each class's folder, in order, each with a byte 0 behind it.

    Attributes:
        labels: int32 [N], each file's class.
        is_remote: whether the folders are.
    """

    def __init__(self, folders: Sequence[AnyPath], names: Sequence[bytes]):
        self.is_remote = isinstance(folders[0], RemotePath)
        self._folders = [os.fsencode(f"{folder}/") for folder in folders]
        joined = b"".join(names)
        self._names = in_place.readable_in_place(np.frombuffer(joined, np.uint8), np.uint8)
        starts = np.append(0, np.flatnonzero(self._names == ord(_END)) + 1)
        self._starts = in_place.readable_in_place(starts, np.int64)
        counts = [of_class.count(_END) for of_class in names]
        self.labels = np.repeat(np.arange(len(counts), dtype=np.int32), counts)

    def __len__(self) -> int:
        return len(self.labels)

    def name(self, index: int) -> bytes:
        """Returns a file's name within its class's folder."""
        return self._names[self._starts[index] : self._starts[index + 1] - len(_END)].tobytes()

    def path(self, index: int) -> bytes:
        """Returns a file's path, as the system has it."""
        return self._folders[self.labels[index]] + self.name(index)

    def paths(self, start: int, stop: int, folders: Sequence[bytes] | None = None) -> list[bytes]:
        """Returns the paths of some files, one after the other.

        Args:
            start: the first one.
            stop: the one after the last.
            folders: what stands in place of each class's folder, with a slash; None for itself.
        """
        folders = folders or self._folders
        names = self._names[self._starts[start] : self._starts[stop]].tobytes().split(_END)[:-1]
        labels = self.labels[start:stop].tolist()
        return [folders[label] + name for label, name in zip(labels, names, strict=True)]

    def path_tensor(self, index: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
        """Returns a file's path, a scalar string, in a tf.data map.

        Args:
            index: the file's number, an int64 scalar.
            label: its class, an integer scalar.
        """
        names, starts = (shared.get_value() for shared in self._shared)
        start, after = tf.gather(starts, index), tf.gather(starts, index + 1)
        name = tf.cast(names[start : after - len(_END)], tf.int32)
        folder = tf.gather(tf.constant(self._folders), label)
        return folder + tf.strings.reduce_join(tf.gather(tf.constant(_CHARACTERS), name))

    @functools.cached_property
    def _shared(self) -> tuple[tf.experimental.Optional, tf.experimental.Optional]:
        return in_place.shared(self._names), in_place.shared(self._starts)


def listed(
    name: str, folder: AnyPath, class_folders: Sequence[str], incomplete: bool
) -> tuple[ClassFiles, collections.Counter]:
    """Returns the files of class folders, and how much of what else lies there.

    Args:
        name: where the images are from, for messages.
        folder: holds the class folders.
        class_folders: the name of each class's; one that isn't there has no file.
        incomplete: whether folders without any image are taken as they are.

    Raises:
        UserError: a folder holds no image, or can't be listed.
    """
    folders = [folder / one for one in class_folders]
    threads = remote_path.THREADS if isinstance(folder, RemotePath) else _THREADS
    with ThreadPoolExecutor(threads) as readers:
        found = [*readers.map(lambda one: _images(name, one, incomplete), folders)]
    files = ClassFiles(folders, [names for names, _ in found])
    passed_over = sum((others for _, others in found), collections.Counter())
    if not len(files):
        raise UnfitError(f"{name}: no {_READ_OR} in any class of '{folder}'")
    return files, passed_over


def _images(name: str, folder: AnyPath, incomplete: bool) -> tuple[bytes, collections.Counter]:
    """Returns the names of a class's files in order, and how much of what else lies there."""
    found, others = [], collections.Counter()
    try:
        for entry in scan(folder, SUFFIXES):
            folded = entry.name.lower()
            if folded.startswith("."):
                continue
            if folded.endswith(SUFFIXES) and not entry.is_dir():
                found.append(os.fsencode(entry.name))
            elif folded.endswith(OTHER_SUFFIXES):
                others[PurePath(folded).suffix] += 1
            elif entry.is_dir():
                others["folders"] += 1
    except FileNotFoundError:
        return b"", others
    except OSError as error:
        raise UserError(f"{name}: '{folder}' can't be listed: {error.strerror}") from error
    if not found and not incomplete:
        hint = f", but {counted(others)}" if others else ""
        raise UserError(f"{name}: no {_READ_OR} in '{folder}'{hint}")
    return b"".join(image + _END for image in sorted(found)), others


def counted(found: collections.Counter) -> str:
    """Returns in words how much there is of what."""
    return ", ".join(f"{count:,} {suffix}" for suffix, count in found.most_common())
