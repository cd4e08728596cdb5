"""Images in folders, one for each class, read from disk when they are fetched."""

import collections
import functools
import os
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfadv import digests
from tfadv.data.centre_square import CentreSquare
from tfadv.data.image_file import UnreadableImageError, decoded, orientation, turned_upright
from tfadv.data.manifest import reads_contents
from tfadv.data.source import Source, eager_constant
from tfadv.errors import UserError

SUFFIXES = (".jpg", ".jpeg", ".png")
# Pictures too, which nothing here reads.
OTHER_SUFFIXES = (".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".jpe")
OTHER_SUFFIXES += (".pbm", ".pgm", ".ppm", ".svg", ".tga", ".tif", ".tiff", ".webp")
UPRIGHT = 1


class FolderSource(Source):
    """Images read from disk when they are fetched.

    Files and folders whose names begin with a dot are ignored. Each file is
    opened once at the start, for its first and last bytes.

    Args:
        name: where the images are from, for messages.
        folder: holds one folder a class.
        class_names: the folders' names.
        view: makes images of one size.
        exif_orientation: whether pictures are turned upright, as their EXIF data say.

    Raises:
        UserError: a class has no image, or a file is no JPEG or PNG, or was cut short.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        class_names: list[str],
        view: CentreSquare,
        exif_orientation: bool,
    ):
        files, labels, passed_over = [], [], collections.Counter()
        for label, class_name in enumerate(class_names):
            found = _images(name, folder / class_name, passed_over)
            files += found
            labels += [label] * len(found)
        turns = [_orientation(name, file) for file in files]
        stats = [Path(file).stat() for file in files]
        super().__init__(name, np.array(labels), class_names, (view.image_size, view.image_size, 3))
        self.warnings = _warnings(name, class_names, passed_over)
        self.view = view
        self._files = np.array(files)
        self._sizes = np.array([stat.st_size for stat in stats])  # in bytes
        self._times = np.array([stat.st_mtime_ns for stat in stats])
        self._turns = np.array(turns, np.uint8)
        self.exif_orientation = exif_orientation
        self._any_to_turn = exif_orientation and bool((self._turns != UPRIGHT).any())

    @functools.cached_property
    def _file_tensor(self) -> tf.Tensor:
        return eager_constant(self._files)

    @functools.cached_property
    def _turn_tensor(self) -> tf.Tensor:
        return eager_constant(self._turns.astype(np.int32))

    def stored(self, way: str) -> dict[str, str]:
        """Returns digests of the files and their names; see `Source.stored`."""
        places = zip(self.labels.tolist(), self._files.tolist(), strict=True)
        names = (
            f"{self.class_names[label]}/{file.rpartition(os.sep)[2]}" for label, file in places
        )
        found = {"names": digests.of_texts(names), "sizes": digests.of_array(self._sizes)}
        if reads_contents(way, int(self._sizes.sum())):
            return found | {"contents": digests.of_files(self._files)}
        return found | {"times": digests.of_array(self._times)}

    def fetch(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns example `index`; see `Source.fetch`."""
        image, label = self.fetch_original(index)
        return self.view(image), label

    def fetch_original(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns example `index` whole; see `Source.fetch_original`."""
        image = decoded(tf.io.read_file(tf.gather(self._file_tensor, index)))
        if self._any_to_turn:
            turn = tf.gather(self._turn_tensor, index)
            image = tf.cond(turn == UPRIGHT, lambda: image, lambda: turned_upright(image, turn))
        return tf.cast(image, tf.float32), tf.gather(self.label_tensor, index)


def _images(name: str, folder: Path, passed_over: collections.Counter) -> list[str]:
    """Returns a class's files in order, and counts by suffix the pictures that aren't read."""
    found, others = [], collections.Counter()
    with os.scandir(folder) as entries:
        for entry in entries:
            suffix = Path(entry.name).suffix.lower()
            if entry.name.startswith("."):
                continue
            if suffix in SUFFIXES and not entry.is_dir():
                found.append(entry.path)
            elif suffix in OTHER_SUFFIXES:
                others[suffix] += 1
            elif entry.is_dir():
                others["folders"] += 1
    if not found:
        raise UserError(
            f"{name}: no .jpg, .jpeg or .png in '{folder}'"
            + (f", but {_counts(others)}" if others else "")
        )
    passed_over.update(others)
    return sorted(found)


def _orientation(name: str, file: str) -> int:
    try:
        return orientation(file)
    except UnreadableImageError as error:
        raise UserError(f"{name}: '{file}' {error}") from error


def _warnings(
    name: str, class_names: list[str], passed_over: collections.Counter
) -> tuple[str, ...]:
    found = []
    if passed_over:
        found.append(
            f"{name}: not read within the class folders: {_counts(passed_over)}; only "
            ".jpg, .jpeg and .png are"
        )
    folded = collections.defaultdict(list)
    for class_name in class_names:
        folded[class_name.casefold()].append(class_name)
    for alike in (names for names in folded.values() if len(names) > 1):
        found.append(f"{name}: classes {', '.join(map(repr, alike))} differ by case alone")
    return tuple(found)


def _counts(found: collections.Counter) -> str:
    return ", ".join(f"{count:,} {suffix}" for suffix, count in found.most_common())
