"""ImageNet (ILSVRC 2012) in its usual folders."""

import os
from pathlib import Path

import numpy as np

from tfadv.data.image_folder import image_folder
from tfadv.data.manifest import AUTO
from tfadv.data.source import Source, Splits
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
    published numbers of images, but not started.

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
    expanded = Path(os.path.expandvars(folder)).expanduser()
    if not expanded.is_dir():
        return _absent(folder, image_size)
    splits = image_folder(
        f"{expanded}/train",
        f"{expanded}/val",
        image_size,
        shorter_side,
        antialias,
        cubic_a,
        whole_pixels,
        exif_orientation,
        incomplete=incomplete,
    )
    if not incomplete:
        _check_classes(splits, expanded)
    return splits


def _check_classes(splits: Splits, folder: Path) -> None:
    if splits.train.classes != CLASSES:
        raise UserError(
            f"imagenet.folder: '{folder}' has {splits.train.classes} classes instead of "
            f"{CLASSES}; Experiment.dataset = 'image_folder' takes any number",
            "imagenet.folder",
        )


def _absent(folder: str, image_size: int) -> Splits:
    shape = (image_size, image_size, 3)
    return Splits(
        AbsentSource("ImageNet train", TRAIN_IMAGES, shape, folder),
        AbsentSource("ImageNet val", TEST_IMAGES, shape, folder),
    )


class AbsentSource(Source):
    """Images that are known of, but not here: enough for a plan.

    Args:
        name: where the images are from, for messages.
        examples: how many there are.
        image_shape: (height, width, 3).
        folder: where they were looked for.
    """

    def __init__(self, name: str, examples: int, image_shape, folder: str):
        classes = [f"class {number}" for number in range(CLASSES)]
        super().__init__(name, np.arange(examples) % CLASSES, classes, image_shape)
        self._folder = folder

    def check_present(self) -> None:
        """Raises `UserError`: they are not."""
        raise UserError(
            f"imagenet.folder: '{self._folder}' is no folder here: {self.name} can be planned "
            "(--dry_run), not read",
            "imagenet.folder",
        )

    def manifest(self, way: str = AUTO) -> None:
        """Returns None: nothing is known of them; see `Source.manifest`."""

    def fetch(self, index):
        """Raises `UserError`: there is nothing to fetch."""
        self.check_present()
