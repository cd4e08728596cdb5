"""ImageNet (ILSVRC 2012) in its usual folders."""

import os

import numpy as np

from tfadv.data.absent import AbsentSource
from tfadv.data.class_lists import IMAGENET, class_list
from tfadv.data.image_folder import image_folder
from tfadv.data.paths import AnyPath, as_path, existing_path
from tfadv.data.remote_path import RemotePath
from tfadv.data.source import Splits
from tfadv.errors import UserError
from tfadv.registry import DATASETS

CLASSES = 1000
TRAIN_IMAGES = 1_281_167
TEST_IMAGES = 50_000


@DATASETS.register("imagenet")
def imagenet(
    folder: str = "$IMAGENET_DIR",
    image_size: int = 224,
    shorter_side: int = 256,
    antialias: bool = False,
    cubic_a: float = -0.75,
    whole_pixels: bool = True,
    exif_orientation: bool = True,
    incomplete: bool = False,
) -> Splits:
    """Returns ``folder/train/CLASS/*`` and ``folder/val/CLASS/*``.

    Evaluation resizes the shorter side to 256 and takes the centre 224. The defaults are
    what the released pipeline's OpenCV makes of a file: ``imread`` (the accurate integer
    transform, turned as EXIF says), ``INTER_CUBIC`` (a = -0.75) and whole pixels.

    Where the folder isn't on this machine a run can still be planned, by the
    published numbers, not started. ``val`` alone is enough for an evaluation.

    Args:
        folder: holds ``train`` and ``val``; ``~`` and ``$VARIABLES`` are expanded.
        image_size: height and width in pixels.
        shorter_side: in pixels before the crop, in evaluation.
        antialias: whether to smooth an image that is made smaller; see `Bicubic`.
        cubic_a: a of the cubic kernel; see `Bicubic`.
        whole_pixels: whether resized pixels are rounded to whole numbers.
        exif_orientation: whether to turn images as their EXIF orientation says.
        incomplete: whether a part of ImageNet is taken too, to look at it.

    Raises:
        UserError: the folder is there and is not ImageNet's.
    """
    expanded = _path(folder)
    if not expanded.is_dir():
        reason = f"'{folder}' is no folder here: ImageNet can be planned (--dry_run), not read"
        return Splits(*(_absent(split, image_size, reason) for split in ("train", "val")))
    train, val = expanded / "train", expanded / "val"
    splits = image_folder(
        str(train) if train.exists() or not val.exists() else None,
        str(val),
        image_size,
        shorter_side,
        antialias,
        cubic_a,
        whole_pixels,
        exif_orientation,
        classes=None if incomplete else IMAGENET,
        incomplete=incomplete,
    )
    return splits if incomplete else _whole(splits, expanded)


imagenet.unbindable = ("incomplete",)  # to look at images, not to train on them


def _path(folder: str) -> AnyPath:
    """Returns the folder; where it isn't on this machine, or its variable isn't set, too."""
    path = as_path(os.path.expanduser(os.path.expandvars(folder)))  # noqa: PTH111
    return existing_path(folder, "imagenet.folder") if isinstance(path, RemotePath) else path


def _whole(splits: Splits, folder: AnyPath) -> Splits:
    """Returns the splits; warns of other numbers of images than are published.

    Training images that aren't there are counted as published.

    Raises:
        UserError: classes have no image.
    """
    if isinstance(splits.train, AbsentSource):
        reason = f"no '{folder / 'train'}': there is nothing to train on, only to plan and evaluate"
        size = splits.test.image_shape[0]
        splits = splits._replace(train=_absent("train", size, reason))
    for source, images in zip(splits, (TRAIN_IMAGES, TEST_IMAGES), strict=True):
        missing = np.setdiff1d(np.arange(source.classes), source.labels)
        if len(missing):
            raise UserError(
                f"imagenet.folder: {source.name} in '{folder}' has images of "
                f"{source.classes - len(missing):,} of the {source.classes:,} classes, none of "
                f"{source.class_names[missing[0]]}; Experiment.dataset = 'image_folder' takes any",
                "imagenet.folder",
            )
        if len(source) != images and not isinstance(source, AbsentSource):
            source.warnings += (f"{source.name}: {len(source):,} images, ImageNet has {images:,}",)
    return splits


def _absent(split: str, image_size: int, reason: str) -> AbsentSource:
    parameter, shape = "imagenet.folder", (image_size, image_size, 3)
    examples = {"train": TRAIN_IMAGES, "val": TEST_IMAGES}[split]
    names = class_list(IMAGENET, parameter)
    text = f"{parameter}: {reason}"
    return AbsentSource(f"ImageNet {split}", examples, names, shape, text, parameter)
