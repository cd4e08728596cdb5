"""Folders of JPEG and PNG files, one for each class."""

import unicodedata
from pathlib import Path

from tfadv.data.centre_square import CentreSquare
from tfadv.data.folder_source import FolderSource
from tfadv.data.paths import existing_path
from tfadv.data.source import Splits
from tfadv.errors import UserError, nearest
from tfadv.registry import DATASETS


@DATASETS.register("image_folder")
def image_folder(
    train: str,
    test: str,
    image_size: int,
    shorter_side: int | None = None,
    antialias: bool = True,
    cubic_a: float = -0.5,
    whole_pixels: bool = True,
    exif_orientation: bool = True,
    channels: int = 3,
) -> Splits:
    """Returns the images under ``train/CLASS/*`` and ``test/CLASS/*``.

    Every image has its shorter side resized (bicubic) and its centre cropped to
    a square; augmentations that crop by themselves see it whole. The sorted
    folder names are the classes, the same in both. Names that begin with a dot
    are ignored.

    By default images are resized as Pillow, and so torchvision, does it; ``antialias =
    False, cubic_a = -0.75`` is OpenCV's way. They lie as EXIF says, like in every viewer
    and in OpenCV's ``imread``; torchvision, Keras and TFDS leave them as they are stored.

    Args:
        train: folder to train on; ``~`` and ``$VARIABLES`` are expanded.
        test: folder to evaluate on.
        image_size: height and width in pixels.
        shorter_side: in pixels before the crop; None takes `image_size`.
        antialias: whether to smooth an image that is made smaller; see `Bicubic`.
        cubic_a: a of the cubic kernel; see `Bicubic`.
        whole_pixels: whether resized pixels are rounded to whole numbers.
        exif_orientation: whether to turn images as their EXIF orientation says.
        channels: 1 grey, 2 grey and alpha, 3 colours, 4 colours and alpha.
    """
    view = CentreSquare.of(
        "image_folder", image_size, shorter_side, antialias, cubic_a, whole_pixels
    )
    folders = {
        "image_folder.train": existing_path(train, "image_folder.train"),
        "image_folder.test": existing_path(test, "image_folder.test"),
    }
    train_classes, test_classes = (_class_names(*item) for item in folders.items())
    _check_alike(train_classes, test_classes)
    return Splits(
        *(
            FolderSource(name, folder, train_classes, view, exif_orientation, channels)
            for name, folder in folders.items()
        )
    )


def _class_names(name: str, folder: Path) -> list[str]:
    if not folder.is_dir():
        raise UserError(f"{name}: '{folder}' is a file, not a folder of class folders", name)
    visible = (path for path in folder.iterdir() if not path.name.startswith("."))
    classes = sorted(path.name for path in visible if path.is_dir())
    if len(classes) < 2:
        raise UserError(f"{name}: '{folder}' has {len(classes)} class folders, at least 2 needed")
    return classes


def _check_alike(train: list[str], test: list[str]) -> None:
    """Raises `UserError` if a class is in one alone, with its likely twin in the other."""
    alone = sorted(set(train) ^ set(test))
    if not alone:
        return
    name = alone[0]
    others = [other for other in alone if (other in train) != (name in train)]
    if any(_composed(other) == _composed(name) for other in others):
        hint = " The other has that name in another Unicode form."
    else:
        hint = nearest(name, others)
    more = f" ({len(alone)} such classes)" if len(alone) > 1 else ""
    raise UserError(f"image_folder: class '{name}' is only in one of train and test{more}.{hint}")


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)
