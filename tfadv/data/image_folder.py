"""Folders of JPEG and PNG files, one folder a class."""

import dataclasses
import functools
import os
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfadv import digests
from tfadv.data.manifest import reads_contents
from tfadv.data.paths import existing_path
from tfadv.data.source import Source, Splits, eager_constant
from tfadv.errors import UserError, check
from tfadv.registry import DATASETS

SUFFIXES = (".jpg", ".jpeg", ".png")
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG")


@DATASETS.register("image_folder")
def image_folder(
    train: str,
    test: str,
    image_size: int,
    shorter_side: int | None = None,
    antialias: bool = True,
) -> Splits:
    """Returns the images under ``train/CLASS/*`` and ``test/CLASS/*``.

    Every image has its shorter side resized (bicubic) and its centre cropped to
    a square; augmentations that crop by themselves see it whole. The sorted
    folder names are the classes, the same in both.

    Args:
        train: folder to train on; ``~`` and ``$VARIABLES`` are expanded.
        test: folder to evaluate on.
        image_size: height and width in pixels.
        shorter_side: in pixels before the crop; None takes `image_size`.
        antialias: whether to smooth an image that is made smaller.
    """
    view = CentreSquare(image_size, shorter_side or image_size, antialias)
    folders = {
        "image_folder.train": existing_path(train, "image_folder.train"),
        "image_folder.test": existing_path(test, "image_folder.test"),
    }
    classes = {name: _class_names(name, folder) for name, folder in folders.items()}
    train_classes, test_classes = classes.values()
    different = sorted(set(train_classes) ^ set(test_classes))
    if different:
        raise UserError(f"image_folder: class '{different[0]}' is only in one of train and test")
    return Splits(
        *(FolderSource(name, folder, train_classes, view) for name, folder in folders.items())
    )


@dataclasses.dataclass(frozen=True)
class CentreSquare:
    """The evaluation's view of an image.

    Attributes:
        image_size: height and width in pixels.
        shorter_side: of the resized image, before the crop.
        antialias: whether to smooth an image that is made smaller.
    """

    image_size: int
    shorter_side: int
    antialias: bool

    def __post_init__(self):
        size, side = self.image_size, self.shorter_side
        check(size > 0, "image_folder.image_size", "be > 0", size)
        check(side >= size, "image_folder.shorter_side", f"be >= image_size = {size}", side)

    def __call__(self, image: tf.Tensor) -> tf.Tensor:
        """Maps an image [h, w, 3] in 0..255 to float32 [image_size, image_size, 3]."""
        shape = tf.cast(tf.shape(image)[:2], tf.float32)
        target = tf.cast(tf.round(shape * self.shorter_side / tf.reduce_min(shape)), tf.int32)
        wide = tf.cast(image, tf.float32)
        resized = tf.image.resize(wide, target, "bicubic", antialias=self.antialias)
        square = tf.image.resize_with_crop_or_pad(resized, self.image_size, self.image_size)
        sized = tf.ensure_shape(square, (self.image_size, self.image_size, 3))
        return tf.clip_by_value(sized, 0.0, 255.0)


class FolderSource(Source):
    """Images read from disk when they are fetched.

    Args:
        name: where the images are from, for messages.
        folder: holds one folder a class.
        class_names: the folders' names.
        view: makes images of one size.

    Raises:
        UserError: a class has no image, or a file is no JPEG or PNG.
    """

    def __init__(self, name: str, folder: Path, class_names: list[str], view: CentreSquare):
        files, labels = [], []
        for label, class_name in enumerate(class_names):
            found = sorted(p for p in (folder / class_name).iterdir() if _is_image(p))
            if not found:
                raise UserError(f"{name}: no .jpg, .jpeg or .png in '{folder / class_name}'")
            files += [str(path) for path in found]
            labels += [label] * len(found)
        stats = [_checked(name, file) for file in files]
        super().__init__(name, np.array(labels), class_names, (view.image_size, view.image_size, 3))
        self._view = view
        self._files = np.array(files)
        self._sizes = np.array([stat.st_size for stat in stats])  # in bytes
        self._times = np.array([stat.st_mtime_ns for stat in stats])

    @functools.cached_property
    def _file_tensor(self) -> tf.Tensor:
        return eager_constant(self._files)

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
        return self._view(image), label

    def fetch_original(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns example `index` whole; see `Source.fetch_original`."""
        file = tf.io.read_file(tf.gather(self._file_tensor, index))
        image = tf.io.decode_image(file, channels=3, expand_animations=False)
        return tf.cast(image, tf.float32), tf.gather(self.label_tensor, index)


def _class_names(name: str, folder: Path) -> list[str]:
    classes = sorted(path.name for path in folder.iterdir() if path.is_dir())
    if len(classes) < 2:
        raise UserError(f"{name}: '{folder}' has {len(classes)} class folders, at least 2 needed")
    return classes


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def _checked(name: str, file: str) -> os.stat_result:
    """Returns a file's size and times, while it is open for a look at its first bytes."""
    with open(file, "rb") as opened:
        if not opened.read(4).startswith(_SIGNATURES):
            raise UserError(f"{name}: '{file}' is neither a JPEG nor a PNG file")
        return os.fstat(opened.fileno())
