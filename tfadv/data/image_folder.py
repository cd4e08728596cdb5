"""Folders of JPEG and PNG files, one folder a class."""

import functools
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfadv.data.paths import existing_path
from tfadv.data.source import Source, Splits, eager_constant
from tfadv.errors import UserError, check
from tfadv.registry import DATASETS

SUFFIXES = (".jpg", ".jpeg", ".png")
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG")


@DATASETS.register("image_folder")
def image_folder(train: str, test: str, image_size: int) -> Splits:
    """Returns the images under ``train/CLASS/*`` and ``test/CLASS/*``.

    Every image has its shorter side resized to `image_size` (bicubic) and its
    centre cropped to a square. The sorted folder names are the classes, the
    same in both.

    Args:
        train: folder to train on; ``~`` and ``$VARIABLES`` are expanded.
        test: folder to evaluate on.
        image_size: height and width in pixels.
    """
    check(image_size > 0, "image_folder.image_size", "be > 0", image_size)
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
        *(FolderSource(name, folder, train_classes, image_size) for name, folder in folders.items())
    )


class FolderSource(Source):
    """Images read from disk when they are fetched.

    Args:
        name: where the images are from, for messages.
        folder: holds one folder a class.
        class_names: the folders' names.
        image_size: height and width in pixels after resizing.

    Raises:
        UserError: a class has no image, or a file is no JPEG or PNG.
    """

    def __init__(self, name: str, folder: Path, class_names: list[str], image_size: int):
        files, labels = [], []
        for label, class_name in enumerate(class_names):
            found = sorted(p for p in (folder / class_name).iterdir() if _is_image(p))
            if not found:
                raise UserError(f"{name}: no .jpg, .jpeg or .png in '{folder / class_name}'")
            files += [str(path) for path in found]
            labels += [label] * len(found)
        for file in files:
            _check_signature(name, file)
        super().__init__(name, np.array(labels), class_names, (image_size, image_size, 3))
        self._files = np.array(files)

    @functools.cached_property
    def _file_tensor(self) -> tf.Tensor:
        return eager_constant(self._files)

    def fetch(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns example `index`; see `Source.fetch`."""
        file = tf.io.read_file(tf.gather(self._file_tensor, index))
        image = tf.io.decode_image(file, channels=3, expand_animations=False)
        return _centre_square(image, self.image_shape[0]), tf.gather(self.label_tensor, index)


def _class_names(name: str, folder: Path) -> list[str]:
    classes = sorted(path.name for path in folder.iterdir() if path.is_dir())
    if len(classes) < 2:
        raise UserError(f"{name}: '{folder}' has {len(classes)} class folders, at least 2 needed")
    return classes


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def _check_signature(name: str, file: str) -> None:
    with open(file, "rb") as opened:
        if not opened.read(4).startswith(_SIGNATURES):
            raise UserError(f"{name}: '{file}' is neither a JPEG nor a PNG file")


def _centre_square(image: tf.Tensor, size: int) -> tf.Tensor:
    shape = tf.cast(tf.shape(image)[:2], tf.float32)
    target = tf.cast(tf.round(shape * size / tf.reduce_min(shape)), tf.int32)
    resized = tf.image.resize(tf.cast(image, tf.float32), target, "bicubic", antialias=True)
    square = tf.image.resize_with_crop_or_pad(resized, size, size)
    return tf.clip_by_value(tf.ensure_shape(square, (size, size, 3)), 0.0, 255.0)
