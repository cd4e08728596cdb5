"""Images in folders, one for each class, read from disk when they are fetched."""

import collections
import functools
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfadv import digests
from tfadv.data.centre_square import CentreSquare
from tfadv.data.encoded_source import EncodedSource, Look
from tfadv.data.image_files.headers import Header, UnreadableImageError, read_header
from tfadv.data.manifest import reads_contents
from tfadv.data.source import eager_constant
from tfadv.errors import UserError

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp")
# Pictures too, which nothing here reads.
OTHER_SUFFIXES = (".avif", ".heic", ".heif", ".jp2", ".pbm", ".pgm", ".ppm", ".svg", ".tga")
OTHER_SUFFIXES += (".tif", ".tiff")
READ = f"{', '.join(SUFFIXES[:-1])} and {SUFFIXES[-1]}"
# Files that a thread looks at before the next one; looking waits for disks and networks.
_SHARE = 256
_THREADS = 16


class FolderSource(EncodedSource):
    """Images read from disk when they are fetched.

    Files and folders whose names begin with a dot are ignored. Each file is
    opened once at the start, for its first and last bytes.

    Args:
        name: where the images are from, for messages.
        folder: holds one folder a class.
        class_names: the classes in their order; where a class has no folder it has no image.
        view: makes images of one size.
        exif_orientation: whether pictures are turned upright, as their EXIF data say.
        channels: of the images; see `EncodedSource`.

    Raises:
        UserError: a class's folder holds no image, or can't be listed.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        class_names: list[str],
        view: CentreSquare,
        exif_orientation: bool,
        channels: int = 3,
    ):
        found = _found(name, folder, class_names)
        looks = _looked_at(found.files)
        look = Look.of((seen.header for seen in looks), channels)
        super().__init__(name, found.labels, class_names, view, look, exif_orientation, channels)
        self.warnings = _warnings(name, folder, class_names, found.passed_over)
        self._files = found.files
        self._sizes = np.fromiter((seen.size for seen in looks), np.int64, len(looks))  # in bytes
        self._times = np.fromiter((seen.time for seen in looks), np.int64, len(looks))

    def read(self, index: tf.Tensor) -> tf.Tensor:
        """Returns a file's bytes; see `EncodedSource.read`."""
        return tf.io.read_file(tf.gather(self._file_tensor, index))

    def title(self, index: int) -> str:
        """Returns a file's path; see `EncodedSource.title`."""
        return os.fsdecode(self._files[index])

    def file_name(self, index: int) -> str:
        """Returns a file's path within the folder; see `EncodedSource.file_name`."""
        name = os.fsdecode(self._files[index]).rpartition(os.sep)[2]
        return f"{self.class_names[self.labels[index]]}/{name}"

    def stored(self, way: str) -> dict[str, str]:
        """Returns digests of the files and their names; see `Source.stored`."""
        names = map(self.file_name, range(len(self)))
        found = {"names": digests.of_texts(names), "sizes": digests.of_array(self._sizes)}
        if reads_contents(way, int(self._sizes.sum())):
            return found | {"contents": digests.of_files(self._files[self._times > 0])}
        return found | {"times": digests.of_array(self._times)}

    @functools.cached_property
    def _file_tensor(self) -> tf.Tensor:
        return eager_constant(self._files)


class _Found(NamedTuple):
    """The files of some folders: paths as the system has them, labels, and what was left."""

    files: np.ndarray
    labels: np.ndarray
    passed_over: collections.Counter


class _Seen(NamedTuple):
    """A file's header, or why there is none, its size in bytes and its last change."""

    header: Header | str
    size: int = 0
    time: int = 0


def _found(name: str, folder: Path, class_names: list[str]) -> _Found:
    files, labels, passed_over = [np.array([], "S")], [], collections.Counter()
    for label, class_name in enumerate(class_names):
        of_class = _images(name, folder / class_name, passed_over)
        # Arrays of bytes: a million strings would take a gigabyte.
        files.append(np.array(of_class, "S"))
        labels.append(np.full(len(of_class), label, np.int32))
    return _Found(np.concatenate(files), np.concatenate(labels), passed_over)


def _images(name: str, folder: Path, passed_over: collections.Counter) -> list[bytes]:
    """Returns a class's files in order, and counts what else lies there."""
    found, others = [], collections.Counter()
    try:
        with os.scandir(os.fsencode(folder)) as entries:
            for entry in entries:
                suffix = Path(os.fsdecode(entry.name)).suffix.lower()
                if entry.name.startswith(b"."):
                    continue
                if suffix in SUFFIXES and not entry.is_dir():
                    found.append(entry.path)
                elif suffix in OTHER_SUFFIXES:
                    others[suffix] += 1
                elif entry.is_dir():
                    others["folders"] += 1
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"{name}: '{folder}' can't be listed: {error.strerror}") from error
    if not found:
        raise UserError(
            f"{name}: no {READ.replace(' and', ' or')} in '{folder}'"
            + (f", but {_counts(others)}" if others else "")
        )
    passed_over.update(others)
    return sorted(found)


def _looked_at(files: np.ndarray) -> list[_Seen]:
    shares = [files[start : start + _SHARE] for start in range(0, len(files), _SHARE)]
    with ThreadPoolExecutor(_THREADS) as readers:
        return [seen for share in readers.map(_look_at_share, shares) for seen in share]


def _look_at_share(files: np.ndarray) -> list[_Seen]:
    return [_look_at(file) for file in files]


def _look_at(file: bytes) -> _Seen:
    try:
        with open(file, "rb", buffering=0) as opened:
            stat = os.fstat(opened.fileno())
            try:
                header = read_header(opened)
            except UnreadableImageError as error:
                header = str(error)
            return _Seen(header, stat.st_size, stat.st_mtime_ns)
    except OSError as error:
        return _Seen(f"can't be read: {error.strerror}")


def _warnings(
    name: str, folder: Path, class_names: list[str], passed_over: collections.Counter
) -> tuple[str, ...]:
    found = []
    if passed_over:
        found.append(
            f"{name}: not read within the class folders: {_counts(passed_over)}; only {READ} are"
        )
    loose = sum(
        path.suffix.lower() in SUFFIXES + OTHER_SUFFIXES and not path.name.startswith(".")
        for path in folder.iterdir()
    )
    if loose:
        found.append(f"{name}: not read: {loose:,} pictures beside the class folders, in no class")
    folded = collections.defaultdict(list)
    for class_name in class_names:
        folded[class_name.casefold()].append(class_name)
    for alike in (names for names in folded.values() if len(names) > 1):
        found.append(f"{name}: classes {', '.join(map(repr, alike))} differ by case alone")
    return tuple(found)


def _counts(found: collections.Counter) -> str:
    return ", ".join(f"{count:,} {suffix}" for suffix, count in found.most_common())
