"""The image files of class folders: listed in order, and held in little memory."""

import collections
import functools
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfadv.data import arrays
from tfadv.data.plausibility import UnfitError
from tfadv.errors import UserError

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp")
# Pictures too, which nothing here reads.
OTHER_SUFFIXES = (".avif", ".heic", ".heif", ".jp2", ".pbm", ".pgm", ".ppm", ".svg", ".tga")
OTHER_SUFFIXES += (".tif", ".tiff")
READ = f"{', '.join(SUFFIXES[:-1])} and {SUFFIXES[-1]}"
_READ_OR = READ.replace(" and", " or")
_END = b"\0"  # which no name holds
_CHARACTERS = [bytes([number]) for number in range(256)]


class ClassFiles:
    """Image files by their number: those of the first class, those of the second, and so on.

    Their names are held in one string: as Python's objects, a million of them would take
    hundreds of megabytes.

    Args:
        folders: of each class.
        names: of the files in each class's folder, in order.

    Attributes:
        labels: int32 [N], each file's class.
    """

    def __init__(self, folders: Sequence[str], names: Iterable[Sequence[bytes]]):
        self._folders = [os.fsencode(f"{folder}/") for folder in folders]
        counts, joined = [], []
        for of_class in names:
            counts.append(len(of_class))
            joined += [_END.join(of_class), _END] if of_class else []
        self._names = arrays.readable_in_place(np.frombuffer(b"".join(joined), np.uint8), np.uint8)
        starts = np.append(0, np.flatnonzero(self._names == ord(_END)) + 1)
        self._starts = arrays.readable_in_place(starts, np.int64)
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
        return arrays.shared(self._names), arrays.shared(self._starts)


def listed(
    name: str, folder: Path, class_folders: Sequence[str], incomplete: bool
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
    passed_over = collections.Counter()
    folders = [folder / one for one in class_folders]
    names = (_images(name, one, passed_over, incomplete) for one in folders)
    files = ClassFiles([*map(str, folders)], names)
    if not len(files):
        raise UnfitError(f"{name}: no {_READ_OR} in any class of '{folder}'")
    return files, passed_over


def _images(
    name: str, folder: Path, passed_over: collections.Counter, incomplete: bool
) -> list[bytes]:
    """Returns the names of a class's files in order, and counts what else lies there."""
    found, others = [], collections.Counter()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                folded = entry.name.lower()
                if folded.startswith("."):
                    continue
                if folded.endswith(SUFFIXES) and not entry.is_dir():
                    found.append(os.fsencode(entry.name))
                elif folded.endswith(OTHER_SUFFIXES):
                    others[Path(folded).suffix] += 1
                elif entry.is_dir():
                    others["folders"] += 1
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"{name}: '{folder}' can't be listed: {error.strerror}") from error
    if not found and not incomplete:
        hint = f", but {counted(others)}" if others else ""
        raise UserError(f"{name}: no {_READ_OR} in '{folder}'{hint}")
    passed_over.update(others)
    return sorted(found)


def counted(found: collections.Counter) -> str:
    """Returns in words how much there is of what."""
    return ", ".join(f"{count:,} {suffix}" for suffix, count in found.most_common())
