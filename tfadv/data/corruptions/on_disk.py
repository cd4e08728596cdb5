"""Corrupted images that lie on disk, as those of ImageNet-C do."""

import dataclasses

from tfadv.data.bad_images import BadImages
from tfadv.data.bicubic import Bicubic
from tfadv.data.centre_square import CentreSquare
from tfadv.data.folder_source import FolderSource
from tfadv.data.paths import existing_path
from tfadv.data.source import Source
from tfadv.errors import UserError

PARAMETER = "Evaluation.corrupted_images"


@dataclasses.dataclass(frozen=True)
class OnDisk:
    """Folders KIND/SEVERITY/CLASS/* of images that correspond to those of another folder.

    They have the size of a model's images already and are resized only where they don't.

    Attributes:
        folder: holds the kinds' folders; ``~`` and ``$VARIABLES`` are expanded.
        images: the images as they are, in folders too.

    Raises:
        UserError: they are not.
    """

    folder: str
    images: Source

    def __post_init__(self):
        if not isinstance(self.images, FolderSource):
            raise UserError(
                f"{PARAMETER} goes with images in folders, of all classes, and those of "
                f"{self.images.name} are not",
                PARAMETER,
            )

    def source(self, kind: str, severity: int) -> FolderSource:
        """Returns the images of one kind and severity, in the order of the images as they are.

        Raises:
            UserError: there is no such folder, or it holds other images.
            BadImagesError: images there can't be read.
        """
        path = existing_path(f"{self.folder}/{kind}/{severity}", PARAMETER)
        images = self.images
        size = images.image_shape[0]
        found = FolderSource(
            f"{images.name} with {kind} {severity}",
            path,
            list(images.class_names),
            CentreSquare(size, size, Bicubic(-0.5, antialias=True, whole_pixels=True)),
            images.exif_orientation,
            images.channels,
        )
        BadImages().apply(found, found.unreadable)
        names, theirs = list(images.relative_names()), list(found.relative_names())
        if names != theirs:
            first = next(iter(sorted(set(names) ^ set(theirs))))
            raise UserError(
                f"{PARAMETER}: the images of '{path}' are not those of {images.name}: '{first}' "
                "is in one alone",
                PARAMETER,
            )
        return found
