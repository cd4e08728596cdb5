"""Images in folders, one for each class, read from disk when they are fetched."""

import collections
import os
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from tfadv import digests
from tfadv.data.centre_square import CentreSquare
from tfadv.data.class_files import (
    OTHER_SUFFIXES,
    READ,
    SUFFIXES,
    ClassFiles,
    counted,
    listed,
)
from tfadv.data.encoded_source import EncodedSource
from tfadv.data.file_looks import FileLooks
from tfadv.data.manifest import reads_contents
from tfadv.data.paths import AnyPath, as_path, scan

_NAMES = 10_000  # that are made at once


class FileSource(EncodedSource):
    """Image files read when they are fetched.

    Each file is opened once at the start, for its first and last bytes.

    Args:
        name: where the images are from, for messages.
        files: of the classes.
        class_names: the classes in their order.
        view: makes images of one size.
        exif_orientation: whether pictures are turned upright, as their EXIF data say.
        channels: of the images; see `EncodedSource`.
    """

    def __init__(
        self,
        name: str,
        files: ClassFiles,
        class_names: Sequence[str],
        view: CentreSquare,
        exif_orientation: bool = True,
        channels: int = 3,
    ):
        looks = FileLooks.at(files, channels)
        super().__init__(
            name, files.labels, class_names, view, looks.look, exif_orientation, channels
        )
        self._files, self._sizes, self._times = files, looks.sizes, looks.times

    @property
    def is_remote(self) -> bool:
        """Whether the files have no local paths."""
        return self._files.is_remote

    def read(self, index: tf.Tensor) -> tf.Tensor:
        """Returns a file's bytes; see `EncodedSource.read`."""
        return tf.io.read_file(self._files.path_tensor(index, tf.gather(self.label_tensor, index)))

    def title(self, index: int) -> str:
        """Returns a file's path; see `EncodedSource.title`."""
        return os.fsdecode(self._files.path(index))

    def relative_names(self) -> Iterator[str]:
        """Returns ``CLASS/FILE`` of each image, whatever folder they are in."""
        classes = [os.fsencode(f"{name}/") for name in self.class_names]
        for start in range(0, len(self), _NAMES):
            stop = min(start + _NAMES, len(self))
            yield from map(os.fsdecode, self._files.paths(start, stop, classes))

    def path(self, index: int) -> str:
        """Returns ``CLASS/FILE``; see `Source.path`."""
        return f"{self.class_names[self.labels[index]]}/{os.fsdecode(self._files.name(index))}"

    def contents(self, index: int) -> bytes:
        """Returns what a file holds, in much less time than a tensor's; see `Source.contents`."""
        return as_path(self.title(index)).read_bytes()

    def size(self, index: int) -> int:
        """Returns a file's size in bytes when it was looked at first; see `Source.size`."""
        return int(self._sizes[index])

    def stored(self, way: str) -> dict[str, str]:
        """Returns digests of the files and their names; see `Source.stored`."""
        names = digests.of_texts(self.relative_names())
        found = {"names": names, "sizes": digests.of_array(self._sizes)}
        if reads_contents(way, int(self._sizes.sum())):
            return found | {
                "contents": digests.of_contents(np.flatnonzero(self._times), self.contents)
            }
        return found | {"times": digests.of_array(self._times)}


class FolderSource(FileSource):
    """The image files in one folder for each class.

    Files and folders whose names begin with a dot are ignored.

    Args:
        name: where the images are from, for messages.
        folder: holds one folder a class.
        class_names: the classes in their order; where a class has no folder it has no image.
        view: makes images of one size.
        exif_orientation: whether pictures are turned upright, as their EXIF data say.
        channels: of the images; see `EncodedSource`.
        class_folders: the folder of each class; None where they are called as the classes.
        incomplete: whether classes without any image are taken as they are.

    Raises:
        UserError: a class's folder holds no image, or can't be listed.
    """

    def __init__(
        self,
        name: str,
        folder: AnyPath,
        class_names: list[str],
        view: CentreSquare,
        exif_orientation: bool,
        channels: int = 3,
        class_folders: Sequence[str] | None = None,
        incomplete: bool = False,
    ):
        files, passed_over = listed(name, folder, class_folders or class_names, incomplete)
        super().__init__(name, files, class_names, view, exif_orientation, channels)
        self.warnings = _warnings(name, folder, class_names, passed_over)


def _warnings(
    name: str, folder: AnyPath, class_names: list[str], passed_over: collections.Counter
) -> tuple[str, ...]:
    found = []
    if passed_over:
        found.append(
            f"{name}: not read within the class folders: {counted(passed_over)}; only {READ} are"
        )
    loose = sum(
        entry.name.lower().endswith(SUFFIXES + OTHER_SUFFIXES) and not entry.name.startswith(".")
        for entry in scan(folder, SUFFIXES + OTHER_SUFFIXES)
    )
    if loose:
        found.append(f"{name}: not read: {loose:,} pictures beside the class folders, in no class")
    folded = collections.defaultdict(list)
    for class_name in class_names:
        folded[class_name.casefold()].append(class_name)
    for alike in (names for names in folded.values() if len(names) > 1):
        found.append(f"{name}: classes {', '.join(map(repr, alike))} differ by case alone")
    return tuple(found)
