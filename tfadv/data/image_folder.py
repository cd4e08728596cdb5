"""Folders of image files, one for each class."""

import os
import unicodedata
from collections.abc import Mapping, Sequence

from tfadv.data.absent import AS_IF, AbsentSource
from tfadv.data.centre_square import CentreSquare
from tfadv.data.class_files import OTHER_SUFFIXES, SUFFIXES
from tfadv.data.class_lists import class_list
from tfadv.data.folder_source import FolderSource
from tfadv.data.paths import AnyPath, existing_path, scan
from tfadv.data.remote_path import Entry
from tfadv.data.source import Splits
from tfadv.errors import UserError, nearest
from tfadv.registry import DATASETS


@DATASETS.register("image_folder")
def image_folder(
    train: str | None,
    test: str,
    image_size: int,
    shorter_side: int | None = None,
    antialias: bool = True,
    cubic_a: float = -0.5,
    whole_pixels: bool = True,
    exif_orientation: bool = True,
    channels: int = 3,
    classes: str | None = None,
    incomplete: bool = False,
) -> Splits:
    """Returns the images under ``train/CLASS/*`` and ``test/CLASS/*``.

    Every image has its shorter side resized (bicubic) and its centre cropped to
    a square; augmentations that crop by themselves see it whole. The sorted
    folder names are the classes, the same in both, but dotted ones.

    By default images are resized as Pillow, and so torchvision, does it; ``antialias =
    False, cubic_a = -0.75`` is OpenCV's way. They lie as EXIF says, like in every viewer
    and in OpenCV's ``imread``; torchvision, Keras and TFDS leave them as they are stored.

    Args:
        train: folder to train on, local or with a scheme, such as ``gs://bucket/train``; ``~``
            and ``$VARIABLES`` are expanded. None where there is nothing but an evaluation.
        test: folder to evaluate on.
        image_size: height and width in pixels.
        shorter_side: in pixels before the crop; None takes `image_size`.
        antialias: whether to smooth an image that is made smaller; see `Bicubic`.
        cubic_a: a of the cubic kernel; see `Bicubic`.
        whole_pixels: whether resized pixels are rounded to whole numbers.
        exif_orientation: whether to turn images as their EXIF orientation says.
        channels: 1 grey, 2 grey and alpha, 3 colours, 4 colours and alpha.
        classes: which class is which number, where that is not the order of the folders'
            names: ``imagenet`` (the 1,000 WordNet numbers), or a text file with a name in
            each line. A class may then have no folder, and folders may be called
            by numbers, 0 to K-1, as those of ImageNet-V2 are.
        incomplete: whether empty classes and those of one split alone are taken, to look at.

    Raises:
        UserError: a folder is missing, holds no class folders or others than it should.
    """
    view = CentreSquare.of(
        "image_folder", image_size, shorter_side, antialias, cubic_a, whole_pixels
    )
    paths = {"image_folder.train": train, "image_folder.test": test}
    return _splits(paths, view, exif_orientation, channels, classes, incomplete)


image_folder.unbindable = ("incomplete",)  # to look at images, not to train on them


def _splits(
    paths: Mapping[str, str | None],
    view: CentreSquare,
    exif_orientation: bool,
    channels: int,
    classes: str | None,
    incomplete: bool,
) -> Splits:
    """Returns the images of two folders; see `image_folder`.

    Args:
        paths: by the parameters that name them.
        view: makes images of one size.
        exif_orientation: as `image_folder` has it.
        channels: likewise.
        classes: likewise.
        incomplete: likewise.
    """
    folders = {name: existing_path(path, name) for name, path in paths.items() if path is not None}
    found = {name: class_folders(name, folder) for name, folder in folders.items()}
    if classes is None:
        if not incomplete:
            _check_alike(*found.values())
        names = sorted(set().union(*found.values()))
        by_class = dict.fromkeys(found, names)
    else:
        names = class_list(classes, "image_folder.classes")
        by_class = {name: _in_order(name, folders[name], found[name], names) for name in found}
    sources = {
        name: FolderSource(
            name, folder, names, view, exif_orientation, channels, by_class[name], incomplete
        )
        for name, folder in folders.items()
    }
    return Splits(
        sources.get("image_folder.train")
        or _no_train(names, (view.image_size, view.image_size, channels)),
        sources["image_folder.test"],
    )


def _no_train(class_names: list[str], image_shape: tuple[int, int, int]) -> AbsentSource:
    reason = "image_folder.train = None: there is nothing to train on, only to evaluate"
    name = "image_folder.train"
    return AbsentSource(name, AS_IF, class_names, image_shape, reason, name, is_counted=False)


def _in_order(name: str, folder: AnyPath, found: list[str], class_names: list[str]) -> list[str]:
    """Returns the folder's name of each class, whether it is there or not."""
    by_number = [str(number) for number in range(len(class_names))]
    unknown = sorted(set(found) - set(class_names))
    if unknown and set(found) <= set(by_number):
        return by_number
    if unknown:
        more = f" ({len(unknown)} such folders)" if len(unknown) > 1 else ""
        raise UserError(
            f"{name}: '{unknown[0]}' in '{folder}' is none of the {len(class_names):,} classes "
            f"that image_folder.classes lists{more}.{nearest(unknown[0], class_names)}",
            name,
        )
    return class_names


def class_folders(name: str, folder: AnyPath) -> list[str]:
    """Returns the names of a folder's class folders, sorted.

    Args:
        name: where the images are from, for messages.
        folder: holds one folder a class.

    Raises:
        UserError: there are fewer than two.
    """
    if not folder.is_dir():
        raise UserError(f"{name}: '{folder}' is a file, not a folder of class folders", name)
    visible = [entry for entry in _entries(name, folder) if not entry.name.startswith(".")]
    classes = sorted(entry.name for entry in visible if entry.is_dir())
    if len(classes) < 2:
        loose = len(visible) - len(classes)
        hint = f", but {loose:,} files: sort them into folders, one a class" if loose else ""
        raise UserError(
            f"{name}: '{folder}' has {len(classes)} class folders, at least 2 needed{hint}", name
        )
    return classes


def _entries(name: str, folder: AnyPath) -> list[os.DirEntry | Entry]:
    try:
        return [*scan(folder, SUFFIXES + OTHER_SUFFIXES)]
    except OSError as error:
        raise UserError(f"{name}: '{folder}' can't be listed: {error.strerror}", name) from error


def _check_alike(train: list[str], test: Sequence[str] = ()) -> None:
    """Raises `UserError` if a class is in one alone, with its likely twin in the other."""
    test = test or train
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
